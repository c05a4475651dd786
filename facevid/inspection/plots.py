"""The report's plots, as SVG text: a map of the clip, and the curves of a person over time.

Nothing here grows with the clip's length beyond a few hundred points a curve: of longer ones each point of the axis
shows the least and the greatest value of its frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.tracking import Tracking
from facevid.inspection.problems import JITTER_SHARE, PROFILE_YAW, SMALL_SIDE
from facevid.inspection.tracks import InspectedPerson, InspectedTrack, covered, runs

WIDTH = 1120
LEFT, RIGHT = 112, 16
"""Width of an SVG, of its labels and of its margin, in its own units: CSS pixels where there is room."""

MOST_POINTS = 480
"""Points of the frame axis that have a value and a hover title of their own."""

MOST_CUTS = 200
"""Cuts that the map draws lines for; of more, the shots' shades tell."""

CURVE_HEIGHT, CURVE_GAP = 60, 18
LANE_HEIGHT = 16
AXIS_HEIGHT = 24

Title = Callable[[int], str]
"""Names the frame of an index: its number, and its time."""


@dataclass(frozen=True)
class Axis:
    """The frame axis of one SVG.

    Attributes:
        first, last: indices of its first and last frame, both whole.
        first_number: of the clip; frames are labelled with their numbers.
    """

    first: int
    last: int
    first_number: int

    @classmethod
    def around(cls, person: InspectedPerson, frame_count: int) -> "Axis":
        """Take the frames between a person's first and last, and a little of the clip before and after them."""
        first, last = person.tracks[0].track.first, person.tracks[-1].track.last
        spare = max(2, (last - first + 1) // 25)
        return cls(max(first - spare, 0), min(last + spare, frame_count - 1), person.tracks[0].first_number)

    def edge(self, frame: float) -> float:
        """Give the x at which a frame begins."""
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (frame - self.first) / (self.last - self.first + 1), 2)

    def box(self, first: int, last: int, top: float, height: float, name: str, *, title: str = "") -> str:
        """Draw a rectangle over whole frames, wide enough to be seen."""
        x, end = self.edge(first), self.edge(last + 1)
        inside = f"<title>{title}</title>" if title else ""
        return f'<rect class="{name}" x="{x}" y="{top}" width="{max(end - x, 1):.2f}" height="{height}">{inside}</rect>'

    def cuts(self, cuts: Sequence[int], height: float) -> Iterator[str]:
        """Draw a line where a shot begins."""
        for cut in cuts:
            if self.first < cut <= self.last:
                x, told = self.edge(cut), f"cut: frame {self.first_number + cut}"
                yield f'<line class="cut" x1="{x}" y1="0" x2="{x}" y2="{height}"><title>{told}</title></line>'

    def ticks(self, top: float) -> Iterator[str]:
        """Draw frame numbers at round steps."""
        step = next(step for step in _round_steps() if (self.last - self.first) / step <= 12)
        first, last = self.first_number + self.first, self.first_number + self.last
        for number in range(-(-first // step) * step, last + 1, step):
            x = self.edge(number - self.first_number + 0.5)
            yield f'<line class="tick" x1="{x}" y1="{top}" x2="{x}" y2="{top + 4}"/>'
            yield f'<text class="number" x="{x}" y="{top + 17}">{number}</text>'


@dataclass(frozen=True)
class Curve:
    """One measure of a person over their frames.

    Attributes:
        name, unit: its label; the unit with its space, if it takes one.
        values: (N,) for each of the person's tracks.
        low, high: the range of the plot.
        remark: what it is of, in few words.
        limits: values that a line is drawn at, beyond which it is a problem.
    """

    name: str
    unit: str
    values: Sequence[NDArray[np.floating]]
    low: float
    high: float
    remark: str
    limits: tuple[float, ...] = ()

    def y(self, value: float, top: float) -> float:
        """Give the height of a value in a plot that begins at `top`."""
        return round(top + CURVE_HEIGHT * (1 - (value - self.low) / (self.high - self.low)), 2)


def plot_person(person: InspectedPerson, tracking: Tracking, title: Title) -> str:
    """Draw a person's size, yaw, confidence and jitter, one below the other over one frame axis.

    Frames that were bridged are shaded, cuts are lines, and each frame has a hover title with its numbers.
    """
    axis, curves = Axis.around(person, tracking.frame_count), _curves(person)
    height = len(curves) * (CURVE_HEIGHT + CURVE_GAP)
    tops = [place * (CURVE_HEIGHT + CURVE_GAP) + CURVE_GAP / 2 for place in range(len(curves))]
    parts = [part for curve, top in zip(curves, tops, strict=True) for part in _scale(curve, top)]
    parts += [part for each in person.tracks for part in _gaps(each, axis, height)]
    places = range(len(person.tracks))
    parts += [_line(curve, person, at, axis, top) for at in places for curve, top in zip(curves, tops, strict=True)]
    parts += [*axis.cuts(tracking.cuts, height), *axis.ticks(height)]
    parts += [part for at in places for part in _hovers(curves, person, at, axis, title)]
    return _svg(parts, height + AXIS_HEIGHT, f"person {person.number} over time")


def plot_clip(tracking: Tracking, people: Sequence[InspectedPerson], title: Title, first_number: int = 0) -> str:
    """Draw a map of the clip: a strip of its shots, and below it a lane for each of `people`."""
    axis, lanes = Axis(0, tracking.frame_count - 1, first_number), 2 * LANE_HEIGHT
    height = lanes + max(len(people), 1) * LANE_HEIGHT + 6
    parts = [f'<text class="label" x="0" y="{LANE_HEIGHT}">shots</text>']
    for number, shot in enumerate(tracking.shots):
        told = f"shot {number}, from {title(shot.start)}\nto {title(shot.stop - 1)}"
        name = "shot odd" if number % 2 else "shot"
        parts.append(axis.box(shot.start, shot.stop - 1, 2, LANE_HEIGHT + 4, name, title=told))
        x, end = axis.edge(shot.start), axis.edge(shot.stop)
        if end - x > 24:
            parts.append(f'<text class="shot-number" x="{(x + end) / 2}" y="{LANE_HEIGHT}">{number}</text>')
    for first, last in runs(~covered(tracking.frame_count, tracking.tracks)):
        told = f"no face: frames {first_number + first}-{first_number + last}"
        parts.append(axis.box(first, last, LANE_HEIGHT + 6, 4, "faceless", title=told))
    for lane, person in enumerate(people):
        parts += _lane(person, axis, lanes + lane * LANE_HEIGHT)
    cuts = tracking.cuts if len(tracking.cuts) <= MOST_CUTS else ()
    parts += [*axis.cuts(cuts, height), *axis.ticks(height)]
    return _svg(parts, height + AXIS_HEIGHT, "shots and people of the clip")


def _curves(person: InspectedPerson) -> list[Curve]:
    sizes, yaws, scores, jitters = (
        [getattr(each, name) for each in person.tracks] for name in ("sizes", "yaw", "scores", "jitter")
    )
    turned = max(45.0, 1.05 * max(float(np.abs(each).max()) for each in yaws))
    most = max(JITTER_SHARE * person.size * 1.2, 1.05 * _greatest(jitters))
    sure = max(1.0, 1.05 * _greatest(scores))
    large = max(SMALL_SIDE, _greatest(sizes)) * 1.05
    return [
        Curve("face size", " px", sizes, 0, large, "side of the crop", (SMALL_SIDE,)),
        Curve("yaw", "°", yaws, -turned, turned, "+ is to the right", (-PROFILE_YAW, PROFILE_YAW)),
        Curve("confidence", "", scores, 0, sure, "of the detector"),
        Curve("jitter", " px", jitters, 0, most, "off steady motion", (JITTER_SHARE * person.size,)),
    ]


def _greatest(values: Sequence[NDArray[np.floating]]) -> float:
    return max(float(each.max()) for each in values)


def _scale(curve: Curve, top: float) -> Iterator[str]:
    """Draw what a curve is read by."""
    right, bottom = WIDTH - RIGHT, top + CURVE_HEIGHT
    yield f'<rect class="plot-area" x="{LEFT}" y="{top}" width="{right - LEFT}" height="{CURVE_HEIGHT}"/>'
    yield f'<text class="label" x="0" y="{top + 22}">{curve.name}</text>'
    yield f'<text class="description" x="0" y="{top + 38}">{curve.remark}</text>'
    for value, y in ((curve.high, top + 8), (curve.low, bottom)):
        yield f'<text class="scale" x="{LEFT - 8}" y="{y}">{_short(value)}{curve.unit}</text>'
    for limit in curve.limits:
        y = curve.y(limit, top)
        yield f'<line class="limit" x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>'


def _points(person: InspectedPerson, place: int) -> int:
    """Give the points of the frame axis that one of a person's tracks gets."""
    return max(1, MOST_POINTS * len(person.tracks[place].track) // len(person))


def _line(curve: Curve, person: InspectedPerson, place: int, axis: Axis, top: float) -> str:
    """Draw a curve through the frames of one of a person's tracks."""
    values, first = curve.values[place], person.tracks[place].track.first
    chosen = _extremes(values, _points(person, place))
    points = [(axis.edge(first + at + 0.5), curve.y(float(values[at]), top)) for at in chosen]
    if len(points) == 1:
        return f'<circle class="point" cx="{points[0][0]}" cy="{points[0][1]}" r="3"/>'
    return f'<polyline class="curve" points="{" ".join(f"{x},{y}" for x, y in points)}"/>'


def _hovers(curves: Sequence[Curve], person: InspectedPerson, place: int, axis: Axis, title: Title) -> Iterator[str]:
    track, height = person.tracks[place].track, len(curves) * (CURVE_HEIGHT + CURVE_GAP)
    starts = np.unique(np.linspace(0, len(track), min(_points(person, place), len(track)) + 1).astype(int))
    for start, end in pairwise(starts.tolist()):
        told = f"{title(track.first + start)}\n{_numbers(curves, place, start, bool(track.detected[start]))}"
        yield axis.box(track.first + start, track.first + end - 1, 0, height, "hover", title=told)


def _gaps(each: InspectedTrack, axis: Axis, height: float) -> Iterator[str]:
    for first, last in each.gaps:
        yield axis.box(each.track.first + first, each.track.first + last, 0, height, "gap")


def _lane(person: InspectedPerson, axis: Axis, top: float) -> Iterator[str]:
    yield f'<a href="#person-{person.number}">'
    yield f'<text class="label" x="0" y="{top + LANE_HEIGHT - 4}">person {person.number}</text>'
    for each in person.tracks:
        track, name = each.track, "edited" if each.edited else "other"
        edited = ", edited by default" if each.edited else ""
        told = f"person {person.number}: frames {each.first}-{each.last}{edited}"
        yield axis.box(track.first, track.last, top + 3, LANE_HEIGHT - 6, name, title=told)
        for first, last in each.gaps:
            yield axis.box(
                track.first + first, track.first + last, top + 3, LANE_HEIGHT - 6, "missed", title=f"{told}\nbridged"
            )
    yield "</a>"


def _numbers(curves: Sequence[Curve], place: int, at: int, is_detected: bool) -> str:
    told = [f"{each.name} {_short(float(each.values[place][at]))}{each.unit}" for each in curves]
    return "\n".join(told if is_detected else [*told, "missed by the detector, bridged"])


def _extremes(values: NDArray[np.floating], most: int) -> list[int]:
    """Choose the entries that a curve is drawn through: all, or of too many the extremes of `most` stretches."""
    if len(values) <= 2 * most:
        return list(range(len(values)))
    chosen: set[int] = set()
    for start, end in pairwise(np.linspace(0, len(values), most + 1).astype(int).tolist()):
        stretch = values[start:end]
        chosen |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return sorted(chosen)


def _round_steps() -> Iterator[int]:
    """Give 1, 2, 5, 10, 20, 50, ..."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 else f"{round(value, 2) + 0.0:g}"


def _svg(parts: Sequence[str], height: float, label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
