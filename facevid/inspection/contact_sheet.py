"""The contact sheet: one row of crops per person."""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import crop
from facevid.inspection.overlay import EDITED_COLOUR, UNEDITED_COLOUR
from facevid.inspection.text import LINE_HEIGHT, Colour, draw_text
from facevid.inspection.tracks import InspectedPerson, InspectedTrack, people_in

COLUMNS = 8
"""Crops per row: enough to show changes over the clip at a width of about 1250 pixels."""

MAX_ROWS = 24
"""People on the sheet: those with the most frames. Bounds the height at about 3200 pixels."""

MAX_LISTED_TRACKS = 2
"""Tracks of a person whose frames are listed in the label: as many as fit beside a crop."""

CROP_SIDE = 128
"""Side of a crop on the sheet, in pixels."""

LABEL_WIDTH = 200
"""Width of the label column, in pixels."""

LABEL_CHARACTERS = 22
"""Characters of a line of digits that fit into the label column."""

GAP = 4
"""Space between crops, in pixels."""

HEADER_HEIGHT = 32
"""Height of the header with the title, in pixels."""

LABEL_FONT_SIZE = 15
"""Font size of the title and the labels, in pixels."""

CROP_FONT_SIZE = 12
"""Font size of the frame number on a crop, in pixels."""

BACKGROUND: Colour = (28, 28, 28)
"""Neutral dark grey, so that the colours of the crops can be judged."""


class ContactSheet:
    """Collects crops in one pass over the clip: at most `MAX_ROWS * COLUMNS`, whatever the length of the clip."""

    def __init__(self, name: str, tracks: Sequence[InspectedTrack]) -> None:
        people = people_in(tracks)
        longest = sorted(people, key=len, reverse=True)[:MAX_ROWS]
        self._people = sorted(longest, key=lambda person: person.number)
        self._title = f"{_people_count(people)} in {name}"
        # For each row: the track of the person at each frame index that is shown.
        self._rows = [_spread(person) for person in self._people]
        height = HEADER_HEIGHT + max(len(self._people), 1) * (CROP_SIDE + GAP)
        width = LABEL_WIDTH + COLUMNS * (CROP_SIDE + GAP)
        self._sheet = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)

    def add(self, picture: NDArray[np.uint8], index: int) -> None:
        """Add the crops that the sheet shows of frame `index`, given as uint8 (H, W, 3), RGB."""
        for row, tracks_by_index in enumerate(self._rows):
            if index not in tracks_by_index:
                continue
            inspected = tracks_by_index[index]
            offset = index - inspected.track.first
            thumbnail = crop(picture, inspected.quads[offset], CROP_SIDE)
            state = "" if inspected.track.detected[offset] else " bridged"
            draw_text(thumbnail, f"{inspected.first + offset}{state}", (0, CROP_SIDE), CROP_FONT_SIZE)
            self._cell(row, list(tracks_by_index).index(index))[:] = thumbnail

    def picture(self) -> NDArray[np.uint8]:
        """Return the sheet with its labels, uint8 (H, W, 3), RGB."""
        draw_text(self._sheet, self._title, (GAP, GAP), LABEL_FONT_SIZE, background=BACKGROUND)
        for row, person in enumerate(self._people):
            top = HEADER_HEIGHT + row * (CROP_SIDE + GAP)
            colour = EDITED_COLOUR if person.is_edited else UNEDITED_COLOUR
            for line, text in enumerate(_label_lines(person)):
                corner = GAP, top + line * LINE_HEIGHT * LABEL_FONT_SIZE
                draw_text(self._sheet, text, corner, LABEL_FONT_SIZE, colour=colour, background=BACKGROUND)
        return self._sheet

    def thumbnails(self) -> dict[int, list[NDArray[np.uint8]]]:
        """Return the crops of each person on the sheet, by number: uint8 (CROP_SIDE, CROP_SIDE, 3), RGB."""
        return {
            person.number: [self._cell(row, column) for column in range(len(tracks_by_index))]
            for row, (person, tracks_by_index) in enumerate(zip(self._people, self._rows, strict=True))
        }

    def _cell(self, row: int, column: int) -> NDArray[np.uint8]:
        """Return a view of the sheet where a crop belongs."""
        x, y = LABEL_WIDTH + column * (CROP_SIDE + GAP), HEADER_HEIGHT + row * (CROP_SIDE + GAP)
        return self._sheet[y : y + CROP_SIDE, x : x + CROP_SIDE]


def _people_count(people: Sequence[InspectedPerson]) -> str:
    if not people:
        return "no face found"
    omitted = f" (showing the {MAX_ROWS} seen longest)" if len(people) > MAX_ROWS else ""
    return f"{len(people)} {'people' if len(people) > 1 else 'person'}{omitted}"


def _label_lines(person: InspectedPerson) -> list[str]:
    edited = {"yes": ", edited", "in part": ", edited in part", "no": ""}[person.edited]
    return [
        f"person {person.number}{edited}",
        *textwrap.wrap(f"frames {person.frame_ranges(MAX_LISTED_TRACKS)}", LABEL_CHARACTERS, break_on_hyphens=False),
        f"{person.detected} of {len(person)} detected",
        f"{person.size:.0f} px",
    ]


def _spread(person: InspectedPerson) -> dict[int, InspectedTrack]:
    """Choose up to `COLUMNS` frames of a person, evenly spaced from the first to the last.

    Returns:
        The track of the person at each frame index chosen, in order of time.
    """
    positions = np.unique(np.linspace(0, len(person) - 1, COLUMNS).round().astype(int)).tolist()
    frames = [
        (inspected.track.first + offset, inspected)
        for inspected in person.tracks
        for offset in range(len(inspected.track))
    ]
    return dict(frames[position] for position in positions)
