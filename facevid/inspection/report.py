"""The HTML report of an inspection, `report.html`.

The page is `report.html.j2`, its style is `report.css`, both beside this module. Its plots (SVG) and pictures (data
URIs) are embedded, so it is one file that works offline.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from facevid.analysis.analysis import DEFAULT_RATE
from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.edit_weights import QUAD_SIDE, YAW
from facevid.inspection.confidence import ConfidenceScale
from facevid.inspection.plots import plot_clip, plot_person
from facevid.inspection.problems import MAX_JITTER_SHARE, REMEDIES, SMALL_SIDE, Problem, by_kind
from facevid.inspection.sample_edit import SampleEdit
from facevid.inspection.tracks import InspectedPerson, InspectedTrack, people_in
from facevid.video import ClipInfo

MAX_LISTED_PROBLEMS = 8
"""Problems of one kind that are listed at once; the others are collapsed, so that one kind does not fill the page."""

MAX_LISTED_TRACKS = 6
"""Tracks of a person whose frames are listed in the header of the card; the plot shows all of them."""

THUMBNAIL_QUALITY = 88
"""JPEG quality of the thumbnails, 0 to 100. It keeps the page small; the contact sheet has the same crops lossless."""

LEGEND = {
    "edited by default": "edited",
    "other face": "other",
    "no face": "error",
    "missed and bridged": "warning",
    "cut": "cut",
}
"""CSS variable of the colour of each label in the legend."""

BADGES = {"yes": "edited by default", "in part": "edited in part by default"}
"""Text of a card's badge for each value of `InspectedPerson.edited` that has one."""

SEVERITY = {
    "faceless": "error",
    "unedited": "error",
    "profile": "warning",
    "bridged": "warning",
    "doubtful": "warning",
    "small": "warning",
    "edge": "warning",
    "jitter": "warning",
}
"""CSS class of each kind of problem. Kinds that are not here are information and have none."""


