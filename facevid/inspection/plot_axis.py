"""The frame axis of the report's plots, as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facevid.inspection.tracks import InspectedPerson

# Lengths are in SVG user units: CSS pixels at the page's full width.

WIDTH = 1120
"""Width of a plot."""

LEFT = 112
"""Width of the column of labels left of the frame axis."""

RIGHT = 16
"""Margin right of the frame axis, so that the last frame number is not cut off."""

MAX_TICKS = 12
"""Steps of the frame axis, at most: more frame numbers would touch."""


@dataclass(frozen=True)
class Axis:
    """Frame axis of one plot.

    Attributes:
        first: index of its first frame.
        last: index of its last frame.
        first_number: number of the clip's first frame; ticks show frame numbers.
    """

    first: int
    last: int
    first_number: int

    @classmethod
    def around(cls, person: InspectedPerson, frame_count: int) -> "Axis":
        """Return the axis from a person's first to their last frame, with a margin of 4 %, at least 2 frames."""
        first, last = person.tracks[0].track.first, person.tracks[-1].track.last
        margin = max(2, (last - first + 1) // 25)
        return cls(max(first - margin, 0), min(last + margin, frame_count - 1), person.tracks[0].first_number)

    def x(self, index: float) -> float:
        """Return the x of the left edge of a frame; `index + 0.5` gives its centre."""
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (index - self.first) / (self.last - self.first + 1), 2)

    def box(self, first: int, last: int, top: float, height: float, css_class: str, *, tooltip: str = "") -> str:
        """Draw a rectangle over the frames `first` to `last`, at least one unit wide."""
        x, right = self.x(first), self.x(last + 1)
        title = f"<title>{tooltip}</title>" if tooltip else ""
        width = f"{max(right - x, 1):.2f}"
        return f'<rect class="{css_class}" x="{x}" y="{top}" width="{width}" height="{height}">{title}</rect>'

    def cuts(self, cuts: Sequence[int], height: float) -> Iterator[str]:
        """Draw a line at each cut within the axis."""
        for cut in cuts:
            if self.first < cut <= self.last:
                x, tooltip = self.x(cut), f"cut: frame {self.first_number + cut}"
                yield f'<line class="cut" x1="{x}" y1="0" x2="{x}" y2="{height}"><title>{tooltip}</title></line>'

    def ticks(self, top: float) -> Iterator[str]:
        """Draw ticks and frame numbers at multiples of a round step."""
        step = next(step for step in _round_steps() if (self.last - self.first) / step <= MAX_TICKS)
        first, last = self.first_number + self.first, self.first_number + self.last
        for number in range(-(-first // step) * step, last + 1, step):
            x = self.x(number - self.first_number + 0.5)
            yield f'<line class="tick" x1="{x}" y1="{top}" x2="{x}" y2="{top + 4}"/>'
            yield f'<text class="number" x="{x}" y="{top + 17}">{number}</text>'


def _round_steps() -> Iterator[int]:
    """Yield 1, 2, 5, 10, 20, 50, ..."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10
