"""Where a tracklet goes over from one person to another: motion alone sees no end to a face in a dissolve or a dip."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facevid.faces.identity import View
from facevid.faces.people import SAME_PERSON_FOLLOWED
from facevid.faces.tracking import Tracklet


def split_by_looks(
    tracklets: Sequence[Tracklet], views: Sequence[View], looks: NDArray[np.float64]
) -> tuple[list[Tracklet], NDArray[np.float64]]:
    """Split tracklets where their faces are of two people, and describe each part by the mean of its looks.

    Args:
        tracklets: as from `find_tracklets`.
        views: as from `choose_views`.
        looks: float64 (len(views), 128), as from `describe_views`.

    Returns:
        The tracklets, and their descriptors, float64 (N, 128), NaN of one without a view. Of parts, none follows
        another: motion has nothing to say there.
    """
    parts: list[Tracklet] = []
    descriptors: list[NDArray[np.float64]] = []
    last_part: list[int] = []
    for number, tracklet in enumerate(tracklets):
        own = [place for place, view in enumerate(views) if view.tracklet == number]
        entries = [tracklet.indices.index(views[place].frame) for place in own]
        turns = _turns(looks[own])
        ends = [_seam(tracklet, entries[turn - 1], entries[turn]) for turn in turns]
        for begin, end in zip([0, *ends], [*ends, len(tracklet.indices)], strict=True):
            follows = last_part[tracklet.follows] if tracklet.follows is not None and begin == 0 else None
            part = replace(
                tracklet, follows=follows, indices=tracklet.indices[begin:end], faces=tracklet.faces[begin:end]
            )
            parts.append(part)
            seen = [place for place, entry in zip(own, entries, strict=True) if begin <= entry < end]
            descriptors.append(looks[seen].mean(axis=0) if seen else np.full(looks.shape[1], np.nan))
        last_part.append(len(parts) - 1)
    return parts, np.stack(descriptors) if descriptors else np.zeros((0, looks.shape[1]))


def _turns(looks: NDArray[np.float64]) -> list[int]:
    """Return before which of the looks (N, 128), in order of time, another person begins."""
    if len(looks) < 2:
        return []
    apart = [np.linalg.norm(looks[:at].mean(axis=0) - looks[at:].mean(axis=0)) for at in range(1, len(looks))]
    best = int(np.argmax(apart))
    if apart[best] <= SAME_PERSON_FOLLOWED:
        return []
    turn = best + 1
    return [*_turns(looks[:turn]), turn, *(turn + later for later in _turns(looks[turn:]))]


def _seam(tracklet: Tracklet, before: int, after: int) -> int:
    """Return from which entry on the other person is there: where landmarks jump farthest, the picture's motion aside.

    Args:
        tracklet: of two people.
        before, after: entries at which the one and the other are seen.
    """
    entries = range(before + 1, after + 1)
    jumps = np.array([_jump(tracklet, entry) for entry in entries])
    return entries[int(jumps.argmax())] if jumps.any() else (before + after + 1) // 2


def _jump(tracklet: Tracklet, entry: int) -> float:
    face, last = tracklet.faces[entry], tracklet.faces[entry - 1]
    if face.flow is None or tracklet.indices[entry] - tracklet.indices[entry - 1] > 1:
        return 0.0
    jumps = np.linalg.norm(face.landmarks - last.landmarks - face.flow, axis=1)
    return 0.0 if np.isnan(jumps).all() else float(np.nanmedian(jumps))
