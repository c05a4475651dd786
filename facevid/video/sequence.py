"""Image sequences: file name patterns, frame numbers, and finding the files."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from facevid.errors import InputError, UsageError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr", ".dpx")
"""Suffixes of image files that can be stills or frames of a sequence."""

SEQUENCE_RATE = Fraction(24)
"""Frames per second of a sequence if neither the user nor the files specify it: the rate of film."""

_PERCENT = re.compile(r"%(?:0(\d))?d")
"""Printf-style placeholder, `%04d`; the group is the minimum number of digits."""

_HASHES = re.compile(r"#+")
"""Hash-style placeholder, `####`: one # per digit."""

_NUMBERED = re.compile(r"(.*?)((?:(?<![^._])-)?\d+)(\.\w+)")
"""A numbered file name: prefix, number (negative only after a dot or underscore, or at the start), suffix."""

_MAX_LISTED_NAMES = 6
"""Number of frame ranges or sequences listed in a message."""


@dataclass(frozen=True)
class SequenceName:
    """File name pattern of a sequence: `prefix`, the frame number in at least `digits` digits, `suffix`.

    `placeholder` is what the user typed for the frame number, such as `####`; empty if it was not typed.
    """

    folder: Path
    prefix: str
    digits: int
    suffix: str
    placeholder: str = field(default="", compare=False)

    @property
    def pattern(self) -> Path:
        """The path with a placeholder, as the user typed it or printf-style: `shot.####.png`, `shot.%04d.png`."""
        return self.folder / f"{self.prefix}{self.placeholder or f'%0{self.digits}d'}{self.suffix}"

    def path(self, number: int) -> Path:
        """Return the path of frame `number`."""
        return self.folder / f"{self.prefix}{number:0{self.digits}d}{self.suffix}"

    def numbers(self) -> list[int]:
        """Return the frame numbers of the existing files, in ascending order."""
        if not self.folder.is_dir():
            return []
        number = r"-?\d+" if self.prefix[-1:] in ("", ".", "_") else r"\d+"  # elsewhere a dash is part of the name
        numbered = re.compile(rf"{re.escape(self.prefix)}({number}){re.escape(self.suffix)}")
        matches = (numbered.fullmatch(path.name) for path in self.folder.iterdir())
        candidates = (int(match[1]) for match in matches if match)
        return sorted({number for number in candidates if self.path(number).is_file()})


@dataclass(frozen=True)
class Sequence:
    """The existing files of a sequence: `count` frames, numbered from `first` without a gap."""

    name: SequenceName
    first: int
    count: int

    def paths(self) -> list[Path]:
        """Return the files in frame order."""
        return [self.name.path(number) for number in range(self.first, self.first + self.count)]


def sequence_name(path: Path) -> SequenceName | None:
    """Parse a pattern such as `shot.%04d.png` or `shot.####.png`; return None if `path` is not a pattern.

    Raises:
        UsageError: there is more than one placeholder.
    """
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return None
    placeholders = list(_PERCENT.finditer(path.name)) or list(_HASHES.finditer(path.name))
    if not placeholders:
        return None
    if len(placeholders) > 1:
        count = len(placeholders)
        msg = f"{path} has {count} placeholders for the frame number; use one, such as shot.%04d{path.suffix}"
        raise UsageError(msg)
    placeholder = placeholders[0]
    digits = len(placeholder[0]) if placeholder[0].startswith("#") else int(placeholder[1] or 1)
    prefix, suffix = path.name[: placeholder.start()], path.name[placeholder.end() :]
    return SequenceName(path.parent, prefix, max(digits, 1), suffix, placeholder[0])


def find_sequence(path: Path) -> Sequence:
    """Find the files of a pattern, or of the only sequence in a folder.

    Raises:
        InputError: there is no such file, or frames are missing between the first and the last.
        UsageError: the folder contains several sequences.
    """
    name = _sequence_in(path) if path.is_dir() else sequence_name(path)
    if name is None:
        msg = f"{path} is not an image sequence: use a pattern such as shot.%04d.png, or a folder of numbered images"
        raise InputError(msg)
    numbers = name.numbers()
    if not numbers:
        msg = f"{path} does not exist: no file matches; check the folder, the name and the number of digits"
        raise InputError(msg)
    missing = [range(a + 1, b) for a, b in pairwise(numbers) if b > a + 1]
    if missing:
        msg = f"{name.pattern} is incomplete: {format_frames(missing)} missing; render or copy them again"
        raise InputError(msg)
    return Sequence(name, numbers[0], len(numbers))


def sequences_in(folder: Path) -> list[SequenceName]:
    """List the sequences in a folder, sorted; a single image with a number at the end of its name counts as one."""
    widths: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for path in folder.iterdir():
        numbered = _NUMBERED.fullmatch(path.name)
        if numbered and path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            widths[numbered[1], numbered[3]].add(len(numbered[2]))
    return [SequenceName(folder, prefix, min(digits), suffix) for (prefix, suffix), digits in sorted(widths.items())]


def format_frames(ranges: Iterable[range]) -> str:
    """Format ranges of frame numbers for a message: `frames 1005-1007, 1010`."""
    texts = [f"{each.start}" if len(each) == 1 else f"{each.start}-{each.stop - 1}" for each in ranges]
    more = f" and {len(texts) - _MAX_LISTED_NAMES} more ranges" if len(texts) > _MAX_LISTED_NAMES else ""
    return f"frames {', '.join(texts[:_MAX_LISTED_NAMES])}{more}"


def _sequence_in(folder: Path) -> SequenceName | None:
    names = sequences_in(folder)
    if len(names) > 1:
        listed = ", ".join(name.pattern.name for name in names[:_MAX_LISTED_NAMES])
        msg = f"{folder} contains several image sequences ({listed}); choose one, such as {names[0].pattern}"
        raise UsageError(msg)
    return names[0] if names else None
