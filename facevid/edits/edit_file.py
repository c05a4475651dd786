"""Which face gets which edits, and the TOML file that says so for a whole shot (`--edits`).

    [[face]]
    face = 0                                        # or [0, 2], "largest" (the default), "all", "person.jpg"
    frames = "1001-1100"                            # all where it is left out
    attr = ["smile=+1", "age=0@1001,-0.5@1050"]     # as --attr takes them

Entries are applied in order, those for the same face one after another.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facevid.edits.attribute_edit import AttributeEdit, check_totals, parse_edit
from facevid.errors import InputError, UsageError, reason
from facevid.options import Faces

KEYS = ("face", "frames", "attr")


@dataclass(frozen=True)
class FaceEdits:
    """What is done to some of a clip's faces.

    Attributes:
        edits: applied one after another, in this order.
        faces: whose, as in `TrackingOptions`.
        frames: first and last frame in which, as in `EditOptions`; None is all.
        origin: where this was read, such as `shot.toml, entry 2`; what is wrong with it is told under that name.
    """

    edits: Sequence[AttributeEdit]
    faces: Faces = "largest"
    frames: tuple[int, int] | None = None
    origin: str = ""


@contextmanager
def error_context(origin: str) -> Iterator[None]:
    """Begin the message of a UsageError with where the edits come from that it is about."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{origin}: {error}" if origin else str(error)) from error


def read_edits(path: Path) -> list[FaceEdits]:
    """Read an edit file.

    Raises:
        InputError: there is no such file, or it cannot be read.
        UsageError: it is not TOML, or something in it is unknown or cannot be.
    """
    try:
        text = path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {reason(error).lower()}; check its name") from error
    try:
        told = tomllib.loads(text.decode("utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {reason(error)}; mend that line") from error
    except RecursionError as error:
        raise UsageError(f"{path}: lists or tables lie too deep in each other; mend it") from error
    entries = told.pop("face", None)
    if told:
        raise UsageError(f'{path}: unknown "{next(iter(told))}"; each entry begins with a line [[face]]')
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{path} holds no entry; begin each with a line [[face]]")
    return [_entry(entry, path.parent, f"{path}, entry {number}") for number, entry in enumerate(entries, 1)]


def parse_frames(text: str) -> tuple[int, int]:
    """Read `A-B`, the first and the last frame, or one frame. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise UsageError(f'"{text}" is no range of frames such as 1001-1100')
    return first, last


def _entry(entry: dict[str, Any], folder: Path, origin: str) -> FaceEdits:
    unknown = [key for key in entry if key not in KEYS]
    if unknown:
        raise UsageError(f'{origin}: unknown "{unknown[0]}"; an entry has {", ".join(KEYS)}')
    attrs, frames = entry.get("attr"), entry.get("frames")
    if not isinstance(attrs, list) or not attrs or not all(isinstance(attr, str) for attr in attrs):
        raise UsageError(f'{origin}: attr must be a list such as ["smile=+1"]')
    with error_context(origin):
        faces = _faces(entry.get("face", "largest"), folder)
        edits = [parse_edit(attr) for attr in attrs]
        check_totals(edits)
        return FaceEdits(edits, faces, None if frames is None else parse_frames(str(frames)), origin)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than any path
        return False


def _faces(value: Any, folder: Path) -> Faces:
    if value in ("largest", "all"):
        faces: Faces = value
        return faces
    if isinstance(value, str) and _is_there(folder / value):
        return folder / value
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(type(number) is int and number >= 0 for number in numbers):
        raise UsageError('face must be a number, a list of them, "largest", "all" or a picture that is there')
    return tuple(dict.fromkeys(numbers))
