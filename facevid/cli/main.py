"""`facevid`: finds the command, runs it, and turns its end into an exit code. Exit codes live here alone."""

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

from facevid.cli.terminal import say
from facevid.errors import (
    FacevidError,
    InputError,
    ModelError,
    NoFaceError,
    OutputError,
    ShotsError,
    UsageError,
    printable,
    reason,
)

COMMANDS = {
    "edit": "Edit faces in a video or a picture.",
    "batch": "Edit every shot under a folder.",
    "inspect": "Preview the tracking of a shot before a long render.",
    "sheet": "Draw a figure of attributes over a range of strengths.",
    "attrs": "List the attributes that a model can edit.",
    "models": "Import, check and list face models.",
    "train": "Train editors on your own pictures, or a face model.",
    "evaluate": "Measure editors and face models.",
    "bench": "Time every stage of an edit on this machine.",
}

EXIT_CODES: dict[type[FacevidError], int] = {
    UsageError: 2,
    InputError: 3,
    NoFaceError: 4,
    ModelError: 5,
    OutputError: 6,
    ShotsError: 7,
}
INTERRUPTED = 130

_DASH = " Write a file whose name begins with a dash as ./-name, or put -- before it."


class LazyCommands(click.Group):
    """Imports a command's file only when it runs, so that `--help` and `--version` answer without torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order of a person's first hour with them."""
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
        """Find the command; say which is nearest to one that is unknown."""
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f'there is no command "{args[0]}"; did you mean "{near[0]}"?')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("facevid"), prog_name="facevid")
def cli() -> None:
    """Edit facial attributes in video.

    \b
      facevid edit in.mp4 out.mp4 --attr smile=+1 --attr age=-0.5
      facevid inspect in.mp4
    """


def main() -> None:
    """Run the command line and exit. One line on stderr says what went wrong; a traceback only with -v."""
    state = {"verbose": False}
    _show_warnings()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup has it ignored
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        code = cli.main(standalone_mode=False, obj=state)
    except click.ClickException as error:
        hint = _DASH if isinstance(error, click.NoSuchOption) and _is_a_file(sys.argv) else ""
        vars(error)["message"] = printable(error.message) + hint  # an argument may hold anything
        error.show()
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = _fail("interrupted; no unfinished result is left", INTERRUPTED, state)
    except FacevidError as error:
        code = _fail(str(error), next(c for kind, c in EXIT_CODES.items() if isinstance(error, kind)), state)
    except OSError as error:
        code = _fail(_of_the_system(error), EXIT_CODES[OutputError], state)
    except ImportError as error:
        code = _fail(f"{error}; install facevid again with bin/setup, which mends a missing libGL too", 1, state)
    except Exception as error:
        code = _fail(f"unexpected {type(error).__name__}: {error}; please report it, with the output of -v", 1, state)
    sys.exit(code if isinstance(code, int) else 0)


def _is_a_file(arguments: list[str]) -> bool:
    """Return whether an argument looks like an option, but is named like a file."""
    return any(re.fullmatch(r"-[^=]*\.\w{2,4}", argument) for argument in arguments)


def _show_warnings() -> None:
    """Print the warnings of this package, one a line."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("facevid: warning: %(message)s"))
    logging.getLogger("facevid").handlers = [handler]


def _of_the_system(error: OSError) -> str:
    """Say what the system refused; where it is to print, have what is left in the buffer go nowhere."""
    if error.filename:
        return f"{error.filename}: {reason(error)}; check its access rights, and the space on its disk"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return f"standard output cannot be written to: {reason(error)}; send it elsewhere"


def _fail(message: str, code: int, state: dict[str, bool]) -> int:
    if state["verbose"]:
        for line in traceback.format_exc().splitlines():
            say(line, err=True)
    say(f"facevid: {message}", err=True)
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does: a render farm stops its jobs with SIGTERM, a closed terminal with SIGHUP."""
    raise KeyboardInterrupt
