"""Occlusion masks of a face, from the output of an occlusion network and from comparison with reference frames.

The network detects hands, microphones and hair, but often only a part of each. Where it gives at least a low
probability, the face is compared with its appearance in reference frames. A region that differs there is an occluder if
it lasts longer than one frame and is not an expression: it touches the face's outline, or covers more than an eye or
the mouth.

All masks are bool (MASK_SIDE, MASK_SIDE) in crop space, True where the face is occluded.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.reference_appearance import MASK_SIDE
from facevid.compositing.matte import OUTER_LIPS, face_matte, fill_outline

T = TypeVar("T")

MOUTH_AND_CHIN = [*range(48, 68), *range(6, 11)]
"""Landmarks of the mouth and the chin."""

RIGHT_EYE_AND_BROW = [*range(36, 42), *range(17, 22)]
"""Landmarks of the person's right eye and brow."""

LEFT_EYE_AND_BROW = [*range(42, 48), *range(22, 27)]
"""Landmarks of the person's left eye and brow."""

EXPRESSIVE_PARTS = (MOUTH_AND_CHIN, RIGHT_EYE_AND_BROW, LEFT_EYE_AND_BROW)
"""Parts of a face that expressions change, so that a larger mismatch is needed there."""

EXPRESSIVE_RADIUS = 2
"""Radius by which these parts are dilated, in pixels."""

EXPRESSION_FACTOR = 1.6
"""Factor by which the mismatch must be larger in expressive parts."""

MIN_REGION_MISMATCH = 2.0
"""Least mismatch of an occluder's pixel above the face's median, in units of `ReferenceAppearance.mismatch`: about
those of CIELAB."""

MIN_OCCLUDER_MISMATCH = 6.5
"""Least mean mismatch of the largest tenth of an occluder's pixels, in the same units."""

CORE_SHARE = 0.3
"""Pixels of a region whose mismatch exceeds this share of the mean of its largest tenth are the occluder. The others
are a fringe, added by the blur of the mismatch."""

MAX_CORE_MISMATCH = 40.0
"""Limit of the mean in `CORE_SHARE`, so that weaker parts of a strong occluder remain."""

MIN_DEPTH = 6
"""Least distance, in pixels, to which an occluder must reach into the face from its outline. A turning head uncovers
background, but only along the outline."""

MIN_DEEP_PIXELS = 6
"""Least number of pixels of an occluder at this depth."""

RIM_WIDTH = 3
"""Width, in pixels, of the rim of the face on which an occluder must lie, unless it lies outside expressive parts."""

MIN_AREA = 10
"""Least area of an occluder, in pixels."""

CLOSING_DIAMETER = 9
"""Diameter, in pixels, of the closing of masks: a hand over a face differs from it in places only."""

FRINGE_WIDTH = 7
"""Distance, in pixels, to which occluders extend beyond the face's outline: the matte has a soft edge there."""

CONFIDENT_PROBABILITY = 0.2
"""Occlusion probability above which a pixel is occluded: the network favours precision over recall."""

LOW_PROBABILITY = 0.03
"""Occlusion probability that is sufficient next to an occluder in a neighbouring frame, or where the face differs from
its reference frames."""

OUTLINE_SHARE = 0.5
"""Probability of an occluder's outline, as a share of its greatest probability."""

SEARCH_RADIUS = 2
"""Distance, in pixels, around pixels above `LOW_PROBABILITY` within which the face is compared with its reference
frames: on a head that turns into new light, all of the face may differ."""

FULLY_OCCLUDED_MISMATCH = 15.0
"""Median mismatch of the face from which all of it counts as occluded: a flash, or an object in front of all of it. New
light and profile views reach 4."""

LIP_MARGIN = 3
"""Width, in pixels, of the area around the lips that counts as the mouth."""

NEAR_RADIUS = 7
"""Distance, in pixels, within which an occluder must be present in the previous or the next frame."""


