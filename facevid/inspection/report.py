"""`report.html`: an inspection to be read by people, in one file that asks for no other.

Style, plots (SVG) and pictures (data URIs) are in the page, no script is; its own content security policy forbids the
browser to fetch anything.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.tracking import Tracking
from facevid.inspection.plots import plot_clip, plot_person
from facevid.inspection.problems import Problem, by_kind
from facevid.inspection.report_style import STYLE
from facevid.inspection.tracks import InspectedPerson, InspectedTrack, people_in
from facevid.video import ClipInfo

MOST_PROBLEMS = 8
"""Problems of one kind shown at once; the others are folded away."""

MOST_TRACKS = 6
"""Tracks of a person whose frames are told in the card's head; the plot shows them all."""

THUMBNAIL_QUALITY = 88
"""Of the thumbnails' JPEG, of 100."""

LEGEND = {
    "edited by default": "edited",
    "other face": "other",
    "no face": "bad",
    "missed and bridged": "poor",
    "cut": "cut",
}

BADGES = {"yes": "edited by default", "in part": "edited in part by default"}

SEVERITY = {
    "faceless": "bad",
    "unedited": "bad",
    "profile": "poor",
    "bridged": "poor",
    "small": "poor",
    "edge": "poor",
    "jitter": "poor",
}
"""Colour of a problem; of other kinds, none: they are to be known of, and harm nothing."""


@dataclass(frozen=True)
class Report:
    """What the page tells.

    Attributes:
        info: of the clip.
        tracking: of the clip.
        tracks: all of it.
        problems: the most important first.
        detector: which ran, and why that one.
        warnings: what the overlay could not keep of its source.
        thumbnails: crops, uint8 (S, S, 3) RGB, of each person who gets a card, by number.
    """

    info: ClipInfo
    tracking: Tracking
    tracks: Sequence[InspectedTrack]
    problems: Sequence[Problem]
    detector: str
    warnings: Sequence[str]
    thumbnails: Mapping[int, Sequence[NDArray[np.uint8]]]

    def write(self, path: Path) -> None:
        """Write the page to a file."""
        name = escape(self.info.path.name)
        page = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{name}: inspection</title><style>{STYLE}</style></head>\n"
            f"<body>{''.join(self._body())}</body></html>\n"
        )
        # A file's name can hold bytes that are no text.
        path.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")

    def _body(self) -> Iterator[str]:
        people = people_in(self.tracks)
        shown = [person for person in people if person.number in self.thumbnails]
        yield from self._head()
        yield plot_clip(self.tracking, shown, self._frame, self.info.first_number)
        swatches = (f'<span style="--swatch: var(--{swatch})">{name}</span>' for name, swatch in LEGEND.items())
        yield f'<p class="legend">{"".join(swatches)}<em>dotted lines: limits, beyond which is a problem</em></p>'
        yield "\n<h2>Problems</h2>"
        yield from self._problems()
        yield f"\n<h2>People</h2>{'' if shown else '<p>No face found.</p>'}"
        for person in shown:
            yield from self._card(person)
        yield from _table([person for person in people if person.number not in self.thumbnails])

    def _head(self) -> Iterator[str]:
        info, count, people = self.info, self.tracking.frame_count, people_in(self.tracks)
        facts = {
            "Duration": f"{_timecode(count, info.average_rate)}, {count} frame{'s' if count != 1 else ''}"
            + (f", {info.first_number}-{info.first_number + count - 1}" if info.sequence else ""),
            "Rate": _rate(info),
            "Size": f"{info.width} x {info.height} px",
            "Shots": f"{len(self.tracking.shots)}",
            "Tracks": f"{len(self.tracks)}, of {len(people)} {'person' if len(people) == 1 else 'people'}; "
            f"{sum(each.edited for each in self.tracks)} edited by default",
            "Detector": self.detector,
        }
        yield f'<h1>{escape(info.path.name)}</h1><p class="path">{escape(str(info.path.absolute()))}</p><dl>'
        for name, text in facts.items():
            yield f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>"
        yield "</dl>"
        for warning in self.warnings:
            yield f'<p class="warning">Warning: {escape(warning)}</p>'

    def _problems(self) -> Iterator[str]:
        edited = [each for each in self.problems if each.edited]
        others = [each for each in self.problems if not each.edited]
        if not edited:
            yield "<p>None.</p>"
        for alike in by_kind(edited):
            yield _list(alike[:MOST_PROBLEMS])
            if alike[MOST_PROBLEMS:]:
                yield _folded(f"{len(alike) - MOST_PROBLEMS} more like these", _list(alike[MOST_PROBLEMS:]))
        if others:
            yield _folded(f"{len(others)} more, where nothing is edited by default", _list(others))

    def _card(self, person: InspectedPerson) -> Iterator[str]:
        number = person.number
        badge = f'<span class="badge edited">{BADGES[person.edited]}</span>' if person.is_edited else ""
        yield f'\n<section class="card" id="person-{number}"><header><h3>Person {number}</h3>{badge}'
        yield f"<span>frames {person.where(MOST_TRACKS)}</span>"
        yield f"<span>{person.detected} of {len(person)} detected</span><span>{person.size:.0f} px</span>"
        yield f'<span class="note">--face {number}</span></header><div class="thumbnails">'
        for picture in self.thumbnails[number]:
            yield _image(picture, f"person {number}")
        yield f"</div>{plot_person(person, self.tracking, self._frame)}</section>"

    def _frame(self, index: int) -> str:
        return f"frame {self.info.first_number + index}, {_timecode(index, self.info.average_rate)}"


def _list(problems: Sequence[Problem]) -> str:
    items = (
        f'<li class="{SEVERITY.get(each.kind, "")}"><span>{each.where}</span>'
        f'<span class="who">{_link(each.track)}</span><span>{escape(each.text)}</span></li>'
        for each in problems
    )
    return f'<ul class="problems">{"".join(items)}</ul>'


def _link(number: int | None) -> str:
    return "" if number is None else f'<a href="#person-{number}">person {number}</a>'


def _table(people: Sequence[InspectedPerson]) -> Iterator[str]:
    """List the people who get no card."""
    if people:
        rows = "".join(
            f'<tr id="person-{person.number}"><td>{person.number}</td>'
            f"<td>{person.where(MOST_TRACKS)}</td><td>{person.detected} of {len(person)}</td>"
            f"<td>{person.size:.0f} px</td><td>{person.edited}</td></tr>"
            for person in people
        )
        names = ("person", "frames", "detected", "face", "edited by default")
        head = "".join(f"<th>{name}</th>" for name in names)
        yield _folded(f"{len(people)} more, seen for a shorter time", f"<table><tr>{head}</tr>{rows}</table>")


def _folded(title: str, inside: str) -> str:
    return f"<details><summary>{title}</summary>{inside}</details>"


def _image(picture: NDArray[np.uint8], name: str) -> str:
    _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    return f'<img alt="{name}" src="data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}">'


def _rate(info: ClipInfo) -> str:
    if info.is_still:
        return "none: a still picture"
    if info.average_rate is None:
        return "not told by the source"
    return f"{float(info.average_rate):.5g} frames a second{'' if info.is_constant_rate else ', variable'}"


def _timecode(frames: int, rate: Fraction | None) -> str:
    """Count frames as hours, minutes, seconds and frames, without dropping any; 25 a second where none is told."""
    base = round(rate or 25)
    seconds, left = divmod(frames, max(base, 1))
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours:02}:{minutes:02}:{seconds % 60:02}:{left:02}"
