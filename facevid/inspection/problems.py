"""What a person should know of a clip's tracking before a long render, in words.

Every threshold stands here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.edit_weights import YAW
from facevid.analysis.tracking import Tracking
from facevid.inspection.tracks import InspectedTrack, covered, runs

Kind = Literal["faceless", "unedited", "profile", "bridged", "small", "edge", "jitter", "several", "cut"]

IMPORTANCE: tuple[Kind, ...] = (
    "faceless",
    "unedited",
    "profile",
    "bridged",
    "small",
    "edge",
    "jitter",
    "several",
    "cut",
)
"""The kinds of problem, the worst first: no edit at all, a poor edit, an edit that may show, things to know of."""

PROFILE_YAW = YAW[0]
"""Degrees of yaw, from which an edit fades."""

SMALL_SIDE = 64.0
"""Pixels of the quad's side. A published encoder sees 256: of its pixels a sixteenth would hold anything new."""

EDGE_MARGIN = 1.0
"""Pixels between a landmark and the edge of the picture, less than which the face counts as cut off."""

JITTER_SHARE = 0.005
"""Jitter of the smoothed quad as a share of its side. A calm close-up stays below 0.003 in 19 of 20 frames; at 0.005 a
face of 400 pixels jumps by 2."""

SHORTEST = 3
"""Frames that a threshold must be passed for, at least, to be told; misses and frames without a face always are."""

JOINED = 5
"""Frames between two ranges of one problem up to which they are told as one."""


@dataclass(frozen=True)
class Problem:
    """One thing to know of, in a range of frames.

    Attributes:
        kind: which, for scripts.
        first, last: numbers of its first and last frame, as `facevid edit --frames` takes them.
        track: number of the person whose track it concerns; None where it concerns the clip.
        edited: whether it can be seen in the edit that `facevid edit` makes when asked the same way.
        text: what it is, without the frames.
    """

    kind: Kind
    first: int
    last: int
    track: int | None
    edited: bool
    text: str

    @property
    def where(self) -> str:
        """Its frames, in words."""
        return f"frame {self.first}" if self.first == self.last else f"frames {self.first}-{self.last}"

    def __str__(self) -> str:
        who = "" if self.track is None else f", person {self.track}"
        return f"{self.where}{who}: {self.text}"


def find_problems(
    tracking: Tracking, tracks: Sequence[InspectedTrack], size: tuple[int, int], first_number: int = 0
) -> list[Problem]:
    """Find what a person should know of.

    Args:
        tracking: of the clip.
        tracks: all of it.
        size: width and height of the clip's pictures.
        first_number: of the clip.

    Returns:
        The problems that the edit will show first, the most important kind first, in order of time.
    """
    found = list(_clip_problems(tracking, tracks))
    for each in tracks:
        found += _track_problems(each, size)
    # Up to here, frames are indices.
    found = [replace(each, first=first_number + each.first, last=first_number + each.last) for each in found]
    return sorted(found, key=lambda each: (not each.edited, IMPORTANCE.index(each.kind), each.first))


def by_kind(problems: Sequence[Problem]) -> list[list[Problem]]:
    """Divide problems, sorted as from `find_problems`, so that many of one kind do not hide the others."""
    return [list(alike) for _, alike in groupby(problems, key=lambda each: each.kind)]


def _clip_problems(tracking: Tracking, tracks: Sequence[InspectedTrack]) -> Iterator[Problem]:
    has_face = covered(tracking.frame_count, tracking.tracks)
    has_edit = covered(tracking.frame_count, [each.track for each in tracks if each.edited])
    for first, last in runs(~has_face):
        yield Problem("faceless", first, last, None, True, "no face found")
    for first, last in runs(has_face & ~has_edit):
        yield Problem("unedited", first, last, None, True, _missing_edit(tracks, first, last))
    for shot in tracking.shots:
        yield from _several(tracks, shot)
    for cut in tracking.cuts:
        yield Problem("cut", cut, cut, None, True, "cut")


def _missing_edit(tracks: Sequence[InspectedTrack], first: int, last: int) -> str:
    here = _numbers(each for each in tracks if each.track.first <= last and each.track.last >= first)
    return f"only {_named(here)} here, not edited by default; --face N chooses"


def _several(tracks: Sequence[InspectedTrack], shot: range) -> Iterator[Problem]:
    """Tell of a shot where faces are seen at the same time."""
    inside = [each for each in tracks if each.track.first in shot]
    seen = np.zeros(len(shot), dtype=int)
    for each in inside:
        seen[each.track.first - shot.start : each.track.last + 1 - shot.start] += 1
    together = np.flatnonzero(seen > 1) + shot.start
    if len(together):
        edited = _numbers(each for each in inside if each.edited)
        text = f"several faces, {_named(_numbers(inside))}; {_listed(edited)} edited by default, --face N chooses"
        yield Problem("several", int(together[0]), int(together[-1]), None, True, text)


def _track_problems(each: InspectedTrack, size: tuple[int, int]) -> Iterator[Problem]:
    track = each.track
    for kind, ranges in _ranges(each, size):
        for first, last in ranges:
            text = _text(kind, each, slice(first, last + 1))
            yield Problem(kind, track.first + first, track.first + last, track.number, each.edited, text)


def _ranges(each: InspectedTrack, size: tuple[int, int]) -> Iterator[tuple[Kind, Iterable[tuple[int, int]]]]:
    """Give the stretches of a track in which something is wrong with it, as first and last entry."""
    boxes = each.track.boxes
    room = np.concatenate([boxes[:, :2], np.subtract(size, 1) - boxes[:, 2:]], axis=1).min(axis=1)
    yield "profile", _stretches(np.abs(each.yaw) > PROFILE_YAW)
    yield "bridged", each.gaps
    yield "small", _stretches(each.sizes < SMALL_SIDE)
    yield "edge", _stretches(room < EDGE_MARGIN)
    yield "jitter", _stretches(each.jitter > JITTER_SHARE * each.sizes)


def _text(kind: Kind, each: InspectedTrack, frames: slice) -> str:
    match kind:
        case "profile":
            return f"turned away, up to {np.abs(each.yaw[frames]).max():.0f}°: the edit fades"
        case "bridged":
            return "missed by the detector, bridged"
        case "small":
            return f"smaller than {SMALL_SIDE:.0f} px, down to {each.sizes[frames].min():.0f} px: the edit will be soft"
        case "edge":
            return "touches the edge of the picture"
        case _:
            return f"jitter, up to {each.jitter[frames].max():.1f} px: the edit may tremble"


def _stretches(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Give the runs of `mask`, close ones joined, those left out that stay shorter than `SHORTEST`."""
    joined: list[tuple[int, int]] = []
    for first, last in runs(mask):
        if joined and first - joined[-1][1] - 1 <= JOINED:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    shortest = min(SHORTEST, len(mask))
    yield from (each for each in joined if each[1] - each[0] + 1 >= shortest)


def _numbers(tracks: Iterable[InspectedTrack]) -> list[int]:
    return sorted({each.track.number for each in tracks})


def _named(numbers: Sequence[int]) -> str:
    return f"{'people' if len(numbers) > 1 else 'person'} {_listed(numbers)}"


def _listed(numbers: Sequence[int]) -> str:
    """Write "0", "0 and 1", "0, 1 and 2"; "none" of no numbers."""
    *most, last = map(str, numbers) if numbers else ("none",)
    return f"{', '.join(most)} and {last}" if most else last
