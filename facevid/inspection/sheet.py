"""The contact sheet: a row a person, of the crops that an edit would encode."""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import crop
from facevid.inspection.overlay import EDITED, OTHER
from facevid.inspection.text import LINE_HEIGHT, Colour, draw_text
from facevid.inspection.tracks import InspectedPerson, InspectedTrack, people_in

COLUMNS = 8
"""Crops a row."""

ROWS = 24
"""People on a sheet; of more, those seen for the longest are shown."""

MOST_TRACKS = 2
"""Tracks of a person whose frames are told."""

CROP_SIDE = 128
LABEL_WIDTH = 200
LABEL_LETTERS = 22
"""Digits that fit into the width of a label."""
GAP = 4
HEADER = 32
TEXT = 15
SMALL_TEXT = 12
PAPER: Colour = (28, 28, 28)


class ContactSheet:
    """Collects crops while the clip's frames pass by; at most `ROWS * COLUMNS` of them, whatever its length."""

    def __init__(self, name: str, tracks: Sequence[InspectedTrack]) -> None:
        people = people_in(tracks)
        longest = sorted(people, key=len, reverse=True)[:ROWS]
        self._shown = sorted(longest, key=lambda each: each.number)
        self._title = f"{_count(people)} in {name}"
        self._columns = [_spread(person) for person in self._shown]
        height = HEADER + max(len(self._shown), 1) * (CROP_SIDE + GAP)
        width = LABEL_WIDTH + COLUMNS * (CROP_SIDE + GAP)
        self._sheet = np.full((height, width, 3), PAPER, dtype=np.uint8)

    def add(self, picture: NDArray[np.uint8], index: int) -> None:
        """Take the crops that frame `index` has to give from its picture, uint8 (H, W, 3) RGB."""
        for row, columns in enumerate(self._columns):
            if index not in columns:
                continue
            each = columns[index]
            offset = index - each.track.first
            thumbnail = crop(picture, each.quads[offset], CROP_SIDE)
            state = "" if each.track.detected[offset] else " bridged"
            draw_text(thumbnail, f"{each.first + offset}{state}", (0, CROP_SIDE), SMALL_TEXT)
            self._cell(row, list(columns).index(index))[:] = thumbnail

    def picture(self) -> NDArray[np.uint8]:
        """Return the sheet, uint8 (H, W, 3) RGB, with its labels."""
        draw_text(self._sheet, self._title, (GAP, GAP), TEXT, paper=PAPER)
        for row, person in enumerate(self._shown):
            top = HEADER + row * (CROP_SIDE + GAP)
            colour = EDITED if person.is_edited else OTHER
            for line, text in enumerate(_label(person)):
                draw_text(self._sheet, text, (GAP, top + line * LINE_HEIGHT * TEXT), TEXT, ink=colour, paper=PAPER)
        return self._sheet

    def thumbnails(self) -> dict[int, list[NDArray[np.uint8]]]:
        """Return the crops of each person who has a row, by number: uint8 (CROP_SIDE, CROP_SIDE, 3) RGB."""
        return {
            person.number: [self._cell(row, column) for column in range(len(columns))]
            for row, (person, columns) in enumerate(zip(self._shown, self._columns, strict=True))
        }

    def _cell(self, row: int, column: int) -> NDArray[np.uint8]:
        x, y = LABEL_WIDTH + column * (CROP_SIDE + GAP), HEADER + row * (CROP_SIDE + GAP)
        return self._sheet[y : y + CROP_SIDE, x : x + CROP_SIDE]


def _count(people: Sequence[InspectedPerson]) -> str:
    if not people:
        return "no face found"
    left_out = f", the {ROWS} seen for the longest shown," if len(people) > ROWS else ""
    return f"{len(people)} {'people' if len(people) > 1 else 'person'}{left_out}"


def _label(person: InspectedPerson) -> list[str]:
    told = {"yes": ", edited", "in part": ", edited in part", "no": ""}[person.edited]
    return [
        f"person {person.number}{told}",
        *textwrap.wrap(f"frames {person.where(MOST_TRACKS)}", LABEL_LETTERS, break_on_hyphens=False),
        f"{person.detected} of {len(person)} detected",
        f"{person.size:.0f} px",
    ]


def _spread(person: InspectedPerson) -> dict[int, InspectedTrack]:
    """Choose which frames of a person are shown, evenly spread, the first and the last among them; and their tracks."""
    chosen = np.unique(np.linspace(0, len(person) - 1, COLUMNS).round().astype(int)).tolist()
    frames = [(each.track.first + offset, each) for each in person.tracks for offset in range(len(each.track))]
    return dict(frames[entry] for entry in chosen)
