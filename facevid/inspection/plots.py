"""The report's plots, as SVG text: a map of the clip, and the curves of a track over time.

Nothing here grows with the clip's length beyond a few hundred points a curve: of longer tracks each point of the axis
shows the least and the greatest value of its frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facevid.analysis import Tracking
from facevid.inspection.problems import JITTER_SHARE, PROFILE_YAW, SMALL_SIDE
from facevid.inspection.tracks import InspectedTrack, covered, runs

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
"""Names a frame: its number, and its time."""


@dataclass(frozen=True)
class Axis:
    """The frame axis of one SVG, from frame `first` to frame `last`, both whole."""

    first: int
    last: int

    @classmethod
    def around(cls, each: InspectedTrack, frame_count: int) -> "Axis":
        """Take a track's frames and a little of the clip before and after them."""
        spare = max(2, len(each.track) // 25)
        return cls(max(each.track.first - spare, 0), min(each.track.last + spare, frame_count - 1))

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
                x = self.edge(cut)
                yield f'<line class="cut" x1="{x}" y1="0" x2="{x}" y2="{height}"><title>cut: frame {cut}</title></line>'

    def ticks(self, top: float) -> Iterator[str]:
        """Draw frame numbers at round steps."""
        step = next(step for step in _round_steps() if (self.last - self.first) / step <= 12)
        for frame in range(-(-self.first // step) * step, self.last + 1, step):
            x = self.edge(frame + 0.5)
            yield f'<line class="tick" x1="{x}" y1="{top}" x2="{x}" y2="{top + 4}"/>'
            yield f'<text class="number" x="{x}" y="{top + 17}">{frame}</text>'


@dataclass(frozen=True)
class Curve:
    """One measure of a track over its frames.

    Attributes:
        name, unit: its label; the unit with its space, if it takes one.
        values: (N,).
        low, high: the range of the plot.
        remark: what it is of, in few words.
        limits: values that a line is drawn at, beyond which it is a problem.
    """

    name: str
    unit: str
    values: NDArray[np.floating]
    low: float
    high: float
    remark: str
    limits: tuple[float, ...] = ()

    def y(self, value: float, top: float) -> float:
        """Give the height of a value in a plot that begins at `top`."""
        return round(top + CURVE_HEIGHT * (1 - (value - self.low) / (self.high - self.low)), 2)


def plot_track(each: InspectedTrack, tracking: Tracking, title: Title) -> str:
    """Draw a track's size, yaw, confidence and jitter, one below the other over one frame axis.

    Frames that were bridged are shaded, cuts are lines, and each frame has a hover title with its numbers.
    """
    track, axis, curves = each.track, Axis.around(each, tracking.frame_count), _curves(each)
    height = len(curves) * (CURVE_HEIGHT + CURVE_GAP)
    tops = [place * (CURVE_HEIGHT + CURVE_GAP) + CURVE_GAP / 2 for place in range(len(curves))]
    parts = [part for curve, top in zip(curves, tops, strict=True) for part in _scale(curve, top)]
    parts += _gaps(each, axis, height)
    parts += [_line(curve, track.first, axis, top) for curve, top in zip(curves, tops, strict=True)]
    parts += [*axis.cuts(tracking.cuts, height), *axis.ticks(height)]
    starts = np.unique(np.linspace(0, len(track), min(MOST_POINTS, len(track)) + 1).astype(int))
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        told = f"{title(track.first + start)}\n{_numbers(curves, start, bool(track.detected[start]))}"
        parts.append(axis.box(track.first + start, track.first + end - 1, 0, height, "hover", title=told))
    return _svg(parts, height + AXIS_HEIGHT, f"track {track.number} over time")


def plot_clip(tracking: Tracking, tracks: Sequence[InspectedTrack], title: Title) -> str:
    """Draw a map of the clip: a strip of its shots, and below it a lane for each of `tracks`."""
    axis, lanes = Axis(0, tracking.frame_count - 1), 2 * LANE_HEIGHT
    height = lanes + max(len(tracks), 1) * LANE_HEIGHT + 6
    parts = [f'<text class="label" x="0" y="{LANE_HEIGHT}">shots</text>']
    for number, shot in enumerate(tracking.shots):
        told = f"shot {number}, from {title(shot.start)}\nto {title(shot.stop - 1)}"
        name = "shot odd" if number % 2 else "shot"
        parts.append(axis.box(shot.start, shot.stop - 1, 2, LANE_HEIGHT + 4, name, title=told))
        x, end = axis.edge(shot.start), axis.edge(shot.stop)
        if end - x > 24:
            parts.append(f'<text class="inside" x="{(x + end) / 2}" y="{LANE_HEIGHT}">{number}</text>')
    for first, last in runs(~covered(tracking.frame_count, tracking.tracks)):
        parts.append(axis.box(first, last, LANE_HEIGHT + 6, 4, "faceless", title=f"no face: frames {first}-{last}"))
    for lane, each in enumerate(tracks):
        parts += _lane(each, axis, lanes + lane * LANE_HEIGHT)
    cuts = tracking.cuts if len(tracking.cuts) <= MOST_CUTS else ()
    parts += [*axis.cuts(cuts, height), *axis.ticks(height)]
    return _svg(parts, height + AXIS_HEIGHT, "shots and tracks of the clip")


def _curves(each: InspectedTrack) -> list[Curve]:
    turned = max(45.0, float(np.abs(each.yaw).max()) * 1.05)
    most = max(JITTER_SHARE * each.size * 1.2, float(each.jitter.max()) * 1.05)
    sure = max(1.0, float(each.track.scores.max()) * 1.05)
    large = max(SMALL_SIDE, float(each.sizes.max())) * 1.05
    return [
        Curve("face size", " px", each.sizes, 0, large, "side of the crop", (SMALL_SIDE,)),
        Curve("yaw", "°", each.yaw, -turned, turned, "+ is to the right", (-PROFILE_YAW, PROFILE_YAW)),
        Curve("confidence", "", each.track.scores, 0, sure, "of the detector"),
        Curve("jitter", " px", each.jitter, 0, most, "off steady motion", (JITTER_SHARE * each.size,)),
    ]


def _scale(curve: Curve, top: float) -> Iterator[str]:
    """Draw what a curve is read by."""
    right, bottom = WIDTH - RIGHT, top + CURVE_HEIGHT
    yield f'<rect class="paper" x="{LEFT}" y="{top}" width="{right - LEFT}" height="{CURVE_HEIGHT}"/>'
    yield f'<text class="label" x="0" y="{top + 22}">{curve.name}</text>'
    yield f'<text class="remark" x="0" y="{top + 38}">{curve.remark}</text>'
    for value, y in ((curve.high, top + 8), (curve.low, bottom)):
        yield f'<text class="scale" x="{LEFT - 8}" y="{y}">{_short(value)}{curve.unit}</text>'
    for limit in curve.limits:
        y = curve.y(limit, top)
        yield f'<line class="limit" x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>'


def _line(curve: Curve, first: int, axis: Axis, top: float) -> str:
    points = [(axis.edge(first + at + 0.5), curve.y(float(curve.values[at]), top)) for at in _extremes(curve.values)]
    if len(points) == 1:
        return f'<circle class="point" cx="{points[0][0]}" cy="{points[0][1]}" r="3"/>'
    return f'<polyline class="curve" points="{" ".join(f"{x},{y}" for x, y in points)}"/>'


def _gaps(each: InspectedTrack, axis: Axis, height: float) -> Iterator[str]:
    for first, last in each.gaps:
        yield axis.box(each.track.first + first, each.track.first + last, 0, height, "gap")


def _lane(each: InspectedTrack, axis: Axis, top: float) -> Iterator[str]:
    track, name = each.track, "edited" if each.edited else "other"
    yield f'<a href="#track-{track.number}">'
    yield f'<text class="label" x="0" y="{top + LANE_HEIGHT - 4}">track {track.number}</text>'
    told = f"track {track.number}: frames {track.first}-{track.last}{', edited by default' if each.edited else ''}"
    yield axis.box(track.first, track.last, top + 3, LANE_HEIGHT - 6, name, title=told)
    for first, last in each.gaps:
        yield axis.box(
            track.first + first, track.first + last, top + 3, LANE_HEIGHT - 6, "missed", title=f"{told}\nbridged"
        )
    yield "</a>"


def _numbers(curves: Sequence[Curve], at: int, is_detected: bool) -> str:
    told = [f"{each.name} {_short(float(each.values[at]))}{each.unit}" for each in curves]
    return "\n".join(told if is_detected else [*told, "missed by the detector, bridged"])


def _extremes(values: NDArray[np.floating]) -> list[int]:
    """Choose the entries that a curve is drawn through: all, or of too many the extremes of each stretch."""
    if len(values) <= 2 * MOST_POINTS:
        return list(range(len(values)))
    starts = np.linspace(0, len(values), MOST_POINTS + 1).astype(int)
    chosen: set[int] = set()
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
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
