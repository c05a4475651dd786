"""What is before a face: regions that an occlusion network knows, and those around them that do not look like the face.

The network knows what hands, microphones and hair look like, and is seldom sure of all of one. Near what it at least
guesses, what a face does not look like elsewhere in its track is before it, if it comes and goes; what tells a hand
from a smile is where it is: it reaches in from the face's outline, or covers more than an eye or a mouth.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.appearance import SIDE
from facevid.compositing.matte import OUTER_LIPS, face_matte, filled

T = TypeVar("T")

EXPRESSIVE = ([*range(48, 68), *range(6, 11)], [*range(36, 42), *range(17, 22)], [*range(42, 48), *range(22, 27)])
"""Landmarks around mouth and chin, and each eye with its brow: what these do is expression, so it must differ more."""

EXPRESSION = 1.6
"""How many times more it must differ there."""

WEAK, STRONG = 2.0, 6.5
"""A region of at least WEAK mismatch whose upper tenth is STRONG is an occluder; units of `Appearance.mismatch`, about
those of CIE Lab."""

OWN_SHARE, OWN_MOST = 0.3, 40.0
"""The occluder is what has this share of its upper tenth, of which no more than the most counts: the mismatch is
blurred by a pixel, and the fringe of what differs much would count."""

DEPTH, RIM, ENOUGH = 6, 3, 6
"""Pixels. A turning head bares some background along the outline: an occluder reaches DEPTH into the face with ENOUGH
pixels. It lies on the RIM of the face, too, or else outside of what is expressive."""

FEWEST, GAP = 10, 9
"""Pixels: the smallest region, and the widest gap that is closed. Skin before skin differs in places only."""

FRINGE = 7
"""Pixels that an occluder goes on beyond the face's outline: the matte is soft, and its edit must not show there."""

KNOWN, GUESSED, OUTLINE = 0.2, 0.03, 0.5
"""How likely what the network sees must be: it is more often silent than wrong. The second is enough for what it knows
in a frame before or after, and where a face looks as nowhere else in its track. An outline is where it is this share as
likely as where it is most."""

AROUND_GUESS = 2
"""Pixels around what the network guesses within which a face is compared with how it looks elsewhere in its track. Of a
head that turns and is lit as in no other frame, all else may differ."""

GONE = 15.0
"""Mismatch of half the face's pixels from which none of it is there: a flash, or something before all of it. A face in
another light, or in profile, has 4 at the most."""

AROUND_LIPS = 3
"""Pixels around lips that count as a mouth."""

NEAR = 7
"""Pixels around an occluder in which it must be in the frame before or after."""


