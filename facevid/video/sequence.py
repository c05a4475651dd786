"""Image sequences: how the files of one are named, numbered and found."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from facevid.errors import InputError, UsageError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr", ".dpx")

SEQUENCE_RATE = Fraction(24)
"""Frames a second of a sequence unless its files, or the user, tell another: film runs at 24."""

_PERCENT = re.compile(r"%(?:0(\d))?d")
_HASHES = re.compile(r"#+")
_NUMBERED = re.compile(r"(.*?)((?:(?<![^._])-)?\d+)(\.\w+)")
_TOLD_AT_MOST = 6


@dataclass(frozen=True)
class SequenceName:
    """How the files of a sequence are named: `prefix`, the frame's number in at least `digits` digits, `suffix`."""

    folder: Path
    prefix: str
    digits: int
    suffix: str

    @property
    def pattern(self) -> Path:
        """The name with FFmpeg's placeholder: `shot.%04d.png`."""
        return self.folder / f"{self.prefix}%0{self.digits}d{self.suffix}"

    def path(self, number: int) -> Path:
        """Return the file of the frame of a number."""
        return self.folder / f"{self.prefix}{number:0{self.digits}d}{self.suffix}"

    def numbers(self) -> list[int]:
        """Return the numbers of the files that exist, ascending."""
        if not self.folder.is_dir():
            return []
        number = r"-?\d+" if self.prefix[-1:] in ("", ".", "_") else r"\d+"  # elsewhere a dash is part of the name
        numbered = re.compile(rf"{re.escape(self.prefix)}({number}){re.escape(self.suffix)}")
        matches = (numbered.fullmatch(path.name) for path in self.folder.iterdir())
        found = (int(match[1]) for match in matches if match)
        return sorted({number for number in found if self.path(number).is_file()})


@dataclass(frozen=True)
class Sequence:
    """The files of a sequence that exist: `count` frames, numbered from `first` without a gap."""

    name: SequenceName
    first: int
    count: int

    def paths(self) -> list[Path]:
        """Return the files, in order."""
        return [self.name.path(number) for number in range(self.first, self.first + self.count)]


def sequence_name(path: Path) -> SequenceName | None:
    """Read a pattern such as `shot.%04d.png` or `shot.####.png`; None where `path` is none.

    Raises UsageError where it has more than one placeholder.
    """
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        return None
    places = list(_PERCENT.finditer(path.name)) or list(_HASHES.finditer(path.name))
    if not places:
        return None
    if len(places) > 1:
        msg = f"{path} has {len(places)} places for the frame's number; leave one, such as shot.%04d{path.suffix}"
        raise UsageError(msg)
    place = places[0]
    digits = len(place[0]) if place[0].startswith("#") else int(place[1] or 1)
    return SequenceName(path.parent, path.name[: place.start()], max(digits, 1), path.name[place.end() :])


def find_sequence(path: Path) -> Sequence:
    """Find the files of a pattern, or those of the one sequence in a folder.

    Raises InputError where there is none, or where frames are missing within it, and UsageError where a folder holds
    several.
    """
    name = _sequence_in(path) if path.is_dir() else sequence_name(path)
    if name is None:
        msg = f"{path} is no image sequence: give a pattern such as shot.%04d.png, or a folder of numbered pictures"
        raise InputError(msg)
    numbers = name.numbers()
    if not numbers:
        msg = f"{path} does not exist: no file is named so; check the folder, the name and the number of digits"
        raise InputError(msg)
    missing = [range(a + 1, b) for a, b in pairwise(numbers) if b > a + 1]
    if missing:
        msg = f"{name.pattern} is not whole: {told_numbers(missing)} missing; render or copy them again"
        raise InputError(msg)
    return Sequence(name, numbers[0], len(numbers))


def sequences_in(folder: Path) -> list[SequenceName]:
    """Name the sequences whose files lie in a folder, sorted; a picture whose name ends in a number is one, too."""
    widths: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for path in folder.iterdir():
        numbered = _NUMBERED.fullmatch(path.name)
        if numbered and path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."):
            widths[numbered[1], numbered[3]].add(len(numbered[2]))
    return [SequenceName(folder, *_name(key, digits)) for key, digits in sorted(widths.items())]


def told_numbers(ranges: Iterable[range]) -> str:
    """Return ranges of frame numbers as people write them: `frames 1005-1007, 1010`."""
    texts = [f"{each.start}" if len(each) == 1 else f"{each.start}-{each.stop - 1}" for each in ranges]
    more = f" and {len(texts) - _TOLD_AT_MOST} more stretches" if len(texts) > _TOLD_AT_MOST else ""
    return f"frames {', '.join(texts[:_TOLD_AT_MOST])}{more}"


def _sequence_in(folder: Path) -> SequenceName | None:
    names = sequences_in(folder)
    if len(names) > 1:
        told = ", ".join(name.pattern.name for name in names[:_TOLD_AT_MOST])
        msg = f"{folder} holds several image sequences ({told}); name one of them, such as {names[0].pattern}"
        raise UsageError(msg)
    return names[0] if names else None


def _name(key: tuple[str, str], widths: set[int]) -> tuple[str, int, str]:
    return key[0], min(widths), key[1]
