"""The one family of exceptions of facevid. Each message names the file, says what is wrong and what to do."""

import re

LONGEST_MESSAGE = 2000
"""Characters of a message, and of a line on the terminal; of longer ones the middle is left out."""

LONGEST_REASON = 160
"""Characters quoted of the message of another library."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line breaks, changes of the direction of text, and what stands for bytes that are no text."""


def printable(text: str, longest: int = LONGEST_MESSAGE) -> str:
    r"""Return a text as one line that a terminal shows as it is: a line break becomes `\n`, an escape `\x1b`."""
    if len(text) > longest:
        kept = longest // 2
        text = f"{text[:kept]} [...] {text[-kept:]}"
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def reason(error: Exception | str) -> str:
    """Say in a few words why another library failed: the first line of its message, else the kind of its error."""
    told = getattr(error, "strerror", None) or str(error)
    return told.strip().partition("\n")[0][:LONGEST_REASON] or type(error).__name__


class FacevidError(Exception):
    """Anything a user can mend; `str(error)` is one line made for them."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class UsageError(FacevidError):
    """What was asked for cannot be: an unknown attribute, a value out of range, OUT the same file as IN."""


class InputError(FacevidError):
    """A source that is missing, or that cannot be decoded."""


class NoFaceError(FacevidError):
    """A source in which there is no face to edit."""


class ModelError(FacevidError):
    """A model, or weights, that are missing, damaged, or of another kind than asked for."""


class OutputError(FacevidError):
    """A result that cannot be written: no such folder, no permission, no space, already there."""


class ShotsError(FacevidError):
    """Some shots of a folder that could not be edited; the others were."""
