"""Entry point of `facevid`: dispatches to a command and maps exceptions to exit codes."""

import atexit
import difflib
import importlib
import logging
import os
import re
import signal
import sys
import traceback
from importlib.metadata import version
from types import FrameType

import click

from facevid.cli.terminal import print_line
from facevid.errors import OutputError, describe, exit_code, printable, reason
from facevid.utils.cores import configure_process

COMMANDS = {
    "edit": "Edit faces in a video, an image sequence or a picture.",
    "preview": "Choose strengths by eye, on a page in the browser.",
    "batch": "Edit all shots in a folder.",
    "inspect": "Preview the face tracking of a shot before editing it.",
    "sheet": "Draw a figure of attributes over a range of strengths.",
    "attrs": "List the attributes that a model can edit.",
    "models": "Import, download, list and check face models.",
    "train": "Train editors, face models and occlusion networks.",
    "tune": "Fit a StyleGAN2 model to the face in one shot.",
    "evaluate": "Measure edits, editors, face models and occlusion masks.",
    "cache": "Show or clear the cache of analysis results.",
    "bench": "Time every stage of an edit on this machine.",
}

INTERRUPTED = 130
"""Exit code after SIGINT, SIGTERM or SIGHUP: 128 + 2, as shells report SIGINT."""

_DASH_HINT = " For a file name that begins with a dash, write ./-name, or put -- before it."


class LazyCommands(click.Group):
    """Imports a command's module only when it runs, so that `--help` and `--version` do not import torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands, most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `facevid.cli.<name>` and return its `command`."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"facevid.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command; for an unknown one, suggest the closest match."""
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f'no such command "{args[0]}"; did you mean "{near[0]}"?')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help text's list of commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("facevid"), prog_name="facevid")
def cli() -> None:
    """Edit facial attributes in video: expression, age, sex, make-up and more.

    \b
      facevid edit in.mp4 out.mp4 --attr smile=+1 --attr age=-0.5
      facevid inspect in.mp4
    """


def main() -> None:
    """Run the command line and exit. An error prints one line on stderr, and a traceback only with -v."""
    state = {"verbose": False}
    configure_process()
    _show_warnings()
    interruption = _Interruption()
    signal.signal(signal.SIGTERM, interruption)
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as SIGHUP is under nohup
            signal.signal(number, interruption)
    try:
        code = cli.main(standalone_mode=False, obj=state)
    except click.ClickException as error:
        hint = _DASH_HINT if isinstance(error, click.NoSuchOption) and _has_dashed_file_name(sys.argv) else ""
        vars(error)["message"] = printable(error.message) + hint  # it may quote an argument
        error.show()
        code = error.exit_code
    except (Exception, KeyboardInterrupt) as error:
        if interruption.is_requested or isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
            code = _fail("interrupted; no unfinished result is left", INTERRUPTED, state)
        elif isinstance(error, OSError) and not error.filename:
            code = _fail(_describe_output_error(error), exit_code(error), state)
        else:
            code = _fail(describe(error), exit_code(error), state)
    sys.exit(code if isinstance(code, int) else 0)


def run() -> None:
    """Run the command line as a process of its own, and end the process.

    The handlers of `atexit` run, but modules are not finalised, which takes up to half a second with PyTorch.
    """
    try:
        main()
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:  # the reading end of a pipe was closed
        code = code or exit_code(OutputError(reason(error)))
    atexit._run_exitfuncs()
    os._exit(code)


def _has_dashed_file_name(arguments: list[str]) -> bool:
    """Return whether an argument begins with a dash and ends with a file extension."""
    return any(re.fullmatch(r"-[^=]*\.\w{2,4}", argument) for argument in arguments)


def _show_warnings() -> None:
    """Print this package's warnings on stderr, one on each line."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("facevid: warning: %(message)s"))
    logging.getLogger("facevid").handlers = [handler]


def _describe_output_error(error: OSError) -> str:
    """Return a message for an OSError without a file name, which comes from writing to standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # flushing stdout's buffer at exit would fail again
    return f"cannot write to standard output: {reason(error)}; redirect it elsewhere"


def _fail(message: str, code: int, state: dict[str, bool]) -> int:
    if state["verbose"]:
        for line in traceback.format_exc().splitlines():
            print_line(line, err=True)
    print_line(f"facevid: {message}", err=True)
    return code


class _Interruption:
    """Handles SIGTERM (sent by render farms) and SIGHUP (a closed terminal) like Ctrl-C.

    Attributes:
        is_requested: whether a signal has arrived. PyTorch can turn the KeyboardInterrupt into a ValueError, where its
            C++ code calls Python.
    """

    def __init__(self) -> None:
        self.is_requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.is_requested = True
        raise KeyboardInterrupt
