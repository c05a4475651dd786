"""Edits for individual faces, and the TOML file of `--edits` that lists them for a shot.

    [[face]]
    face = 0                                        # or [0, 2], "largest" (the default), "all", "person.jpg"
    frames = "1001-1100"                            # default: all frames
    fade = 8                                        # frames over which the edits fade at both ends of `frames`
    attr = ["smile=+1", "age=0@1001,-0.5@1050"]     # same syntax as --attr

Entries are applied in order; several entries may edit the same face.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facevid.edits.attribute_edit import AttributeEdit, check_totals, parse_edit
from facevid.errors import InputError, UsageError, combined, reason
from facevid.options import Faces

ENTRY_KEYS = ("face", "frames", "fade", "attr")
"""Valid keys of an entry."""

MAX_FADE = 10**6
"""Maximum length of a fade, in frames; a larger number is certainly a mistake."""


@dataclass(frozen=True)
class FaceEdits:
    """Edits of some of the faces in a clip.

    Attributes:
        edits: edits, applied in the given order.
        faces: faces to edit, as in `TrackingOptions`.
        frames: first and last frame to edit, as in `EditOptions`; None is all.
        fade: frames over which the edits rise to full strength after the first frame, and fall before the last one.
        origin: source of the edits for error messages, such as `shot.toml, entry 2`.
    """

    edits: Sequence[AttributeEdit]
    faces: Faces = "largest"
    frames: tuple[int, int] | None = None
    fade: int = 0
    origin: str = ""


@contextmanager
def error_context(origin: str) -> Iterator[None]:
    """Prefix the message of a UsageError raised in the context with the origin of the edits."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{origin}: {error}" if origin else str(error)) from error


def read_edits(path: Path) -> list[FaceEdits]:
    """Read the file of `--edits`.

    Raises:
        InputError: the file is missing or cannot be read.
        UsageError: the file is not TOML, or has an unknown key or an invalid value.
    """
    try:
        text = path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {reason(error).lower()}; check its name") from error
    try:
        parsed = tomllib.loads(text.decode("utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{path} is not valid TOML: {reason(error)}; correct that line") from error
    except RecursionError as error:
        raise UsageError(
            f"{path}: lists or tables are nested too deeply; each entry is a flat table [[face]]"
        ) from error
    entries = parsed.pop("face", None)
    if parsed:
        raise UsageError(f'{path}: unknown key "{next(iter(parsed))}"; begin each entry with a line [[face]]')
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{path} has no entries; begin each with a line [[face]]")
    parsed_entries, mistakes = [], []
    for number, entry in enumerate(entries, 1):
        try:
            parsed_entries.append(_parse_entry(entry, path.parent, f"{path}, entry {number}"))
        except UsageError as error:
            mistakes.append(error)
    if mistakes:
        raise combined(mistakes)
    return parsed_entries


def parse_frames(text: str) -> tuple[int, int]:
    """Parse a range of frames `A-B`, or one frame, to the first and the last frame. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise UsageError(f'"{text}" is not a range of frames such as 1001-1100')
    return first, last


def _parse_entry(entry: dict[str, Any], folder: Path, origin: str) -> FaceEdits:
    unknown = [key for key in entry if key not in ENTRY_KEYS]
    if unknown:
        raise UsageError(f'{origin}: unknown key "{unknown[0]}"; the keys are {", ".join(ENTRY_KEYS)}')
    attrs, frames = entry.get("attr"), entry.get("frames")
    if not isinstance(attrs, list) or not attrs or not all(isinstance(attr, str) for attr in attrs):
        raise UsageError(f'{origin}: attr must be a list of strings such as ["smile=+1"]')
    fade = entry.get("fade", 0)
    if type(fade) is not int or not 0 <= fade <= MAX_FADE:
        raise UsageError(f"{origin}: fade must be a number of frames, 0 to {MAX_FADE}")
    with error_context(origin):
        faces = _parse_faces(entry.get("face", "largest"), folder)
        edits = [parse_edit(attr, folder) for attr in attrs]
        check_totals(edits)
        return FaceEdits(edits, faces, None if frames is None else parse_frames(str(frames)), fade, origin)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the text is too long for a path
        return False


def _parse_faces(value: Any, folder: Path) -> Faces:
    """Parse the value of `face`; a picture's path is relative to the edit file's `folder`."""
    if value in ("largest", "all"):
        faces: Faces = value
        return faces
    if isinstance(value, str) and _exists(folder / value):
        return folder / value
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(type(number) is int and number >= 0 for number in numbers):
        raise UsageError('face must be a number, a list of numbers, "largest", "all" or an existing picture file')
    return tuple(dict.fromkeys(numbers))
