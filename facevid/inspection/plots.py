"""Plots of the report as SVG: a map of the clip, and curves over time for each person.

The size of a plot does not grow with the length of the clip: longer curves are decimated to the minimum and the maximum
of each of `MAX_POINTS` stretches of frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import Tracking
from facevid.inspection.confidence import ConfidenceScale
from facevid.inspection.plot_axis import LEFT, RIGHT, WIDTH, Axis
from facevid.inspection.problems import MAX_JITTER_SHARE, PROFILE_YAW, SMALL_SIDE
from facevid.inspection.tracks import InspectedPerson, InspectedTrack, coverage, runs

# Lengths are in SVG user units: CSS pixels at the page's full width.

CURVE_HEIGHT = 60
"""Height of one curve."""

CURVE_GAP = 18
"""Space between two curves: one line of text."""

LANE_HEIGHT = 16
"""Height of the lane of one person on the map."""

AXIS_HEIGHT = 24
"""Height of the ticks and the frame numbers below a plot."""

MIN_SHOT_LABEL_WIDTH = 24
"""Width that a shot must exceed on the map for its number to fit."""

MAX_POINTS = 480
"""Points of a person's curves along the frame axis, each with a tooltip: about two units apart."""

MAX_CUTS = 200
"""Cuts that the map draws as lines; where there are more, only the alternating shades of the shots show them."""

MIN_YAW_RANGE = 45.0
"""Smallest range of the yaw plot, in degrees to each side: includes `PROFILE_YAW`."""

HEADROOM = 1.05
"""Range of a plot relative to its greatest value, so that a curve does not touch the frame."""

FrameTitle = Callable[[int], str]
"""Returns the number and the time of the frame at an index, as text."""


@dataclass(frozen=True)
class Curve:
    """One measure of a person over time.

    Attributes:
        name: label of the curve.
        unit: unit of its values, with a leading space where it takes one.
        values: (N,) for each of the person's tracks.
        low: value at the bottom of the plot.
        high: value at the top of the plot.
        description: shown below the label; has to fit into `LEFT`.
        limits: values that get a dotted line; those beyond it are reported as a problem.
    """

    name: str
    unit: str
    values: Sequence[NDArray[np.floating]]
    low: float
    high: float
    description: str
    limits: tuple[float, ...] = ()

    def y(self, value: float, top: float) -> float:
        """Return the y of a value in a plot whose upper edge is at `top`."""
        return round(top + CURVE_HEIGHT * (1 - (value - self.low) / (self.high - self.low)), 2)


def plot_person(
    person: InspectedPerson, tracking: Tracking, frame_title: FrameTitle, scale: ConfidenceScale | None = None
) -> str:
    """Plot the size, yaw, confidence and jitter of a person over time, one below the other.

    Bridged frames are shaded, cuts are lines, and each point has a tooltip with its values. `scale` is that of the
    detector's confidence; None if it is not known.

    Returns:
        An SVG element.
    """
    axis, curves = Axis.around(person, tracking.frame_count), _curves(person, scale)
    height = len(curves) * (CURVE_HEIGHT + CURVE_GAP)
    tops = [row * (CURVE_HEIGHT + CURVE_GAP) + CURVE_GAP / 2 for row in range(len(curves))]
    positions = range(len(person.tracks))
    parts = [part for curve, top in zip(curves, tops, strict=True) for part in _plot_area(curve, top)]
    parts += [part for inspected in person.tracks for part in _gaps(inspected, axis, height)]
    parts += [
        _line(curve, person, position, axis, top)
        for position in positions
        for curve, top in zip(curves, tops, strict=True)
    ]
    parts += [*axis.cuts(tracking.cuts, height), *axis.ticks(height)]
    parts += [part for position in positions for part in _tooltips(curves, person, position, axis, frame_title)]
    return _svg(parts, height + AXIS_HEIGHT, f"person {person.number} over time")


