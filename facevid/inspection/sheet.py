"""The contact sheet: a row a track, of the crops that an edit would encode."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import crop
from facevid.inspection.overlay import EDITED, OTHER
from facevid.inspection.text import LINE_HEIGHT, Colour, draw_text
from facevid.inspection.tracks import InspectedTrack

COLUMNS = 8
"""Crops a row."""

ROWS = 24
"""Tracks on a sheet; of more, the longest are shown."""

CROP_SIDE = 128
LABEL_WIDTH = 200
GAP = 4
HEADER = 32
TEXT = 15
SMALL_TEXT = 12
PAPER: Colour = (28, 28, 28)


class ContactSheet:
    """Collects crops while the clip's frames pass by; at most `ROWS * COLUMNS` of them, whatever its length."""

    def __init__(self, name: str, tracks: Sequence[InspectedTrack]) -> None:
        longest = sorted(tracks, key=lambda each: len(each.track), reverse=True)[:ROWS]
        self._shown = sorted(longest, key=lambda each: each.track.number)
        self._title = f"{_count(tracks)} in {name}"
        self._columns = [_spread(len(each.track)) for each in self._shown]
        height = HEADER + max(len(self._shown), 1) * (CROP_SIDE + GAP)
        width = LABEL_WIDTH + COLUMNS * (CROP_SIDE + GAP)
        self._sheet = np.full((height, width, 3), PAPER, dtype=np.uint8)

    def add(self, picture: NDArray[np.uint8], index: int) -> None:
        """Take the crops that frame `index` has to give from its picture, uint8 (H, W, 3) RGB."""
        for row, (each, columns) in enumerate(zip(self._shown, self._columns, strict=True)):
            offset = each.offset(index)
            if offset not in columns:
                continue
            thumbnail = crop(picture, each.quads[offset], CROP_SIDE)
            state = "" if each.track.detected[offset] else " bridged"
            draw_text(thumbnail, f"{index}{state}", (0, CROP_SIDE), SMALL_TEXT)
            self._cell(row, columns.index(offset))[:] = thumbnail

    def picture(self) -> NDArray[np.uint8]:
        """Return the sheet, uint8 (H, W, 3) RGB, with its labels."""
        draw_text(self._sheet, self._title, (GAP, GAP), TEXT, paper=PAPER)
        for row, each in enumerate(self._shown):
            top = HEADER + row * (CROP_SIDE + GAP)
            colour = EDITED if each.edited else OTHER
            for line, text in enumerate(_label(each)):
                draw_text(self._sheet, text, (GAP, top + line * LINE_HEIGHT * TEXT), TEXT, ink=colour, paper=PAPER)
        return self._sheet

    def thumbnails(self) -> dict[int, list[NDArray[np.uint8]]]:
        """Return the crops of each track that has a row, by the track's number: uint8 (CROP_SIDE, CROP_SIDE, 3) RGB."""
        return {
            each.track.number: [self._cell(row, column) for column in range(len(columns))]
            for row, (each, columns) in enumerate(zip(self._shown, self._columns, strict=True))
        }

    def _cell(self, row: int, column: int) -> NDArray[np.uint8]:
        x, y = LABEL_WIDTH + column * (CROP_SIDE + GAP), HEADER + row * (CROP_SIDE + GAP)
        return self._sheet[y : y + CROP_SIDE, x : x + CROP_SIDE]


def _count(tracks: Sequence[InspectedTrack]) -> str:
    if not tracks:
        return "no face found"
    left_out = f", the {ROWS} longest of them shown," if len(tracks) > ROWS else ""
    return f"{len(tracks)} track{'s' if len(tracks) > 1 else ''}{left_out}"


def _label(each: InspectedTrack) -> list[str]:
    track = each.track
    return [
        f"track {track.number}{', edited' if each.edited else ''}",
        f"frames {track.first}-{track.last}",
        f"{each.detected} of {len(track)} detected",
        f"{each.size:.0f} px",
    ]


def _spread(length: int) -> list[int]:
    """Choose which entries of a track are shown: evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, length - 1, COLUMNS).round().astype(int)).tolist()