@dataclass(frozen=True)
class Report:
    """Content of the report.

    Attributes:
        info: of the clip.
        tracking: of the clip.
        tracks: all tracks of the clip.
        problems: sorted as `find_problems` returns them.
        detector: name of the landmark detector, and why it was chosen.
        warnings: properties of the source that the overlay could not keep.
        thumbnails: crops of each person who gets a card, by number: uint8 (S, S, 3), RGB.
        scale: scale of the detector's confidence; None if it is not known.
        pictures: a frame of each problem that is listed at once: uint8 (H, W, 3), RGB.
        sample: an edit to look at; None if there is none.
        notes: name of the file with the notes, beside the page; None shows none.
    """

    info: ClipInfo
    tracking: Tracking
    tracks: Sequence[InspectedTrack]
    problems: Sequence[Problem]
    detector: str
    warnings: Sequence[str]
    thumbnails: Mapping[int, Sequence[NDArray[np.uint8]]]
    scale: ConfidenceScale | None = None
    pictures: Mapping[Problem, NDArray[np.uint8]] = field(default_factory=dict)
    sample: SampleEdit | None = None
    notes: str | None = None

    def write(self, path: Path) -> None:
        """Write the page to `path`."""
        environment = Environment(
            loader=PackageLoader("facevid.inspection", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        people = people_in(self.tracks)
        with_card = [person for person in people if person.number in self.thumbnails]
        page = environment.get_template("report.html.j2").render(
            name=self.info.path.name,
            path=self.info.path.absolute(),
            facts=self._facts(people),
            warnings=self.warnings,
            clip_plot=plot_clip(self.tracking, with_card, self._frame_title, self.info.first_number),
            legend=LEGEND,
            problems_by_kind=by_kind([problem for problem in self.problems if problem.edited]),
            unedited_problems=[problem for problem in self.problems if not problem.edited],
            severity=SEVERITY,
            cards=[self._card(person) for person in with_card],
            badges=BADGES,
            people_without_card=[person for person in people if person.number not in self.thumbnails],
            max_problems=MAX_LISTED_PROBLEMS,
            remedies=REMEDIES,
            pictures={problem: _data_uri(picture) for problem, picture in self.pictures.items()},
            scales=self._scales(),
            sample=self._sample(),
            notes=self.notes,
            max_tracks=MAX_LISTED_TRACKS,
        )
        # A file name may hold bytes that are not valid UTF-8; Python represents them as surrogates.
        path.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")

    def _facts(self, people: Sequence[InspectedPerson]) -> dict[str, str]:
        info, count = self.info, self.tracking.frame_count
        duration = f"{_timecode(count, info.average_rate)}, {count} frame{'s' if count != 1 else ''}"
        if info.sequence:
            duration += f", {info.first_number}-{info.first_number + count - 1}"
        edited = sum(track.edited for track in self.tracks)
        return {
            "Duration": duration,
            "Rate": _rate(info),
            "Size": f"{info.width} x {info.height} px",
            "Shots": str(len(self.tracking.shots)),
            "Tracks": f"{len(self.tracks)}, of {len(people)} {'person' if len(people) == 1 else 'people'}; "
            f"{edited} edited by default",
            "Detector": self.detector,
        }

    def _scales(self) -> list[tuple[str, str, str, str]]:
        """Return a row for each measure: its name, what is good, what is doubtful, and what the number is."""
        side = "side of the crop of the face"
        rows = [
            ("face size", f"from {SMALL_SIDE:.0f} px", f"below; off at {QUAD_SIDE.zero:.0f} px", side),
            ("yaw", f"up to {YAW.full:.0f}°", f"above; off at {YAW.zero:.0f}°", "turn of the head to the side"),
        ]
        if self.scale is not None:
            doubtful = f"below {self.scale.doubtful:g}; faces are reported from {self.scale.accepted:g}"
            rows.append(("confidence", f"from {self.scale.good:g}", doubtful, self.scale.meaning))
        limit = f"{MAX_JITTER_SHARE:.1%} of the face size"
        rows.append(("jitter", f"up to {limit}", "above", "unsteady motion of the crop from frame to frame"))
        return rows

    def _sample(self) -> dict[str, str] | None:
        """Return the sample edit for the page."""
        sample = self.sample
        if sample is None:
            return None
        pictures = {"before": _data_uri(sample.before), "after": _data_uri(sample.after)}
        return {"edit": sample.edit, "person": str(sample.person), "frame": str(sample.frame), **pictures}

    def _card(self, person: InspectedPerson) -> "_Card":
        return _Card(
            person=person,
            thumbnails=[_data_uri(picture) for picture in self.thumbnails[person.number]],
            plot=plot_person(person, self.tracking, self._frame_title, self.scale),
        )

    def _frame_title(self, index: int) -> str:
        return f"frame {self.info.first_number + index}, {_timecode(index, self.info.average_rate)}"


@dataclass(frozen=True)
class _Card:
    """Card of one person: their thumbnails as data URIs, and their plot as SVG."""

    person: InspectedPerson
    thumbnails: Sequence[str]
    plot: str


def _data_uri(picture: NDArray[np.uint8]) -> str:
    """Encode a picture, uint8 (H, W, 3) RGB, as the data URI of a JPEG."""
    _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"


def _rate(info: ClipInfo) -> str:
    if info.is_still:
        return "none: a still picture"
    if info.average_rate is None:
        return "not stated by the source"
    return f"{float(info.average_rate):.5g} frames per second{'' if info.is_constant_rate else ', variable'}"


def _timecode(frames: int, rate: Fraction | None) -> str:
    """Return a count of frames as non-drop-frame timecode, HH:MM:SS:FF."""
    frames_per_second = max(round(rate or DEFAULT_RATE), 1)
    seconds, frames = divmod(frames, frames_per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}:{frames:02}"
