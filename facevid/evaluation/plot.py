"""The comparison of editors as a picture: small curves, one row for each attribute, as SVG."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from facevid.errors import OutputError
from facevid.evaluation.editors import CurvePoint

COLOURS = {"transformer": "#1f6fb4", "direction": "#d9822b", "ganspace": "#5a9e4b"}
SIDE, GAP, TOP = 200, 60, 50


def write_plot(path: Path, points: Sequence[CurvePoint]) -> None:
    """Draw preservation of attributes (left) and of identity (right) over the share changed.

    Raises:
        OutputError: it cannot be written.
    """
    attributes = list(dict.fromkeys(point.attribute for point in points))
    width, height = 2 * (SIDE + GAP) + 30, TOP + len(attributes) * (SIDE + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, (method, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="{GAP + number * 110}" y="20" fill="{colour}">{method}</text>')
    for row, attribute in enumerate(attributes):
        chosen = [point for point in points if point.attribute == attribute]
        y = TOP + row * (SIDE + GAP)
        for column, measure in enumerate(("preserved", "identity")):
            title = f"{attribute}: {'other attributes' if measure == 'preserved' else 'identity'} kept"
            parts += _panel(GAP + column * (SIDE + GAP), y, title, chosen, measure)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*parts, "</svg>"]) + "\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); see to space and permissions") from error


def _panel(x: int, y: int, title: str, points: list[CurvePoint], measure: str) -> list[str]:
    parts = [
        f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
        f'<text x="{x}" y="{y - 8}">{escape(title)}</text>',
        f'<text x="{x + SIDE / 2}" y="{y + SIDE + 28}" text-anchor="middle">share changed</text>',
    ]
    for share in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{x + share * SIDE}" y="{y + SIDE + 14}" text-anchor="middle">{share:g}</text>')
        parts.append(f'<text x="{x - 6}" y="{y + (1 - share) * SIDE + 4}" text-anchor="end">{share:g}</text>')
    for method, group in groupby(points, key=lambda point: point.method):
        curve = [(0.0, 1.0), *sorted((point.changed, float(getattr(point, measure))) for point in group)]
        places = [(x + changed * SIDE, y + (1 - kept) * SIDE) for changed, kept in curve]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[method]}" stroke-width="2"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="{COLOURS[method]}"/>' for px, py in places[1:]]
    return parts
