"""A plot of the comparison of editors, as SVG: one row of panels for each attribute."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from facevid.evaluation.editors import CurvePoint
from facevid.utils.atomic_output import atomic_path

COLOURS = {"transformer": "#1f6fb4", "direction": "#d9822b", "ganspace": "#5a9e4b"}
"""Colour of the curve of each method."""

SIDE = 200
"""Side of a panel, in pixels."""

GAP = 60
"""Space between panels, in pixels; it contains the labels of the axes."""

TOP = 50
"""Space above the first row of panels, in pixels; it contains the legend."""

LEGEND_STEP = 110
"""Horizontal distance between two entries of the legend, in pixels."""


def write_plot(path: Path, points: Sequence[CurvePoint]) -> None:
    """Plot the preservation of attributes (left) and identity (right) over the fraction of changed codes.

    Raises:
        OutputError: the file cannot be written.
    """
    attributes = list(dict.fromkeys(point.attribute for point in points))
    width, height = 2 * (SIDE + GAP) + 30, TOP + len(attributes) * (SIDE + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, (method, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{GAP + number * LEGEND_STEP}" y="20" fill="{colour}">{method}</text>')
    for row, attribute in enumerate(attributes):
        selected = [point for point in points if point.attribute == attribute]
        y = TOP + row * (SIDE + GAP)
        for column, measure in enumerate(("preserved", "identity")):
            title = f"{attribute}: {'other attributes' if measure == 'preserved' else 'identity'} kept"
            parts += _panel(GAP + column * (SIDE + GAP), y, title, selected, measure)
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _panel(x: int, y: int, title: str, points: list[CurvePoint], measure: str) -> list[str]:
    """Return the SVG elements of one panel at (x, y): a measure, an attribute of `CurvePoint`, for each method."""
    parts = [
        f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
        f'<text x="{x}" y="{y - 8}">{escape(title)}</text>',
        f'<text x="{x + SIDE / 2}" y="{y + SIDE + 28}" text-anchor="middle">share changed</text>',
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{x + tick * SIDE}" y="{y + SIDE + 14}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{x - 6}" y="{y + (1 - tick) * SIDE + 4}" text-anchor="end">{tick:g}</text>')
    for method, group in groupby(points, key=lambda point: point.method):
        curve = [(0.0, 1.0), *sorted((point.changed, float(getattr(point, measure))) for point in group)]
        pixels = [(x + changed * SIDE, y + (1 - preserved) * SIDE) for changed, preserved in curve]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in pixels)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[method]}" stroke-width="2"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="{COLOURS[method]}"/>' for px, py in pixels[1:]]
    return parts
