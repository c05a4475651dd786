"""Where a tracklet goes over from one person to another: motion alone sees no end to a face in a dissolve or a dip."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import ffhq_quad, quad_side
from facevid.faces.identity import View
from facevid.faces.people import SAME_PERSON_FOLLOWED
from facevid.faces.tracking import Tracklet

JUMP = 0.02
"""How far landmarks jump at least, in sides of the quad, where another face takes over. Those of one face come within
0.005 of where motion takes them in most clips, and within 0.015 on a fast, dark stage."""


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
        ends = _ends(tracklet, entries, _turns(looks[own]))
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


def _ends(tracklet: Tracklet, entries: Sequence[int], turns: Sequence[int]) -> list[int]:
    """Return from which entries on another person is there.

    One look alone, of a hand before the face perhaps, is not believed where landmarks go on as they went.

    Args:
        tracklet: of one or more people.
        entries: at which it is seen.
        turns: before which of these another person begins.
    """
    bounds = [0, *turns, len(entries)]
    ends = []
    for before, turn, after in zip(bounds, turns, bounds[2:], strict=False):
        seam = _seam(tracklet, entries[turn - 1], entries[turn])
        if min(turn - before, after - turn) > 1 or not _goes_on(tracklet, seam):
            ends.append(seam)
    return ends


def _goes_on(tracklet: Tracklet, entry: int) -> bool:
    """Tell whether a face is where motion has taken the one before."""
    face = tracklet.faces[entry]
    is_followed = face.flow is not None and tracklet.indices[entry] - tracklet.indices[entry - 1] == 1
    return is_followed and _jump(tracklet, entry) < JUMP * float(quad_side(ffhq_quad(face.landmarks)))


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
