"""Splitting of tracklets that pass from one person to another: in a dissolve, motion alone finds no end of a face."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import ffhq_quad, quad_side
from facevid.faces.identity import SIZE
from facevid.faces.people import SAME_PERSON_CONTINUED
from facevid.faces.tracking import Tracklet

MIN_JUMP = 0.02
"""Smallest jump of the landmarks, in sides of the quad, where the face of another person takes over. Landmarks of one
face lie within 0.005 of where motion predicts them in most clips, and within 0.015 on a fast, dark stage."""


def split_by_identity(
    tracklets: Sequence[Tracklet], views: Sequence[Sequence[int]], view_descriptors: Sequence[NDArray[np.float64]]
) -> tuple[list[Tracklet], NDArray[np.float64]]:
    """Split tracklets where the person changes, and average the descriptors of each part.

    Args:
        tracklets: as from `find_tracklets`.
        views: of each tracklet, as from `choose_views`: V positions in its faces, ascending.
        view_descriptors: of each tracklet, float64 (V, 128).

    Returns:
        The N parts, and their descriptors, float64 (N, 128), NaN for a part without a view. No part of a tracklet
        follows another part of the same one, because motion is no evidence of identity there.
    """
    parts: list[Tracklet] = []
    descriptors: list[NDArray[np.float64]] = []
    last_part: list[int] = []
    for tracklet, entries, own in zip(tracklets, views, view_descriptors, strict=True):
        splits = _split_entries(tracklet, entries, _identity_changes(own))
        for start, stop in zip([0, *splits], [*splits, len(tracklet.indices)], strict=True):
            follows = last_part[tracklet.follows] if tracklet.follows is not None and start == 0 else None
            part = replace(
                tracklet, follows=follows, indices=tracklet.indices[start:stop], faces=tracklet.faces[start:stop]
            )
            parts.append(part)
            inside = [position for position, entry in enumerate(entries) if start <= entry < stop]
            descriptors.append(own[inside].mean(axis=0) if inside else np.full(SIZE, np.nan))
        last_part.append(len(parts) - 1)
    return parts, np.array(descriptors).reshape(-1, SIZE)


def _identity_changes(descriptors: NDArray[np.float64]) -> list[int]:
    """Return the indices of the views at which another person begins, given descriptors (N, 128) in order of time.

    The sequence is split recursively where the means of both sides are farthest apart.
    """
    if len(descriptors) < 2:
        return []
    distances = [
        np.linalg.norm(descriptors[:split].mean(axis=0) - descriptors[split:].mean(axis=0))
        for split in range(1, len(descriptors))
    ]
    farthest = int(np.argmax(distances))
    if distances[farthest] <= SAME_PERSON_CONTINUED:
        return []
    split = farthest + 1
    later = (split + change for change in _identity_changes(descriptors[split:]))
    return [*_identity_changes(descriptors[:split]), split, *later]


def _split_entries(tracklet: Tracklet, entries: Sequence[int], changes: Sequence[int]) -> list[int]:
    """Return the entries of a tracklet at which another person begins.

    A change supported by a single view, perhaps of a hand in front of the face, is ignored where the landmarks move on
    continuously.

    Args:
        tracklet: of one or more people.
        entries: of its views.
        changes: indices of the views at which another person begins.
    """
    bounds = [0, *changes, len(entries)]
    splits = []
    for before, change, after in zip(bounds, changes, bounds[2:], strict=False):
        split = _transition(tracklet, entries[change - 1], entries[change])
        if min(change - before, after - change) > 1 or not _is_continuous(tracklet, split):
            splits.append(split)
    return splits


def _is_continuous(tracklet: Tracklet, entry: int) -> bool:
    """Return whether the face at an entry lies where motion predicts it from the entry before."""
    face = tracklet.faces[entry]
    has_flow = face.flow is not None and tracklet.indices[entry] - tracklet.indices[entry - 1] == 1
    return has_flow and _jump(tracklet, entry) < MIN_JUMP * float(quad_side(ffhq_quad(face.landmarks)))


def _transition(tracklet: Tracklet, before: int, after: int) -> int:
    """Return the entry at which the second person begins: where the landmarks jump farthest relative to the flow.

    Args:
        tracklet: of two people.
        before: an entry that shows the first person.
        after: a later entry that shows the second person.
    """
    entries = range(before + 1, after + 1)
    jumps = np.array([_jump(tracklet, entry) for entry in entries])
    return entries[int(jumps.argmax())] if jumps.any() else (before + after + 1) // 2


def _jump(tracklet: Tracklet, entry: int) -> float:
    """Return the median distance, in pixels, of landmarks from where the flow predicts them; 0 where it is unknown."""
    face, last = tracklet.faces[entry], tracklet.faces[entry - 1]
    if face.flow is None or tracklet.indices[entry] - tracklet.indices[entry - 1] > 1:
        return 0.0
    jumps = np.linalg.norm(face.landmarks - last.landmarks - face.flow, axis=1)
    return 0.0 if np.isnan(jumps).all() else float(np.nanmedian(jumps))