def face_area(landmarks: NDArray[np.floating], usual: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell where a face is, bool (SIDE, SIDE); arguments as for `occluded`."""
    return (face_matte(landmarks, SIDE) > 0.5) | (face_matte(usual, SIDE) > 0.5)


def occluded(
    mismatch: NDArray[np.float32],
    landmarks: NDArray[np.floating],
    usual: NDArray[np.floating],
    guessed: NDArray[np.bool_],
    expected: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Find what is before the face in one frame.

    Args:
        mismatch: float32 (SIDE, SIDE), as from `Appearance.mismatch`.
        landmarks: (68, 2) as indices of the mismatch's pixels.
        usual: the same as they usually are in the frames around; the face is looked for within both outlines.
        guessed: bool (SIDE, SIDE), as from `guesses`.
        expected: bool (SIDE, SIDE), where one may be that does not reach far in yet, or no more.

    Returns:
        bool (SIDE, SIDE), False off the face but for a fringe of the occluders.
    """
    face = face_area(landmarks, usual)
    if not face.any():
        return face
    usual_mismatch = float(np.median(mismatch[face]))
    if usual_mismatch > GONE:
        return face
    expressive = _expressive(landmarks)
    score = mismatch / np.where(expressive, EXPRESSION, 1) - usual_mismatch
    depth = cv2.distanceTransform(np.pad(face.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(((score > WEAK) & face & guessed).astype(np.uint8))
    found = np.zeros_like(face)
    for label in range(1, count):
        if statistics[label, cv2.CC_STAT_AREA] < FEWEST:
            continue
        region = labels == label
        values = np.sort(score[region])
        top = float(values[-max(len(values) // 10, 4) :].mean())
        region &= score > OWN_SHARE * min(top, OWN_MOST)
        is_expected = expected is not None and bool((region & expected).any())
        reaches_in = is_expected or np.count_nonzero(region & (depth > DEPTH)) >= ENOUGH
        comes_from_outside = (region & (depth <= RIM)).any() or np.count_nonzero(region & ~expressive) > ENOUGH
        if top >= STRONG and reaches_in and comes_from_outside:
            found |= region
    return _with_fringe(_solid(found, face), face)


def known(likely: NDArray[np.floating], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell where an occlusion network knows that something is before a face.

    Args:
        likely: (SIDE, SIDE), 0 to 1, as from `FaceModel.hidden`.
        face: bool (SIDE, SIDE), as from `face_area`.
    """
    return (likely > KNOWN) & face


def guessed_at(places: NDArray[np.bool_], likely: NDArray[np.floating], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give those regions of what the network guesses that lie on one of the places; arguments as for `known`."""
    guessed = (likely > GUESSED) & face
    _, labels = cv2.connectedComponents(guessed.astype(np.uint8))
    return np.isin(labels, labels[places & guessed])


def outlined(found: NDArray[np.bool_], likely: NDArray[np.floating], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Draw the outline of each region found, a fringe beyond the face included; arguments as for `known`."""
    count, labels = cv2.connectedComponents(found.astype(np.uint8))
    drawn = np.zeros_like(found)
    for label in range(1, count):
        region = labels == label
        region &= likely > OUTLINE * likely[region].max()
        if np.count_nonzero(region) >= FEWEST:
            drawn |= region
    return _with_fringe(drawn, face)


def guesses(likely: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell where, or nearly where, an occlusion network guesses that something is; (SIDE, SIDE) as for `known`."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * AROUND_GUESS + 1, 2 * AROUND_GUESS + 1))
    return cv2.dilate((likely > GUESSED).astype(np.uint8), disc) > 0


def lasting(masks: Iterable[NDArray[np.bool_]]) -> Iterator[NDArray[np.bool_]]:
    """Fill what is missed in one frame, drop what is seen in one only; bool (SIDE, SIDE) of consecutive frames.

    Reads two frames ahead.
    """
    for mask, near in near_others(_filled(masks)):
        yield mask & near


def near_others(masks: Iterable[NDArray[np.bool_]]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Give each mask, and where there is something nearby in the frame before or after; reads one frame ahead."""
    around = np.ones((2 * NEAR + 1, 2 * NEAR + 1), dtype=np.uint8)
    widened = ((mask, cv2.dilate(mask.astype(np.uint8), around) > 0) for mask in masks)
    for before, (mask, _), after in _with_neighbours(widened):
        near = np.zeros_like(mask)
        for beside in (before, after):
            if beside is not None:
                near |= beside[1]
        yield mask, near


def _filled(masks: Iterable[NDArray[np.bool_]]) -> Iterator[NDArray[np.bool_]]:
    for before, mask, after in _with_neighbours(masks):
        yield mask if before is None or after is None else mask | (before & after)


def _with_neighbours(items: Iterable[T]) -> Iterator[tuple[T | None, T, T | None]]:
    """Give each item with the one before it and the one after it, None at the ends."""
    iterator = iter(items)
    before, item = None, next(iterator, None)
    while item is not None:
        after = next(iterator, None)
        yield before, item, after
        before, item = item, after


def hidden_share(mask: NDArray[np.bool_], landmarks: NDArray[np.floating]) -> float:
    """Tell which share of a face is occluded, 0 to 1; arguments as for `occluded`."""
    face = face_matte(landmarks, SIDE) > 0.5
    return float(mask[face].mean()) if face.any() else 0.0


def mouth_seen(visible: NDArray[np.generic], landmarks: NDArray[np.floating]) -> float:
    """Tell how much of what is on and around a mouth is to be seen.

    Args:
        visible: (SIDE, SIDE), 0 where something is before the face, 1 elsewhere.
        landmarks: (68, 2) as indices of its pixels.
    """
    lips = filled(cv2.convexHull(landmarks[OUTER_LIPS].astype(np.float32))[:, 0], SIDE)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * AROUND_LIPS + 1, 2 * AROUND_LIPS + 1))
    around = cv2.dilate(lips, disc) > 0.5
    return float(visible[around].mean()) if around.any() else 1.0


def _expressive(landmarks: NDArray[np.floating]) -> NDArray[np.bool_]:
    drawn = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for part in EXPRESSIVE:
        cv2.fillConvexPoly(drawn, cv2.convexHull(landmarks[part].astype(np.int32)), 1)
    return cv2.dilate(drawn, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))) > 0


def _solid(found: NDArray[np.bool_], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Close gaps and holes. The gradient reaches a pixel beyond the occluder's edge, which is taken back."""
    if not found.any():
        return found
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (GAP, GAP))
    padded = np.pad(found.astype(np.uint8), GAP)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[GAP:-GAP, GAP:-GAP].astype(bool) & face
    contours, _ = cv2.findContours(closed.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = cv2.drawContours(np.zeros(face.shape, dtype=np.uint8), contours, -1, 1, cv2.FILLED)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return (cv2.erode(np.maximum(solid, ~face), cross) > 0) & face


def _with_fringe(inside: NDArray[np.bool_], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Let occluders go on beyond the face."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * FRINGE + 1, 2 * FRINGE + 1))
    return np.where(face, inside, cv2.dilate(inside.astype(np.uint8), disc)) > 0