def plot_clip(
    tracking: Tracking, people: Sequence[InspectedPerson], frame_title: FrameTitle, first_number: int = 0
) -> str:
    """Plot a map of the clip: its shots, and below them one lane for each of `people`.

    Returns:
        An SVG element.
    """
    axis, lanes_top = Axis(0, tracking.frame_count - 1, first_number), 2 * LANE_HEIGHT
    height = lanes_top + max(len(people), 1) * LANE_HEIGHT + 6
    parts = [f'<text class="label" x="0" y="{LANE_HEIGHT}">shots</text>']
    for number, shot in enumerate(tracking.shots):
        parts += _shot(number, shot, axis, frame_title)
    for first, last in runs(~coverage(tracking.frame_count, tracking.tracks)):
        tooltip = f"no face: frames {first_number + first}-{first_number + last}"
        parts.append(axis.box(first, last, LANE_HEIGHT + 6, 4, "faceless", tooltip=tooltip))
    for lane, person in enumerate(people):
        parts += _lane(person, axis, lanes_top + lane * LANE_HEIGHT)
    cuts = tracking.cuts if len(tracking.cuts) <= MAX_CUTS else ()
    parts += [*axis.cuts(cuts, height), *axis.ticks(height)]
    return _svg(parts, height + AXIS_HEIGHT, "shots and people of the clip")


def _shot(number: int, shot: range, axis: Axis, frame_title: FrameTitle) -> Iterator[str]:
    tooltip = f"shot {number}, from {frame_title(shot.start)}\nto {frame_title(shot.stop - 1)}"
    css_class = "shot odd" if number % 2 else "shot"
    yield axis.box(shot.start, shot.stop - 1, 2, LANE_HEIGHT + 4, css_class, tooltip=tooltip)
    left, right = axis.x(shot.start), axis.x(shot.stop)
    if right - left > MIN_SHOT_LABEL_WIDTH:
        yield f'<text class="shot-number" x="{(left + right) / 2}" y="{LANE_HEIGHT}">{number}</text>'


def _lane(person: InspectedPerson, axis: Axis, top: float) -> Iterator[str]:
    """Draw the lane of a person, which links to their card."""
    yield f'<a href="#person-{person.number}">'
    yield f'<text class="label" x="0" y="{top + LANE_HEIGHT - 4}">person {person.number}</text>'
    top, height = top + 3, LANE_HEIGHT - 6
    for inspected in person.tracks:
        track, css_class = inspected.track, "edited" if inspected.edited else "other"
        edited = ", edited by default" if inspected.edited else ""
        tooltip = f"person {person.number}: frames {inspected.first}-{inspected.last}{edited}"
        yield axis.box(track.first, track.last, top, height, css_class, tooltip=tooltip)
        for first, last in inspected.gaps:
            gap = track.first + first, track.first + last
            yield axis.box(*gap, top, height, "missed", tooltip=f"{tooltip}\nbridged")
    yield "</a>"


def _curves(person: InspectedPerson, scale: ConfidenceScale | None) -> list[Curve]:
    sizes, yaws, scores, jitters = (
        [getattr(inspected, name) for inspected in person.tracks] for name in ("sizes", "yaw", "scores", "jitter")
    )
    jitter_limit = MAX_JITTER_SHARE * person.size
    max_size = max(SMALL_SIDE, _maximum(sizes)) * HEADROOM
    max_yaw = max(MIN_YAW_RANGE, HEADROOM * max(float(np.abs(values).max()) for values in yaws))
    max_score = max(1.0, HEADROOM * _maximum(scores))
    min_score = min(0.0, HEADROOM * min(float(array.min()) for array in scores))  # dlib's scores may be negative
    description = f"good from {scale.good:g}" if scale else "of the detector"
    max_jitter = max(jitter_limit * 1.2, HEADROOM * _maximum(jitters))
    return [
        Curve("face size", " px", sizes, 0, max_size, "side of the crop", (SMALL_SIDE,)),
        Curve("yaw", "°", yaws, -max_yaw, max_yaw, "+ is to the right", (-PROFILE_YAW, PROFILE_YAW)),
        Curve("confidence", "", scores, min_score, max_score, description, (scale.doubtful,) if scale else ()),
        Curve("jitter", " px", jitters, 0, max_jitter, "unsteady motion", (jitter_limit,)),
    ]


