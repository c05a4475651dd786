"""The value of `--attr`: an attribute, its strength over time, and factors of the strength in regions of the face."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.local_regions import LOCAL_REGIONS, REST, RegionStrengths
from facevid.edits.attributes import parse_attribute
from facevid.edits.curve_file import CURVE_SUFFIX, read_curve
from facevid.edits.timecode import Timecode, parse_timecode
from facevid.errors import UsageError

if TYPE_CHECKING:
    from facevid.video import ClipInfo

MAX_STRENGTH = 3.0
"""Largest absolute strength that `--attr` accepts; 1 is the full edit."""

ROUNDING = 1e-4
"""Tolerance by which a sum of strengths may exceed MAX_STRENGTH: rounding errors of float32."""

GRAMMAR = "NAME=VALUE (smile=+1, age=-0.5), NAME=VALUE@TIME,VALUE@TIME,... (smile=0@0,1@24) or NAME=FILE.csv"
"""Forms of the value of `--attr`, for error messages."""

Unit = Literal["frame", "second", "timecode"]
"""Unit of the times of keyframes: frame numbers, seconds, or timecodes."""

Time = Fraction | Timecode
"""Time of a keyframe: a frame number or seconds as a Fraction, or a timecode."""

REGION_SUFFIX = r"(:[^:=,@]*=[^:=,@]*)+$"
"""Regular expression of the regions at the end of a text: `:forehead=0.5:mouth=0`."""

EASE = ":ease"
"""Ending of a keyframe that the value approaches smoothly."""


@dataclass(frozen=True)
class AttributeEdit:
    """Strength of one attribute over time: interpolated between keyframes, held before the first and after the last.

    Attributes:
        attribute: the name as the user wrote it, with or without a method (`smile`, `direction:smile`).
        values: strength at each keyframe; 1 is the full edit towards the attribute, -1 away from it.
        times: time of each keyframe, increasing, in `unit`.
        unit: "frame" (the clip's own frame numbers), "second" or "timecode".
        eased: for each keyframe, whether the strength between the previous keyframe and this one follows a smooth curve
            (slope 0 at both ends) instead of a line. Empty if no keyframe is eased.
        regions: factors of the strength in regions of the face.
    """

    attribute: str
    values: tuple[float, ...]
    times: tuple[Time, ...] = (Fraction(0),)
    unit: Unit = "frame"
    eased: tuple[bool, ...] = ()
    regions: RegionStrengths = ()

    @property
    def summary(self) -> str:
        """The attribute and its strength, or its lowest and highest one: `smile=+1`, `age=+0 to +1`."""
        values = dict.fromkeys((min(self.values), max(self.values)))
        return f"{self.attribute}={' to '.join(f'{value:+g}' for value in values)}"

    def strengths(self, numbers: Sequence[int | Fraction], seconds: Sequence[Fraction]) -> NDArray[np.float32]:
        """Evaluate the strength at N frames.

        Args:
            numbers: the frames' numbers, N of them.
            seconds: the frames' times, in seconds.

        Returns:
            Strengths, float32 (N,).

        Raises:
            ValueError: the keyframes are timecodes; see `at_frames`.
        """
        if self.unit == "timecode":
            raise ValueError("keyframes at timecodes need the clip's rate: call at_frames first")
        frame_times = np.array([float(time) for time in (seconds if self.unit == "second" else numbers)])
        times = np.array([float(time) for time in self.times if isinstance(time, Fraction)])
        return np.asarray(np.interp(_eased(frame_times, times, self.eased), times, self.values), dtype=np.float32)

    def at_frames(self, info: "ClipInfo", frame_count: int) -> "AttributeEdit":
        """Convert keyframes at timecodes to the frame numbers of a clip; other edits are returned unchanged.

        Timecodes count from that of the clip's first frame, or from 00:00:00:00 if the clip has none.

        Raises:
            UsageError: all keyframes lie outside the clip, a timecode's frame does not exist at the clip's rate, or the
                clip's rate is unknown or varies.
        """
        timecodes = [time for time in self.times if isinstance(time, Timecode)]
        if self.unit != "timecode":
            return self
        rate = info.average_rate
        if not rate or not info.is_constant_rate:
            raise UsageError(f"{info.path} has no constant frame rate to count timecodes by; write seconds (1@0.5s)")
        late = next((time for time in timecodes if time.frames >= round(rate)), None)
        if late:
            raise UsageError(f'"{late}" is not a timecode of {info.path}, which has {round(rate)} frames per second')
        start = parse_timecode(info.timecode or "") or Timecode(0, 0, timecodes[0].drop_frame)
        first = start.frame_count(rate, start.drop_frame)
        offsets = [time.frame_count(rate, start.drop_frame) - first for time in timecodes]
        if offsets[0] >= frame_count or offsets[-1] < 0:
            raise UsageError(
                f'"{self.attribute}={self.values[0]:g}@{timecodes[0]}...": all keyframes are outside {info.path}, '
                f"whose {frame_count} frames begin at {start}; write timecodes of the clip"
            )
        times = tuple(Fraction(info.first_number + offset) for offset in offsets)
        return replace(self, times=times, unit="frame")


def parse_edit(text: str, folder: Path = Path()) -> AttributeEdit:
    """Parse the value of one `--attr`.

    Args:
        text: NAME=VALUE, NAME=VALUE@TIME,... or NAME=FILE.csv, and :REGION=FACTOR for each region.
        folder: folder to which the path of a CSV file is relative.

    Raises:
        UsageError: the text has none of these forms, a value is outside -3 to 3, or the times do not increase.
        InputError: the CSV file cannot be read.
    """
    name, equals, rest = (part.strip() for part in text.partition("="))
    if not name or not equals or not rest:
        raise UsageError(f'"{text}" is not of the form {GRAMMAR}')
    suffix = re.search(REGION_SUFFIX, rest)
    regions = _parse_regions(text, suffix[0]) if suffix else ()
    edit = _parse_strength(text, name, rest[: suffix.start()] if suffix else rest, folder)
    strongest = max(map(abs, edit.values)) * max([1.0, *(factor for _, factor in regions)])
    if strongest > MAX_STRENGTH + ROUNDING:
        raise UsageError(f'"{text}": the strength times the factor of a region exceeds {MAX_STRENGTH:g}; use less')
    return replace(edit, regions=regions)


def _parse_strength(text: str, name: str, rest: str, folder: Path) -> AttributeEdit:
    """Parse the part after NAME= and before the regions.

    Args:
        text: the whole text, for error messages.
        name: name of the attribute.
        rest: the part to parse.
        folder: folder to which the path of a CSV file is relative.
    """
    if rest.lower().endswith(CURVE_SUFFIX):
        return _parse_curve(text, name, folder / rest)
    if "@" not in rest:
        return AttributeEdit(name, (_parse_value(text, rest),))
    keys = [_parse_keyframe(text, part) for part in rest.split(",")]
    units, times = {key.unit for key in keys}, [key.time for key in keys]
    if len(units) > 1:
        raise UsageError(f'"{text}" mixes frame numbers, seconds and timecodes; use only one of them')
    _check_order(text, times)
    eased = tuple(key.is_eased for key in keys)
    return AttributeEdit(name, tuple(key.value for key in keys), tuple(times), units.pop(), eased if any(eased) else ())


def check_totals(edits: Sequence[AttributeEdit]) -> None:
    """Check that the strengths of all edits of one attribute add up to at most MAX_STRENGTH.

    Raises:
        UsageError: a sum exceeds the limit. The extremes of keyframes in different units are added, so the check is
            conservative for an attribute with several units.
    """
    by_attribute: dict[str, list[tuple[int, AttributeEdit]]] = {}
    for edit in edits:
        name, sign = canonical_attribute(edit.attribute)
        by_attribute.setdefault(name, []).append((sign, edit))
    for signed_edits in by_attribute.values():
        lowest = highest = 0.0
        for unit in get_args(Unit):
            low, high = _extremes([(sign, edit) for sign, edit in signed_edits if edit.unit == unit])
            lowest, highest = lowest + low, highest + high
        if len(signed_edits) > 1 and max(-lowest, highest) > MAX_STRENGTH + ROUNDING:
            raise total_error(signed_edits[0][1].attribute, len(signed_edits))


def canonical_attribute(attribute: str) -> tuple[str, int]:
    """Return a name that is the same for all spellings of an attribute or component, and the sign of the spelling.

    The strengths of edits with the same name add up, each multiplied by its sign.
    """
    request = parse_attribute(attribute)
    name = request.attribute.name
    return f"component {name}" if request.method == "ganspace" else name, request.attribute.sign


def total_error(attribute: str, count: int) -> UsageError:
    """Return the error for `count` edits of one attribute that add up beyond MAX_STRENGTH."""
    return UsageError(
        f'"{attribute}" is edited {count} times, which adds up to more than {MAX_STRENGTH:g}; 1 is the full edit: '
        "remove some of the edits, or use smaller values"
    )


def _extremes(edits: Sequence[tuple[int, AttributeEdit]]) -> tuple[float, float]:
    """Return the minimum and maximum over time of the sum of edits, each times its sign.

    The sum is evaluated at the keyframes, where its extremes lie unless only some keyframes are eased. Timecodes can be
    compared only at the rate of a clip, so the extremes of edits with timecodes are added.
    """
    if not edits:
        return 0.0, 0.0
    if edits[0][1].unit == "timecode":
        signed = [[sign * value for value in edit.values] for sign, edit in edits]
        return sum(map(min, signed)), sum(map(max, signed))
    times = sorted({time for _, edit in edits for time in edit.times if isinstance(time, Fraction)})
    sums = np.sum([sign * edit.strengths(times, times).astype(np.float64) for sign, edit in edits], axis=0)
    return float(sums.min()), float(sums.max())


@dataclass(frozen=True)
class _Keyframe:
    value: float
    time: Time
    unit: Unit
    is_eased: bool


def _parse_keyframe(text: str, part: str) -> _Keyframe:
    value, _, time_text = part.strip().removesuffix(EASE).partition("@")
    is_eased = part.strip().endswith(EASE)
    timecode = parse_timecode(time_text)
    if timecode:
        return _Keyframe(_parse_value(text, value), timecode, "timecode", is_eased)
    match = re.fullmatch(r"(?:(\d{1,9})|(\d{1,9}(?:\.\d{1,9})?)(s))", time_text)
    if not match:
        raise UsageError(
            f'"{text}": "{part}" is not a keyframe; write VALUE@FRAME (1@24), VALUE@SECONDSs (1@0.5s) or '
            "VALUE@TIMECODE (1@00:00:01:00)"
        )
    return _Keyframe(
        _parse_value(text, value), Fraction(match[1] or match[2]), "second" if match[3] else "frame", is_eased
    )


def _parse_regions(text: str, suffix: str) -> RegionStrengths:
    """Parse `:REGION=FACTOR:REGION=FACTOR...`."""
    factors: dict[str, float] = {}
    for part in suffix.split(":")[1:]:
        name, _, number = (each.strip().lower() for each in part.partition("="))
        if name not in (*LOCAL_REGIONS, REST):
            near = difflib.get_close_matches(name, (*LOCAL_REGIONS, REST), n=1)
            hint = f'did you mean "{near[0]}"? ' if near else ""
            raise UsageError(f'"{text}": unknown region "{name}"; {hint}regions: {", ".join(LOCAL_REGIONS)}, {REST}')
        if name in factors:
            raise UsageError(f'"{text}" has two factors of the region "{name}"; keep one')
        factors[name] = _parse_value(text, number)
        if factors[name] < 0:
            raise UsageError(f'"{text}": the factor of a region is 0 or more; {name}=0 leaves the region as it is')
    return tuple(factors.items())


def _parse_curve(text: str, name: str, path: Path) -> AttributeEdit:
    times, values = read_curve(path)
    _check_order(str(path), times)
    return AttributeEdit(name, tuple(_parse_value(str(path), value) for value in values), times)


def _check_order(text: str, times: Sequence[Time]) -> None:
    if any(_order(later) <= _order(earlier) for earlier, later in pairwise(times)):
        raise UsageError(f'"{text}": the times of keyframes must increase; sort them')


def _order(time: Time) -> tuple[Fraction, int]:
    return (Fraction(time.seconds), time.frames) if isinstance(time, Timecode) else (time, 0)


def _eased(frame_times: NDArray[np.float64], times: NDArray[np.float64], eased: Sequence[bool]) -> NDArray[np.float64]:
    """Map times so that linear interpolation between `times` becomes smooth (3 t^2 - 2 t^3) before eased keyframes."""
    if not any(eased[1:]):
        return frame_times
    before = np.searchsorted(times, frame_times, "right").clip(1, len(times) - 1) - 1
    lengths = times[before + 1] - times[before]
    shares = ((frame_times - times[before]) / lengths).clip(0, 1)
    smooth = times[before] + shares * shares * (3 - 2 * shares) * lengths
    return np.where(np.array(eased)[before + 1], smooth, frame_times)


def _parse_value(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f'"{text}": "{number}" is not a number; the form is {GRAMMAR}') from None
    if not abs(value) <= MAX_STRENGTH:
        raise UsageError(f'"{text}": values must be between -{MAX_STRENGTH:g} and {MAX_STRENGTH:g}; 1 is the full edit')
    return value
