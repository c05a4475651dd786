"""How much quads tremble on the faces that they are to rest on."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.evaluation.dense_flow import dense_flow
from facevid.faces.alignment import quad_side
from facevid.faces.tracking import Track
from facevid.utils.progress import Progress, silent
from facevid.video import Clip

FACE_SIDE = 300
"""Pixels that the longer side of a face's landmarks is brought to for the flow."""

REACH = 0.3
"""How far beyond the landmarks the flow is computed, as a share of their longer side."""

MISS = 0.7
"""Pixels, at `FACE_SIDE`, by which a pixel may miss the face's motion and still be taken to follow it."""

STRIDE = 37
"""One of so many pixels of a face takes part in the fit."""


def face_motions(clip: Clip, tracks: Sequence[Track], progress: Progress = silent) -> list[NDArray[np.float64]]:
    """Measure how each face moves in the picture, by dense optical flow over all of it, without any landmark's motion.

    Returns:
        For each track float64 (N, 2, 3): the similarity from the frame before to each frame, in pixels, that most of
        the face follows (RANSAC); NaN in the first frame, and where none was found.
    """
    motions = [np.full((len(track), 2, 3), np.nan) for track in tracks]
    last: NDArray[np.uint8] | None = None
    for index, frame in enumerate(progress("motion", clip.frames(), clip.info.frame_count)):
        picture = frame.rgb()
        for track, motion in zip(tracks, motions, strict=True):
            if last is not None and track.first < index <= track.last:
                offset = index - track.first
                motion[offset] = _motion(last, picture, track.landmarks[offset])
        last = picture
    return motions


def quad_jitter(quads: NDArray[np.floating], motion: NDArray[np.float64]) -> float:
    """Measure how much quads tremble on their face, in thousandths of their side.

    How far a corner slips over the face from one frame to the next is the corner less where the face's motion takes
    the corner before. Jitter is the mean length of the change of that slip from frame to frame: the second difference
    of the corner's path on the face. A quad that rests on the face has none, however the face moves; one that drifts
    evenly over it has none; one that lags behind a face that starts or stops does.

    Args:
        quads: (N, 4, 2) in pixels.
        motion: float64 (N, 2, 3), as from `face_motions`.

    Returns:
        Jitter; NaN where no three frames on end have a motion.
    """
    taken = np.einsum("nij,nkj->nki", motion[1:, :, :2], quads[:-1]) + motion[1:, None, :, 2]
    change = np.linalg.norm(np.diff(quads[1:] - taken, axis=0), axis=-1) / quad_side(quads).mean()
    known = change[~np.isnan(change)]
    return float(known.mean() * 1000) if known.size else float("nan")


def _motion(last: NDArray[np.uint8], picture: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fit one face's motion, (2, 3); NaN where there is none to be found."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    side = float(max(*(high - low), 1.0))
    limit = (picture.shape[1], picture.shape[0])
    left, top = np.floor(low - REACH * side).astype(int).clip(0, limit).tolist()
    right, bottom = np.ceil(high + REACH * side).astype(int).clip(0, limit).tolist()
    if min(right - left, bottom - top) < side / 2:
        return np.full((2, 3), np.nan)
    size = tuple(round(length * FACE_SIDE / side) for length in (right - left, bottom - top))
    scale = np.array(size) / (right - left, bottom - top)
    way = cv2.INTER_AREA if side > FACE_SIDE else cv2.INTER_LINEAR
    before, after = (cv2.resize(each[top:bottom, left:right], size, interpolation=way) for each in (last, picture))
    flow = dense_flow(before, after)
    hull = np.rint(cv2.convexHull(((landmarks - (left, top)) * scale).astype(np.float32))).astype(np.int32)
    face = cv2.fillConvexPoly(np.zeros(flow.seen.shape, np.uint8), hull, 1) == 1
    rows, columns = (each[::STRIDE] for each in np.nonzero(face & flow.seen))
    if len(rows) < 8:
        return np.full((2, 3), np.nan)
    now = np.stack([columns, rows], axis=1) / scale + (left, top)
    was = flow.places[rows, columns] / scale + (left, top)
    similarity, _ = cv2.estimateAffinePartial2D(was, now, ransacReprojThreshold=MISS / scale.min())
    return np.full((2, 3), np.nan) if similarity is None else similarity
