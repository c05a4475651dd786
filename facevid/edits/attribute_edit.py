"""The value of `--attr`: an attribute and its strength over time."""

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
"""Largest absolute strength that `--attr` accepts; 1 is the full edit."""

ROUNDING = 1e-4
"""Tolerance of the limit, for rounding errors in sums of float32 strengths."""

GRAMMAR = "NAME=VALUE (smile=+1, age=-0.5) or NAME=VALUE@TIME,VALUE@TIME,... (smile=0@0,1@24 or smile=0@0.5s,1@1.5s)"


@dataclass(frozen=True)
class AttributeEdit:
    """Strength of one attribute over time: linear between keyframes, constant before the first and after the last.

    Attributes:
        attribute: the name as the user wrote it, with or without a method (`smile`, `direction:smile`).
        values: strength at each keyframe; 1 is the full edit towards the attribute, -1 away from it.
        times: time of each keyframe, increasing: the clip's own frame numbers, or seconds.
        in_seconds: True if `times` are seconds, False if they are frame numbers.
    """

    attribute: str
    values: tuple[float, ...]
    times: tuple[Fraction, ...] = (Fraction(0),)
    in_seconds: bool = False

    def strengths(self, numbers: Sequence[int | Fraction], seconds: Sequence[Fraction]) -> NDArray[np.float32]:
        """Evaluate the strength at N frames.

        Args:
            numbers: the frames' numbers, N of them.
            seconds: the frames' times, in seconds.

        Returns:
            Strengths, float32 (N,).
        """
        frame_times = np.array([float(time) for time in (seconds if self.in_seconds else numbers)])
        strengths = np.interp(frame_times, [float(time) for time in self.times], self.values)
        return np.asarray(strengths, dtype=np.float32)


def parse_edit(text: str) -> AttributeEdit:
    """Parse the value of one `--attr`.

    Raises:
        UsageError: the text is not of the form NAME=VALUE or NAME=VALUE@TIME,..., a value is outside -3 to 3, or
            the times do not increase.
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
        raise UsageError(f'"{text}" mixes frame numbers and seconds; use only one of them')
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise UsageError(f'"{text}": the times of keyframes must increase; sort them')
    return AttributeEdit(name.strip(), tuple(value for value, _, _ in keys), times, units == {"s"})


def check_totals(edits: Sequence[AttributeEdit]) -> None:
    """Check that the strengths of all edits of one attribute add up to at most MAX_STRENGTH.

    Raises:
        UsageError: a sum exceeds the limit. Sums of keyframes in frame numbers and of keyframes in seconds are bounded
            separately, so this check is conservative where an attribute has both.
    """
    by_attribute: dict[str, list[tuple[int, AttributeEdit]]] = {}
    for edit in edits:
        name, sign = moved_by(edit.attribute)
        by_attribute.setdefault(name, []).append((sign, edit))
    for signed_edits in by_attribute.values():
        lowest = highest = 0.0
        for in_seconds in (False, True):
            low, high = _extremes([(sign, edit) for sign, edit in signed_edits if edit.in_seconds == in_seconds])
            lowest, highest = lowest + low, highest + high
        if len(signed_edits) > 1 and max(-lowest, highest) > MAX_STRENGTH + ROUNDING:
            raise too_far(signed_edits[0][1].attribute, len(signed_edits))


def moved_by(attribute: str) -> tuple[str, int]:
    """Return the canonical name of the attribute or component that an edit moves, and the sign of the edit.

    Strengths of edits with the same name add up, each times its sign.
    """
    request = parse_attribute(attribute)
    name = request.attribute.name
    return f"component {name}" if request.method == "ganspace" else name, request.attribute.sign


def too_far(attribute: str, count: int) -> UsageError:
    """Return the error for `count` edits of one attribute that add up beyond MAX_STRENGTH."""
    return UsageError(
        f'"{attribute}" is edited {count} times, which adds up to more than {MAX_STRENGTH:g}; 1 is the full edit: '
        "remove some of the edits, or use smaller values"
    )


def _extremes(edits: Sequence[tuple[int, AttributeEdit]]) -> tuple[float, float]:
    """Return the minimum and maximum over time of the sum of edits, each times its sign.

    The sum is piecewise linear, so its extremes lie at keyframes.
    """
    times = sorted({time for _, edit in edits for time in edit.times})
    if not times:
        return 0.0, 0.0
    sums = np.sum([sign * edit.strengths(times, times).astype(np.float64) for sign, edit in edits], axis=0)
    return float(sums.min()), float(sums.max())


def _keyframe(text: str, part: str) -> tuple[float, Fraction, str]:
    match = re.fullmatch(r"\s*([^@\s]+)@(?:(\d{1,9})|(\d{1,9}(?:\.\d{1,9})?)(s))\s*", part)
    if not match:
        raise UsageError(f'"{text}": "{part}" is not a keyframe; write VALUE@FRAME (1@24) or VALUE@SECONDSs (1@0.5s)')
    return _value(text, match[1]), Fraction(match[2] or match[3]), match[4] or ""


def _value(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f'"{text}": "{number}" is not a number; the form is {GRAMMAR}') from None
    if not abs(value) <= MAX_STRENGTH:
        raise UsageError(f'"{text}": values must be between -{MAX_STRENGTH:g} and {MAX_STRENGTH:g}; 1 is the full edit')
    return value