def _maximum(arrays: Sequence[NDArray[np.floating]]) -> float:
    return max(float(array.max()) for array in arrays)


def _plot_area(curve: Curve, top: float) -> Iterator[str]:
    """Draw the background, the labels and the limits of a curve."""
    right, bottom = WIDTH - RIGHT, top + CURVE_HEIGHT
    yield f'<rect class="plot-area" x="{LEFT}" y="{top}" width="{right - LEFT}" height="{CURVE_HEIGHT}"/>'
    yield f'<text class="label" x="0" y="{top + 22}">{curve.name}</text>'
    yield f'<text class="description" x="0" y="{top + 38}">{curve.description}</text>'
    for value, y in ((curve.high, top + 8), (curve.low, bottom)):
        yield f'<text class="scale" x="{LEFT - 8}" y="{y}">{_short(value)}{curve.unit}</text>'
    for limit in curve.limits:
        y = curve.y(limit, top)
        yield f'<line class="limit" x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>'


def _gaps(inspected: InspectedTrack, axis: Axis, height: float) -> Iterator[str]:
    for first, last in inspected.gaps:
        yield axis.box(inspected.track.first + first, inspected.track.first + last, 0, height, "gap")


def _max_points(person: InspectedPerson, position: int) -> int:
    """Return the share of `MAX_POINTS` of one of the person's tracks, at least 1."""
    return max(1, MAX_POINTS * len(person.tracks[position].track) // len(person))


def _line(curve: Curve, person: InspectedPerson, position: int, axis: Axis, top: float) -> str:
    """Draw a curve over one of the person's tracks; a single frame is a dot."""
    values, first = curve.values[position], person.tracks[position].track.first
    offsets = _decimate(values, _max_points(person, position))
    points = [(axis.x(first + offset + 0.5), curve.y(float(values[offset]), top)) for offset in offsets]
    if len(points) == 1:
        return f'<circle class="point" cx="{points[0][0]}" cy="{points[0][1]}" r="3"/>'
    return f'<polyline class="curve" points="{" ".join(f"{x},{y}" for x, y in points)}"/>'


def _decimate(values: NDArray[np.floating], max_stretches: int) -> list[int]:
    """Return the indices of the values to draw: all, or the minimum and the maximum of each of `max_stretches`."""
    if len(values) <= 2 * max_stretches:
        return list(range(len(values)))
    indices: set[int] = set()
    for start, end in pairwise(np.linspace(0, len(values), max_stretches + 1).astype(int).tolist()):
        stretch = values[start:end]
        indices |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return sorted(indices)


def _tooltips(
    curves: Sequence[Curve], person: InspectedPerson, position: int, axis: Axis, frame_title: FrameTitle
) -> Iterator[str]:
    """Draw transparent boxes over one of the person's tracks, whose tooltips show the values of their first frame."""
    track, height = person.tracks[position].track, len(curves) * (CURVE_HEIGHT + CURVE_GAP)
    count = min(_max_points(person, position), len(track))
    starts = np.unique(np.linspace(0, len(track), count + 1).astype(int))
    for start, end in pairwise(starts.tolist()):
        lines = [frame_title(track.first + start)]
        lines += [f"{each.name} {_short(float(each.values[position][start]))}{each.unit}" for each in curves]
        if not track.detected[start]:
            lines.append("missed by the detector, bridged")
        tooltip = "\n".join(lines)
        yield axis.box(track.first + start, track.first + end - 1, 0, height, "hover", tooltip=tooltip)


def _short(value: float) -> str:
    """Format with two decimals at most, none from 10; adding 0.0 turns -0.0 into 0."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{round(value, 2) + 0.0:g}"


def _svg(parts: Sequence[str], height: float, label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
