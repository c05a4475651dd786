"""`facevid batch`."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from facevid.cli.batch_tasks import make_tasks
from facevid.cli.shared_options import (
    PartType,
    PathType,
    address_option,
    engine_option,
    json_option,
    quiet_option,
    verbose_option,
)
from facevid.cli.terminal import add_row, print_line, print_table
from facevid.errors import OutputError, ShotsError, UsageError, reason
from facevid.options import EngineName, EngineOptions

if TYPE_CHECKING:
    from facevid.batch.batch_run import ShotOutcome
    from facevid.batch.shot_state import ShotTask

CORES_PER_WORKER = 4
"""CPU cores for each worker on a machine without a GPU: one edit hardly runs faster on more."""

MAX_JOBS = 1024
"""Upper bound of --jobs: more processes than any machine has use for."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="SHOTS", type=PathType())
@click.argument("results", metavar="OUT", type=PathType())
@click.argument("options", metavar="[OPTIONS OF FACEVID EDIT]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-j",
    "--jobs",
    "--workers",
    "workers",
    type=click.IntRange(1, MAX_JOBS),
    help="Shots to edit at the same time.  [default: one for each GPU, else one for every four CPU cores; on a Ray "
    "cluster, as many as it has room for]",
)
@engine_option
@address_option
@click.option(
    "--table",
    type=PathType(),
    metavar="FILE",
    help="CSV file of the shots to edit: a column shot, and columns named as options, such as attr, frames, face.",
)
@click.option(
    "--part",
    type=PartType(),
    metavar="I/N",
    help="Edit only the I-th of N parts of the shots, as one task of a render farm: 1/8 to 8/8.",
)
@click.option(
    "--no-face",
    type=click.Choice(["fail", "pass"]),
    default="fail",
    show_default=True,
    help="pass: copy a shot without a face to edit, encoded as the others, so that the delivery is complete.",
)
@click.option("--log", type=PathType(), metavar="FILE", help="Append a line of JSON about each shot to this file.")
@click.option("-y", "--overwrite", is_flag=True, help="Also replace existing results that facevid batch did not make.")
@json_option
@quiet_option
@verbose_option
def command(
    folder: Path,
    results: Path,
    options: tuple[str, ...],
    *,
    workers: int | None,
    engine: EngineName,
    address: str | None,
    table: Path | None,
    part: tuple[int, int] | None,
    no_face: str,
    log: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Edit all video files and image sequences in the folder SHOTS and its subfolders.

    Takes all options of `facevid edit`, after SHOTS and OUT. In an option, {shot} is replaced by the shot's name
    without its extension. Options in a file shot.toml beside a shot replace these options, and those of --table replace
    both.

    Results are written to the same names under OUT; results of MXF, AVI, TS and MPG files are MOV files. A record of
    each is kept in OUT/.facevid. The same command again edits what has failed, and what has changed: the source, an
    option, a file that an option names, the model, or the version of facevid. If one shot fails, the others are still
    edited; the exit code is 7.

    \b
    Examples:
      facevid batch shots edited --attr smile=+1
      facevid batch shots edited --attr age=-0.5 --face all --jobs 4
      facevid batch plates edited --attr smile=1 --layers layers/{shot} --log edited.jsonl
      facevid batch plates edited --edits edits/{shot}.toml --no-face pass
      facevid batch plates edited --table shots.csv
    """
    if str(folder).startswith("-") and not folder.exists():
        raise UsageError("write SHOTS and OUT before the options: facevid batch SHOTS OUT --attr smile=+1")
    tasks = make_tasks(folder, results, options, table, overwrite=overwrite, copy_without_face=no_face == "pass")
    if part:
        tasks = tasks[part[0] - 1 :: part[1]]
    verbose = bool((click.get_current_context().obj or {}).get("verbose"))
    with ExitStack() as stack:
        reporter = Reporter(_open_log(log, stack), quiet=quiet, verbose=verbose)
        outcomes = _edit(tasks, EngineOptions(engine, workers, address), reporter)
    if as_json:
        click.echo(json.dumps([outcome.as_json() for outcome in outcomes]))
    elif not quiet:
        _print_table(outcomes)
    _raise_failures(outcomes)


class Reporter:
    """Prints the outcome of each shot and writes it to the log."""

    def __init__(self, log: TextIO | None, *, quiet: bool, verbose: bool) -> None:
        self._log, self._quiet, self._verbose = log, quiet, verbose

    def __call__(self, outcome: "ShotOutcome") -> None:
        """Report the outcome of a shot."""
        if not self._quiet:
            print_line(f"{outcome.shot}: {_state_text(outcome)}", err=True)
        if self._verbose:
            for line in outcome.trace.splitlines():
                print_line(line, err=True)
        for warning in outcome.warnings if outcome.state == "done" else ():
            print_line(f"facevid: warning: {outcome.shot}: {warning}", err=True)
        if outcome.message:
            print_line(f"facevid: {outcome.shot}: {outcome.message}", err=True)
        if self._log and outcome.state != "busy":
            try:
                self._log.write(json.dumps(outcome.as_json()) + "\n")
                self._log.flush()
            except OSError as error:
                raise OutputError(f"{self._log.name}: cannot be written ({reason(error)}); free some space") from error


def _edit(
    tasks: Sequence["ShotTask"], options: EngineOptions, report: Callable[["ShotOutcome"], None]
) -> list["ShotOutcome"]:
    """Edit the shots on an engine; return their outcomes."""
    from facevid.batch.batch_run import edit_shots
    from facevid.engines import open_engine

    uses_gpus = any(task.options.compute.device == "auto" for task in tasks)
    if options.engine == "local":
        gpus = _gpu_count() if uses_gpus else 0
        workers = options.workers or gpus or max((os.cpu_count() or 1) // CORES_PER_WORKER, 1)
        options = replace(options, workers=min(workers, max(len(tasks), 1)))
    else:
        gpus = int(uses_gpus)
    with open_engine(options, gpus) as engine:
        return edit_shots(tasks, engine, report)


def _gpu_count() -> int:
    import torch

    return torch.cuda.device_count()


def _open_log(path: Path | None, stack: ExitStack) -> TextIO | None:
    if path is None:
        return None
    try:
        return stack.enter_context(path.open("a", encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); choose another file") from error


def _state_text(outcome: "ShotOutcome") -> str:
    """Describe the state of a shot in a few words."""
    reasons = ", ".join(outcome.reasons)
    match outcome.state:
        case "done":
            return f"done in {outcome.seconds:.0f} s" + (f" (again: {reasons})" if reasons else "")
        case "kept":
            return "kept: nothing has changed"
        case "busy":
            return f"being edited by another run ({reasons}); waiting for it at the end"
        case "failed":
            return f"failed ({outcome.code})"


def _print_table(outcomes: Iterable["ShotOutcome"]) -> None:
    """Print a line for each shot, and the number of shots in each state."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("shot", "state", "frames", "edited", "faces", "seconds", "warnings"):
        table.add_column(column, justify="left" if column in ("shot", "state") else "right")
    counts: dict[str, int] = {}
    for outcome in outcomes:
        state = f"failed ({outcome.code})" if outcome.state == "failed" else outcome.state
        numbers = (outcome.frames, outcome.edited, outcome.faces, round(outcome.seconds), len(outcome.warnings))
        texts = [""] * len(numbers) if outcome.state == "failed" else [str(number) for number in numbers]
        add_row(table, outcome.shot, state, *texts)
        counts[outcome.state] = counts.get(outcome.state, 0) + 1
    print_table(table, soft_wrap=True)
    print_line(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))


def _raise_failures(outcomes: Sequence["ShotOutcome"]) -> None:
    """Raise ShotsError if shots failed; the message separates failures that can be temporary from the others."""
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if not failed:
        return
    texts = []
    for may_mend, text in ((True, "try again"), (False, "change first")):
        shots = [f"{each.shot} ({each.code})" for each in failed if each.may_mend == may_mend]
        if shots:
            texts.append(f"{text}: {', '.join(shots)}")
    raise ShotsError(f"{len(failed)} of {len(outcomes)} shots failed (exit codes in brackets); {'; '.join(texts)}")