def face_area(landmarks: NDArray[np.floating], median_landmarks: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Draw the area of a face in its crop: inside the outline of either set of landmarks.

    Args:
        landmarks: (84, 2) in pixels of a crop of MASK_SIDE pixels.
        median_landmarks: (84, 2), their median over the frames around.

    Returns:
        bool (MASK_SIDE, MASK_SIDE).
    """
    return (face_matte(landmarks, MASK_SIDE) > 0.5) | (face_matte(median_landmarks, MASK_SIDE) > 0.5)


def find_occluders(
    mismatch: NDArray[np.float32],
    landmarks: NDArray[np.floating],
    face: NDArray[np.bool_],
    searched: NDArray[np.bool_],
    expected: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Find the occluders in one frame where the face differs from its reference frames.

    Args:
        mismatch: float32 (MASK_SIDE, MASK_SIDE), from `ReferenceAppearance.mismatch`.
        landmarks: (84, 2) as pixel indices of the mismatch.
        face: bool (MASK_SIDE, MASK_SIDE), from `face_area`.
        searched: bool (MASK_SIDE, MASK_SIDE), from `search_area`; only pixels in it can be occluded.
        expected: bool (MASK_SIDE, MASK_SIDE), where a neighbouring frame has an occluder; one that touches it need not
            reach far into the face.

    Returns:
        bool (MASK_SIDE, MASK_SIDE), False off the face except in a fringe around the occluders.
    """
    if not face.any():
        return face
    median_mismatch = float(np.median(mismatch[face]))
    if median_mismatch > FULLY_OCCLUDED_MISMATCH:
        return face
    expressive = _expressive_area(landmarks)
    score = mismatch / np.where(expressive, EXPRESSION_FACTOR, 1) - median_mismatch
    depth = cv2.distanceTransform(np.pad(face.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    candidates = (score > MIN_REGION_MISMATCH) & face & searched
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8))
    occluders = np.zeros_like(face)
    for label in range(1, count):
        if statistics[label, cv2.CC_STAT_AREA] < MIN_AREA:
            continue
        core = _occluder_core(labels == label, score, depth, expressive=expressive, expected=expected)
        if core is not None:
            occluders |= core
    return _add_fringe(_close_gaps(occluders, face), face)


def _occluder_core(
    region: NDArray[np.bool_],
    score: NDArray[np.floating],
    depth: NDArray[np.floating],
    *,
    expressive: NDArray[np.bool_],
    expected: NDArray[np.bool_] | None,
) -> NDArray[np.bool_] | None:
    """Return the core of a region that differs from its reference frames; None if the region is no occluder.

    `score` is the mismatch above the face's median, `depth` the distance from the face's outline in pixels.
    """
    scores = np.sort(score[region])
    strongest = float(scores[-max(len(scores) // 10, 4) :].mean())
    core = region & (score > CORE_SHARE * min(strongest, MAX_CORE_MISMATCH))
    is_expected = expected is not None and bool((core & expected).any())
    reaches_in = is_expected or np.count_nonzero(core & (depth > MIN_DEPTH)) >= MIN_DEEP_PIXELS
    touches_rim = bool((core & (depth <= RIM_WIDTH)).any())
    is_outside_expressive = np.count_nonzero(core & ~expressive) > MIN_DEEP_PIXELS
    is_occluder = strongest >= MIN_OCCLUDER_MISMATCH and reaches_in and (touches_rim or is_outside_expressive)
    return core if is_occluder else None


def confident_occlusion(probability: NDArray[np.floating], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where the occlusion network is confident of an occluder on the face.

    Args:
        probability: (MASK_SIDE, MASK_SIDE), 0 to 1, from `FaceModel.occlusion_probability`.
        face: bool (MASK_SIDE, MASK_SIDE), from `face_area`.
    """
    return (probability > CONFIDENT_PROBABILITY) & face


def connected_regions(
    seeds: NDArray[np.bool_], probability: NDArray[np.floating], face: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the regions above `LOW_PROBABILITY` that contain a pixel of `seeds`.

    Args:
        seeds: bool (MASK_SIDE, MASK_SIDE).
        probability: (MASK_SIDE, MASK_SIDE), 0 to 1, from `FaceModel.occlusion_probability`.
        face: bool (MASK_SIDE, MASK_SIDE), from `face_area`.
    """
    candidates = (probability > LOW_PROBABILITY) & face
    _, labels = cv2.connectedComponents(candidates.astype(np.uint8))
    return np.asarray(np.isin(labels, labels[seeds & candidates]))


def outline_regions(
    regions: NDArray[np.bool_], probability: NDArray[np.floating], face: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Draw the outline of each of the regions from `connected_regions`, with a fringe beyond the face."""
    count, labels = cv2.connectedComponents(regions.astype(np.uint8))
    occluders = np.zeros_like(regions)
    for label in range(1, count):
        region = labels == label
        region &= probability > OUTLINE_SHARE * probability[region].max()
        if np.count_nonzero(region) >= MIN_AREA:
            occluders |= region
    return _add_fringe(occluders, face)


def search_area(probability: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the area within `SEARCH_RADIUS` of an occlusion probability above `LOW_PROBABILITY`."""
    return np.asarray(cv2.dilate((probability > LOW_PROBABILITY).astype(np.uint8), _disc(SEARCH_RADIUS)) > 0)


def drop_single_frames(masks: Iterable[NDArray[np.bool_]]) -> Iterator[NDArray[np.bool_]]:
    """Fill gaps of one frame in consecutive masks, and drop masks that last one frame; reads two frames ahead."""
    for mask, near in with_neighbour_area(_fill_single_frame_gaps(masks)):
        yield mask & near


def with_neighbour_area(masks: Iterable[NDArray[np.bool_]]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield each mask with the area within `NEAR_RADIUS` of its neighbours' masks; reads one frame ahead."""
    kernel = np.ones((2 * NEAR_RADIUS + 1, 2 * NEAR_RADIUS + 1), dtype=np.uint8)
    dilated = ((mask, cv2.dilate(mask.astype(np.uint8), kernel) > 0) for mask in masks)
    for previous, (mask, _), following in _with_neighbours(dilated):
        near = np.zeros_like(mask)
        for neighbour in (previous, following):
            if neighbour is not None:
                near |= neighbour[1]
        yield mask, near


def _fill_single_frame_gaps(masks: Iterable[NDArray[np.bool_]]) -> Iterator[NDArray[np.bool_]]:
    for previous, mask, following in _with_neighbours(masks):
        yield mask if previous is None or following is None else mask | (previous & following)


def _with_neighbours(items: Iterable[T]) -> Iterator[tuple[T | None, T, T | None]]:
    """Yield each item with the previous and the next one; None at the ends."""
    iterator = iter(items)
    previous, item = None, next(iterator, None)
    while item is not None:
        following = next(iterator, None)
        yield previous, item, following
        previous, item = item, following


def occluded_share(mask: NDArray[np.bool_], landmarks: NDArray[np.floating]) -> float:
    """Measure the occluded share of a face, 0 to 1.

    Args:
        mask: bool (MASK_SIDE, MASK_SIDE), True where the face is occluded.
        landmarks: (84, 2) as pixel indices of the mask.
    """
    face = face_matte(landmarks, MASK_SIDE) > 0.5
    return float(mask[face].mean()) if face.any() else 0.0


def visible_mouth_share(visibility: NDArray[np.generic], landmarks: NDArray[np.floating]) -> float:
    """Measure the visible share of the mouth and a margin around it, 0 to 1.

    Args:
        visibility: (MASK_SIDE, MASK_SIDE), 1 where the face is visible, 0 where it is occluded.
        landmarks: (84, 2) as pixel indices of the visibility map.
    """
    lips = fill_outline(cv2.convexHull(landmarks[OUTER_LIPS].astype(np.float32))[:, 0], MASK_SIDE)
    mouth = cv2.dilate(lips, _disc(LIP_MARGIN)) > 0.5
    return float(visibility[mouth].mean()) if mouth.any() else 1.0


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _expressive_area(landmarks: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Draw the parts of the face that expressions change, bool (MASK_SIDE, MASK_SIDE)."""
    drawn = np.zeros((MASK_SIDE, MASK_SIDE), dtype=np.uint8)
    for part in EXPRESSIVE_PARTS:
        cv2.fillConvexPoly(drawn, cv2.convexHull(landmarks[part].astype(np.int32)), 1)
    return np.asarray(cv2.dilate(drawn, _disc(EXPRESSIVE_RADIUS)) > 0)


def _close_gaps(occluders: NDArray[np.bool_], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Close gaps and holes in the occluders, and erode them by the pixel that a gradient extends beyond its edge."""
    if not occluders.any():
        return occluders
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSING_DIAMETER, CLOSING_DIAMETER))
    padding = CLOSING_DIAMETER
    padded = np.pad(occluders.astype(np.uint8), padding)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[padding:-padding, padding:-padding].astype(bool) & face
    contours, _ = cv2.findContours(closed.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = cv2.drawContours(np.zeros(face.shape, dtype=np.uint8), contours, -1, 1, cv2.FILLED)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.asarray((cv2.erode(np.maximum(solid, ~face), cross) > 0) & face)


def _add_fringe(occluders: NDArray[np.bool_], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Extend occluders beyond the face by `FRINGE_WIDTH`."""
    return np.where(face, occluders, cv2.dilate(occluders.astype(np.uint8), _disc(FRINGE_WIDTH))) > 0
