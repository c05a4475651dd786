"""Exceptions of facevid. Each message is one line that names the file, the problem and the remedy."""

import re
from collections.abc import Sequence

MAX_MESSAGE_LENGTH = 2000
"""Maximum length, in characters, of a message and of a line on the terminal. Names and arguments can be arbitrarily
long; the middle of longer text is cut out, because its beginning and its end identify it."""

MAX_REASON_LENGTH = 160
"""Maximum number of characters quoted from another library's message: enough for one sentence."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, bidirectional text controls, and surrogates (undecodable bytes)."""


def printable(text: str, max_length: int = MAX_MESSAGE_LENGTH) -> str:
    r"""Escape control characters, so that text takes one line and cannot control the terminal.

    A line break becomes `\n`, an escape character `\x1b`.

    Args:
        text: any text, such as a file name.
        max_length: maximum length in characters; the middle of longer text is replaced by [...].
    """
    if len(text) > max_length:
        half = max_length // 2
        text = f"{text[:half]} [...] {text[-half:]}"
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def reason(error: Exception | str) -> str:
    """Return a short reason for another library's error: the first line of its message, else its class name."""
    message = getattr(error, "strerror", None) or str(error)
    return message.strip().partition("\n")[0][:MAX_REASON_LENGTH] or type(error).__name__


class FacevidError(Exception):
    """Base class of errors that a user can fix. `str(error)` is one printable line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class UsageError(FacevidError):
    """Invalid usage: an unknown attribute, a value out of range, the same file for IN and OUT."""


def combined(errors: Sequence[UsageError]) -> UsageError:
    """Return one error for several mistakes, so that all can be corrected at once."""
    if len(errors) == 1:
        return errors[0]
    return UsageError(f"{len(errors)} mistakes: " + "; ".join(f"({i}) {error}" for i, error in enumerate(errors, 1)))


class InputError(FacevidError):
    """An input file that is missing or cannot be decoded."""


class NoFaceError(FacevidError):
    """An input without a face to edit."""


class ModelError(FacevidError):
    """A model or weights file that is missing, damaged or of the wrong kind."""


class OutputError(FacevidError):
    """A result that cannot be written: missing folder, no permission, no space, or an existing file."""


class EngineError(FacevidError):
    """Workers that cannot be reached, or were lost repeatedly."""


class ShotsError(FacevidError):
    """Some shots of a batch failed; the others were edited."""


_EXIT_CODES: dict[type[Exception], int] = {
    UsageError: 2,
    InputError: 3,
    NoFaceError: 4,
    ModelError: 5,
    OutputError: 6,
    ShotsError: 7,
    EngineError: 1,
    OSError: 6,
}


def exit_code(error: Exception) -> int:
    """Return the exit code of the program, or of one shot of a batch, that ends with this error."""
    return next((code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)), 1)


def describe(error: Exception) -> str:
    """Return a one-line message for any error."""
    if isinstance(error, FacevidError):
        return str(error)
    if isinstance(error, OSError):
        return printable(
            f"{error.filename or 'a file'}: {reason(error)}; check its permissions and the free disk space"
        )
    if isinstance(error, ImportError):
        return printable(f"{error}; run bin/setup to reinstall facevid (it also handles a missing libGL)")
    return printable(f"unexpected {type(error).__name__}: {error}; please report it with the output of -v")
