"""Make curves.svg, the picture of strengths over time in facevid/edits/README.md.

Run from the project's root: .venv/bin/python samples/make_curves.py
"""

from pathlib import Path

import numpy as np

from facevid.edits.attribute_edit import parse_edit
from facevid.edits.frame_weights import frame_weights

EDITS = (
    ("--attr smile=0@8,1@32", "", 0),
    ("--attr smile=0@8,1@32:ease", "", 0),
    ("--attr smile=0@8,1@20:ease,1@32,0.4@40:ease", "", 0),
    ("--attr smile=1 --frames 8-40 --fade 8", "8-40", 8),
)
"""Title of each panel, and the range and the fade that it names."""

FRAMES = 48
WIDTH, HEIGHT, GAP = 330, 120, 56
"""Size of a panel, and the space between two for titles and frame numbers, in pixels."""


def main() -> None:
    """Write the picture beside this file."""
    size = 2 * WIDTH + 3 * GAP, 2 * (HEIGHT + GAP) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" '
        f'height="{size[1]}" font-family="sans-serif" font-size="12">',
        f'<rect width="{size[0]}" height="{size[1]}" fill="white"/>',
    ]
    for number, (title, frames, fade) in enumerate(EDITS):
        edit = parse_edit(title.split()[1])
        bounds = tuple(map(int, frames.split("-"))) if frames else (0, FRAMES)
        weights = frame_weights(range(FRAMES + 1), bounds[0], bounds[-1], fade)
        x, y = GAP + number % 2 * (WIDTH + GAP), 32 + number // 2 * (HEIGHT + GAP)
        parts += panel(x, y, title, edit.strengths(range(FRAMES + 1), []) * weights)
    (Path(__file__).parent / "curves.svg").write_text("\n".join([*parts, "</svg>"]) + "\n")


def panel(x: int, y: int, title: str, strengths: np.ndarray) -> list[str]:
    """Return the SVG elements of one panel with its upper left corner at (x, y)."""
    parts = [
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
        f'<text x="{x}" y="{y - 8}" font-family="monospace">{title}</text>',
        f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">1</text>',
        f'<text x="{x - 8}" y="{y + HEIGHT + 4}" text-anchor="end">0</text>',
    ]
    for frame in range(0, FRAMES + 1, 8):
        px = x + frame * WIDTH / FRAMES
        parts.append(f'<text x="{px:.0f}" y="{y + HEIGHT + 16}" text-anchor="middle">{frame}</text>')
        parts.append(f'<line x1="{px:.1f}" y1="{y}" x2="{px:.1f}" y2="{y + HEIGHT}" stroke="#eee"/>')
    points = [(x + i * WIDTH / FRAMES, y + (1 - value) * HEIGHT) for i, value in enumerate(strengths.tolist())]
    line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f6fb4" stroke-width="2"/>')
    parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2" fill="#1f6fb4"/>' for px, py in points]
    return parts


if __name__ == "__main__":
    main()
