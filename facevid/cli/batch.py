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
from facevid.cli.terminal import say
from facevid.errors import ShotsError, UsageError

CORES_A_JOB = 4
"""Where there is no GPU: an edit makes little use of more."""
MOST_JOBS = 1024
OF_ONE_SHOT = ("--compare", "compare"), ("--layers", "layers")
"""Options, and their parameters, that name what is written for one shot."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="SHOTS", type=PathType())
@click.argument("results", metavar="OUT", type=PathType())
@click.argument("options", metavar="[OPTIONS OF FACEVID EDIT]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    help="Shots at once.  [default: one a GPU, else one for every four cores]",
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
    """Edit every shot under the folder SHOTS: video files and image sequences, in folders below it, too.

    Results get the shots' own names, under OUT; of MXF, AVI, TS and MPG files they are MOV files. Shots whose result is
    there are kept as they are: after an interruption or a failure, run it again. Any number of machines may run it at
    once on folders that they share; each shot is edited by one of them. A shot that fails does not stop the others.

    {shot} in an option stands for the shot's name without its suffix.

    \b
    Examples:
      facevid batch shots edited --attr smile=+1
      facevid batch shots edited --attr age=-0.5 --face all --jobs 4
      facevid batch plates edited --attr smile=1 --layers layers/{shot}
    """
    if str(folder).startswith("-"):
        raise UsageError("SHOTS and OUT come first: facevid batch SHOTS OUT --attr smile=+1")
    chosen = check_options([str(folder), str(results), *options])
    for option, name in OF_ONE_SHOT:
        if chosen[name] is not None and SHOT not in str(chosen[name]):
            raise UsageError(f"{option} {chosen[name]}: all shots would share it; put {SHOT} into it")
    shots = find_shots(folder, results)
    devices = _devices() if chosen["device"] == "auto" else []
    outcomes = edit_shots(
        shots,
        options,
        jobs=jobs or len(devices) or max((os.cpu_count() or 1) // CORES_A_JOB, 1),
        devices=devices,
        overwrite=overwrite,
        tell=_tell_messages if quiet else _tell,
    )
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes]))
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if failed:
        told = "; ".join(f"{each.shot} ({each.code})" for each in failed)
        raise ShotsError(
            f"{len(failed)} of {len(outcomes)} shots failed, with exit codes: {told}; run it again for these"
        )


def _devices() -> list[str]:
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def _tell(outcome: ShotOutcome) -> None:
    """Say how a shot ended, and what `facevid edit` said."""
    match outcome.state:
        case "kept":
            line = "there already"
        case "elsewhere":
            line = f"left to {outcome.message}"
        case "failed":
            line = f"failed ({outcome.code})"
        case "done":
            line = f"done in {outcome.seconds:.0f} s"
    say(f"{outcome.shot}: {line}", err=True)
    _tell_messages(outcome)


def _tell_messages(outcome: ShotOutcome) -> None:
    """Pass on warnings and errors."""
    if outcome.message and outcome.state != "elsewhere":
        for line in outcome.message.splitlines():
            say(line, err=True)
