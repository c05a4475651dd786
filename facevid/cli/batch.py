"""`facevid batch`."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from facevid.batch import ShotOutcome, edit_shots, find_shots
from facevid.batch.farm import SHOT
from facevid.cli.common import PathType, json_option, overwrite_option, quiet_option
from facevid.cli.edit import check_options
from facevid.cli.terminal import print_line
from facevid.errors import ShotsError, UsageError

CORES_PER_JOB = 4
"""CPU cores for each job on a machine without a GPU: one edit hardly runs faster on more."""

MOST_JOBS = 1024
"""Upper bound of --jobs: more processes than any machine has use for."""

PER_SHOT_OPTIONS = ("--compare", "compare"), ("--layers", "layers")
"""Options that name an output of one shot, each with its parameter's name; their values must contain {shot}."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="SHOTS", type=PathType())
@click.argument("results", metavar="OUT", type=PathType())
@click.argument("options", metavar="[OPTIONS OF FACEVID EDIT]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    help="Shots to edit at the same time.  [default: one for each GPU, else one for every four CPU cores]",
)
@overwrite_option
@json_option
@quiet_option
def command(
    folder: Path,
    results: Path,
    options: tuple[str, ...],
    *,
    jobs: int | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Edit all video files and image sequences in the folder SHOTS and its subfolders.

    Takes all options of `facevid edit`, after SHOTS and OUT. In an option, {shot} is replaced by the shot's name
    without its extension.

    Results are written to the same names under OUT; results of MXF, AVI, TS and MPG files are MOV files. Shots that
    already have a result are skipped, so run the same command again after an interruption or a failure. If one shot
    fails, the others are still edited. Several machines may run the same command on shared folders; each shot is
    edited by one of them.

    \b
    Examples:
      facevid batch shots edited --attr smile=+1
      facevid batch shots edited --attr age=-0.5 --face all --jobs 4
      facevid batch plates edited --attr smile=1 --layers layers/{shot}
    """
    if str(folder).startswith("-"):
        raise UsageError("write SHOTS and OUT before the options: facevid batch SHOTS OUT --attr smile=+1")
    parsed = check_options([str(folder), str(results), *options])
    for option, name in PER_SHOT_OPTIONS:
        if parsed[name] is not None and SHOT not in str(parsed[name]):
            raise UsageError(f"{option} {parsed[name]}: all shots would write to it; put {SHOT} into the name")
    shots = find_shots(folder, results)
    devices = _cuda_devices() if parsed["device"] == "auto" else []
    outcomes = edit_shots(
        shots,
        options,
        jobs=jobs or len(devices) or max((os.cpu_count() or 1) // CORES_PER_JOB, 1),
        devices=devices,
        overwrite=overwrite,
        report=_print_messages if quiet else _print_outcome,
    )
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes]))
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if failed:
        shots_and_codes = "; ".join(f"{outcome.shot} ({outcome.code})" for outcome in failed)
        raise ShotsError(
            f"{len(failed)} of {len(outcomes)} shots failed (exit codes in brackets): {shots_and_codes}; "
            "fix them and run the same command again"
        )


def _cuda_devices() -> list[str]:
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def _print_outcome(outcome: ShotOutcome) -> None:
    """Print one line on a shot's outcome, then the messages of its `facevid edit`."""
    match outcome.state:
        case "kept":
            line = "skipped, its result exists"
        case "elsewhere":
            line = f"in progress on {outcome.message}"
        case "failed":
            line = f"failed ({outcome.code})"
        case "done":
            line = f"done in {outcome.seconds:.0f} s"
    print_line(f"{outcome.shot}: {line}", err=True)
    _print_messages(outcome)


def _print_messages(outcome: ShotOutcome) -> None:
    """Print the warnings and errors of a shot's `facevid edit`."""
    if outcome.message and outcome.state != "elsewhere":
        for line in outcome.message.splitlines():
            print_line(line, err=True)
