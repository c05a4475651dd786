"""Problems of a clip's tracking, to check before a long render, and their thresholds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.edit_weights import INSIDE_SHARE, QUAD_SIDE, YAW
from facevid.inspection.tracks import InspectedTrack, coverage, runs

Kind = Literal["faceless", "unedited", "profile", "bridged", "doubtful", "small", "edge", "jitter", "several", "cut"]

IMPORTANCE: tuple[Kind, ...] = (
    "faceless",
    "unedited",
    "profile",
    "bridged",
    "doubtful",
    "small",
    "edge",
    "jitter",
    "several",
    "cut",
)
"""Kinds of problem, the most important first: no edit, a poor edit, an edit that may be visible, information."""

PROFILE_YAW = YAW.full
"""Absolute yaw in degrees above which an edit fades out."""

SMALL_SIDE = 64.0
"""Side of the quad in pixels below which a face is small. Published encoders take 256 x 256 pixels: an upscaled face of
64 pixels holds a sixteenth of the detail."""

MIN_EDGE_DISTANCE = 1.0
"""Distance in pixels between a landmark and the edge of the picture below which a face counts as cut off."""

MAX_JITTER_SHARE = 0.005
"""Jitter of the smoothed quad, as a share of its side, above which it may be visible: 2 pixels on a face of 400. In a
steady close-up, 95 % of the frames stay below 0.003."""

MIN_RUN_FRAMES = 3
"""Shortest run of frames that is reported, in frames. It applies to yaw, size, edge and jitter, where single frames are
noise; every bridged frame and every frame without a face is reported."""

MAX_JOIN_GAP_FRAMES = 5
"""Longest gap between two runs of one problem, in frames, across which they are reported as one."""

REMEDIES: dict[Kind, str] = {
    "faceless": "Nothing is edited here. If a face is in view, try --detector face-alignment, which also finds faces "
    "in profile.",
    "unedited": "Choose faces by their numbers with --face N, or all with --face all.",
    "profile": f"The edit is full up to {YAW.full:.0f}° and off from {YAW.zero:.0f}°. End it before the turn with "
    "keyframes or --frames and --fade, so that the fade is not visible.",
    "bridged": "The face is interpolated. Look at it in the overlay; if it is off, try another --detector, or set the "
    "strength to 0 there with keyframes.",
    "doubtful": "Check whether it is a face. If not, choose the others with --face N; if it is, compare the landmarks "
    "in the overlay with those of --detector face-alignment.",
    "small": f"The edit fades below {QUAD_SIDE.full:.0f} px and is off at {QUAD_SIDE.zero:.0f} px. Edit a larger "
    "version of the plate, or leave the face out.",
    "edge": f"The edit fades when more than {1 - INSIDE_SHARE.full:.0%} of the landmarks are outside the picture. "
    "Use a plate with overscan, or end the edit before with --frames and --fade.",
    "jitter": "Raise --smooth.",
    "several": "Choose faces by their numbers with --face N, or edit each differently with --edits.",
    "cut": "Tracking and smoothing begin anew at a cut. Check that it is one: after a flash, for instance, it is not.",
}
"""What to do about each kind of problem."""


@dataclass(frozen=True)
class Problem:
    """One problem in a range of frames.

    Attributes:
        kind: for scripts.
        first: number of its first frame, as `facevid edit --frames` takes it.
        last: number of its last frame.
        track: number of the person whose track it concerns; None where it concerns the clip.
        edited: whether it affects what `facevid edit` makes with the same options.
        text: description, without the frames and the person.
    """

    kind: Kind
    first: int
    last: int
    track: int | None
    edited: bool
    text: str

    @property
    def middle(self) -> int:
        """Number of the frame in the middle."""
        return (self.first + self.last) // 2

    @property
    def frames(self) -> str:
        """The range of frames as text: "frame 4" or "frames 0-2"."""
        return f"frame {self.first}" if self.first == self.last else f"frames {self.first}-{self.last}"

    def __str__(self) -> str:
        person = "" if self.track is None else f", person {self.track}"
        return f"{self.frames}{person}: {self.text}"


def find_problems(
    tracking: Tracking,
    tracks: Sequence[InspectedTrack],
    size: tuple[int, int],
    first_number: int = 0,
    doubtful: float | None = None,
) -> list[Problem]:
    """Find the problems of a clip.

    Args:
        tracking: of the clip.
        tracks: all tracks of the clip.
        size: width and height of the clip's pictures, in pixels.
        first_number: number of the clip's first frame.
        doubtful: confidence of the detector below which a face is doubtful; None reports none.

    Returns:
        Those that affect the edit before the others, each group sorted by importance, then by first frame.
    """
    # In `problems` frames are indices; in the result they are numbers.
    problems = list(_clip_problems(tracking, tracks))
    for inspected in tracks:
        problems += _track_problems(inspected, size, doubtful)
    numbered = [replace(each, first=first_number + each.first, last=first_number + each.last) for each in problems]
    return sorted(numbered, key=lambda problem: (not problem.edited, IMPORTANCE.index(problem.kind), problem.first))


def by_kind(problems: Sequence[Problem]) -> list[list[Problem]]:
    """Group problems, sorted as `find_problems` returns them, by kind."""
    return [list(same_kind) for _, same_kind in groupby(problems, key=lambda problem: problem.kind)]


def _clip_problems(tracking: Tracking, tracks: Sequence[InspectedTrack]) -> Iterator[Problem]:
    has_face = coverage(tracking.frame_count, tracking.tracks)
    has_edit = coverage(tracking.frame_count, [inspected.track for inspected in tracks if inspected.edited])
    for first, last in runs(~has_face):
        yield Problem("faceless", first, last, None, True, "no face found")
    for first, last in runs(has_face & ~has_edit):
        yield Problem("unedited", first, last, None, True, _unedited_text(tracks, first, last))
    for shot in tracking.shots:
        yield from _several_faces(tracks, shot)
    for cut in tracking.cuts:
        yield Problem("cut", cut, cut, None, True, "cut")


def _unedited_text(tracks: Sequence[InspectedTrack], first: int, last: int) -> str:
    present = [each for each in tracks if each.track.first <= last and each.track.last >= first]
    return f"only {_people(_numbers(present))} in view, not edited by default; choose faces with --face N"


def _several_faces(tracks: Sequence[InspectedTrack], shot: range) -> Iterator[Problem]:
    """Report the range of a shot between the first and the last frame with more than one face."""
    in_shot = [inspected for inspected in tracks if inspected.track.first in shot]
    face_count = np.zeros(len(shot), dtype=int)
    for inspected in in_shot:
        face_count[inspected.track.first - shot.start : inspected.track.last + 1 - shot.start] += 1
    several = np.flatnonzero(face_count > 1) + shot.start
    if len(several):
        edited = _numbers(inspected for inspected in in_shot if inspected.edited)
        text = (
            f"several faces: {_people(_numbers(in_shot))}; edited by default: {_listed(edited)}; "
            "choose faces with --face N"
        )
        yield Problem("several", int(several[0]), int(several[-1]), None, True, text)


def _track_problems(inspected: InspectedTrack, size: tuple[int, int], doubtful: float | None) -> Iterator[Problem]:
    track = inspected.track
    for kind, ranges in _track_ranges(inspected, size, doubtful):
        for first, last in ranges:
            text = _track_text(kind, inspected, slice(first, last + 1))
            yield Problem(kind, track.first + first, track.first + last, track.person, inspected.edited, text)


def _track_ranges(
    inspected: InspectedTrack, size: tuple[int, int], doubtful: float | None
) -> Iterator[tuple[Kind, Iterable[tuple[int, int]]]]:
    """Yield each kind of problem with the ranges where a track has it, as first and last offset in the track."""
    boxes = inspected.track.boxes
    margin = np.concatenate([boxes[:, :2], np.subtract(size, 1) - boxes[:, 2:]], axis=1).min(axis=1)
    yield "profile", _long_runs(np.abs(inspected.yaw) > PROFILE_YAW)
    yield "bridged", inspected.gaps
    if doubtful is not None:
        yield "doubtful", _long_runs((inspected.scores < doubtful) & inspected.track.detected)
    yield "small", _long_runs(inspected.sizes < SMALL_SIDE)
    yield "edge", _long_runs(margin < MIN_EDGE_DISTANCE)
    yield "jitter", _long_runs(inspected.jitter > MAX_JITTER_SHARE * inspected.sizes)


def _track_text(kind: Kind, inspected: InspectedTrack, frames: slice) -> str:
    match kind:
        case "profile":
            return f"turned away by up to {np.abs(inspected.yaw[frames]).max():.0f}°: the edit fades out"
        case "bridged":
            return "missed by the detector, bridged"
        case "doubtful":
            return f"confidence of the detector down to {_lowest_score(inspected, frames):.2g}: perhaps not a face"
        case "small":
            smallest = inspected.sizes[frames].min()
            return f"smaller than {SMALL_SIDE:.0f} px, down to {smallest:.0f} px: the edit will be soft"
        case "edge":
            return "touches the edge of the picture"
        case _:
            return f"jitter of up to {inspected.jitter[frames].max():.1f} px: the edit may shake"


def _lowest_score(inspected: InspectedTrack, frames: slice) -> float:
    """Return the lowest confidence in frames of a track; one of them at least is not bridged."""
    return float(inspected.scores[frames][inspected.track.detected[frames]].min())


def _long_runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield runs of True, joined across `MAX_JOIN_GAP_FRAMES`, of at least `MIN_RUN_FRAMES` frames."""
    joined: list[tuple[int, int]] = []
    for first, last in runs(mask):
        if joined and first - joined[-1][1] - 1 <= MAX_JOIN_GAP_FRAMES:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    # A track can be shorter than MIN_RUN_FRAMES, a still picture for example.
    min_run = min(MIN_RUN_FRAMES, len(mask))
    yield from ((first, last) for first, last in joined if last - first + 1 >= min_run)


def _numbers(tracks: Iterable[InspectedTrack]) -> list[int]:
    return sorted({inspected.track.person for inspected in tracks})


def _people(numbers: Sequence[int]) -> str:
    return f"{'people' if len(numbers) > 1 else 'person'} {_listed(numbers)}"


def _listed(numbers: Sequence[int]) -> str:
    """Return "none", "0", "0 and 1", or "0, 1 and 2"."""
    *others, last = map(str, numbers) if numbers else ("none",)
    return f"{', '.join(others)} and {last}" if others else last
