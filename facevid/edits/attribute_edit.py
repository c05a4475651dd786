"""What `--attr` says: which attribute to move, and how far at which time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facevid.edits.attributes import parse_attribute
from facevid.errors import UsageError

MAX_STRENGTH = 3.0
ROUNDING = 1e-4
"""By how much sums of float32 may miss it."""
GRAMMAR = "NAME=VALUE (smile=+1, age=-0.5) or NAME=VALUE@TIME,VALUE@TIME,... (smile=0@0,1@24 or smile=0@0.5s,1@1.5s)"


@dataclass(frozen=True)
class AttributeEdit:
    """One attribute's strength over time: linear between its keyframes, held before the first and after the last.

    Attributes:
        attribute: the name as the user wrote it, a method before it or not (`smile`, `direction:smile`).
        values: strength at each keyframe; 1 is the full edit towards the attribute, -1 away from it.
        times: each keyframe's frame number (whole; the clip's own), or its time in seconds, rising.
        in_seconds: which of the two `times` are.
    """

    attribute: str
    values: tuple[float, ...]
    times: tuple[Fraction, ...] = (Fraction(0),)
    in_seconds: bool = False

    def strengths(self, numbers: Sequence[int | Fraction], seconds: Sequence[Fraction]) -> NDArray[np.float32]:
        """Evaluate the strength at frames given by their number and their time; float32 (N,)."""
        at = seconds if self.in_seconds else numbers
        return np.interp(np.array([float(t) for t in at]), [float(t) for t in self.times], self.values).astype(
            np.float32
        )


def parse_edit(text: str) -> AttributeEdit:
    """Read one `--attr`.

    Raises:
        UsageError: it is not of the form NAME=VALUE or NAME=VALUE@TIME,...; a value is beyond +-3; times do not rise.
    """
    name, equals, rest = text.partition("=")
    if not name.strip() or not equals or not rest.strip():
        raise UsageError(f'"{text}" is not of the form {GRAMMAR}')
    if "@" not in rest:
        return AttributeEdit(name.strip(), (_value(text, rest),))
    keys = [_keyframe(text, part) for part in rest.split(",")]
    units = {unit for _, _, unit in keys}
    times = tuple(time for _, time, _ in keys)
    if len(units) > 1:
        raise UsageError(f'"{text}" mixes frame numbers and seconds: use one of them')
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise UsageError(f'"{text}": keyframes must come in rising order of time')
    return AttributeEdit(name.strip(), tuple(value for value, _, _ in keys), times, units == {"s"})


def check_totals(edits: Sequence[AttributeEdit]) -> None:
    """Check that edits of one attribute, which add up, stay within the limit together.

    Raises:
        UsageError: they do not, or might not where some are keyed by frame numbers and some by seconds.
    """
    found: dict[str, list[tuple[int, AttributeEdit]]] = {}
    for edit in edits:
        name, sign = moved_by(edit.attribute)
        found.setdefault(name, []).append((sign, edit))
    for alike in found.values():
        lowest = highest = 0.0
        for in_seconds in (False, True):
            low, high = _extremes([(sign, edit) for sign, edit in alike if edit.in_seconds == in_seconds])
            lowest, highest = lowest + low, highest + high
        if len(alike) > 1 and max(-lowest, highest) > MAX_STRENGTH + ROUNDING:
            raise too_far(alike[0][1].attribute, len(alike))


def moved_by(attribute: str) -> tuple[str, int]:
    """Say what an edit of an attribute moves, and in which direction; what several move alike adds up."""
    request = parse_attribute(attribute)
    name = request.attribute.name
    return f"component {name}" if request.method == "ganspace" else name, request.attribute.sign


def too_far(attribute: str, count: int) -> UsageError:
    """Make the error for edits of one attribute that add up beyond the limit."""
    return UsageError(
        f'"{attribute}" is edited {count} times, which adds up to more than {MAX_STRENGTH:g}; 1 is the full edit: '
        "leave some out, or give smaller values"
    )


def _extremes(edits: Sequence[tuple[int, AttributeEdit]]) -> tuple[float, float]:
    """Return the least and the greatest sum of edits, each times its sign: sums of lines are extreme at keyframes."""
    times = sorted({time for _, edit in edits for time in edit.times})
    if not times:
        return 0.0, 0.0
    sums = np.sum([sign * edit.strengths(times, times).astype(np.float64) for sign, edit in edits], axis=0)
    return float(sums.min()), float(sums.max())


def _keyframe(text: str, part: str) -> tuple[float, Fraction, str]:
    match = re.fullmatch(r"\s*([^@\s]+)@(?:(\d{1,9})|(\d{1,9}(?:\.\d{1,9})?)(s))\s*", part)
    if not match:
        raise UsageError(f'"{text}": "{part}" is no keyframe; write VALUE@FRAME (1@24) or VALUE@SECONDSs (1@0.5s)')
    return _value(text, match[1]), Fraction(match[2] or match[3]), match[4] or ""


def _value(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f'"{text}": "{number}" is not a number; the form is {GRAMMAR}') from None
    if not abs(value) <= MAX_STRENGTH:
        raise UsageError(f'"{text}": a value lies between -{MAX_STRENGTH:g} and {MAX_STRENGTH:g}; 1 is the full edit')
    return value
