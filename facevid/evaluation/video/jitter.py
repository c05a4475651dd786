"""Jitter: the frame-to-frame movement of a quad relative to its face."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.evaluation.video.dense_flow import dense_flow
from facevid.evaluation.video.face_region import bounding_window, convex_hull
from facevid.faces.alignment import quad_side
from facevid.faces.tracking import Track
from facevid.utils.progress import Progress, no_progress
from facevid.video import Clip

FACE_SIDE = 300
"""Longer side of the landmarks' bounding box after resizing, in pixels: the flow is computed at this size."""

MARGIN = 0.3
"""Margin around the landmarks' bounding box in which the flow is computed, as a fraction of its longer side."""

INLIER_DISTANCE = 0.7
"""Largest RANSAC residual of a pixel that follows the face's motion, in pixels at `FACE_SIDE`."""

STRIDE = 37
"""One of this many pixels of a face is used in the fit."""

MIN_PIXELS = 8
"""Smallest number of pixels to fit a motion to."""

MIN_VISIBLE = 0.5
"""Smallest side of the visible part of a face, as a fraction of the longer side of its landmarks' bounding box."""


def face_motions(clip: Clip, tracks: Sequence[Track], progress: Progress = no_progress) -> list[NDArray[np.float64]]:
    """Measure the motion of each face by dense optical flow, independently of its tracked landmarks' motion.

    Args:
        clip: the clip.
        tracks: the faces; their landmarks only determine which pixels belong to a face.
        progress: receives the number of frames.

    Returns:
        For each track, float64 (N, 2, 3): the similarity transform, in pixels, from the previous frame to each frame,
        fitted with RANSAC. NaN in the first frame, and where no transform could be fitted.
    """
    motions = [np.full((len(track), 2, 3), np.nan) for track in tracks]
    previous: NDArray[np.uint8] | None = None
    for index, frame in enumerate(progress("motion", clip.frames(), clip.info.frame_count)):
        picture = frame.rgb()
        for track, motion in zip(tracks, motions, strict=True):
            if previous is not None and track.first < index <= track.last:
                offset = index - track.first
                motion[offset] = _face_motion(previous, picture, track.landmarks[offset])
        previous = picture
    return motions


def quad_jitter(quads: NDArray[np.floating], motion: NDArray[np.float64]) -> float:
    """Measure the jitter of quads relative to their face, in thousandths of their side.

    The slip of a corner is its position minus its previous position moved by the face's motion. Jitter is the mean
    length of the change of the slip between frames, that is, the second difference of the corner's path on the face.
    It is 0 for a quad that is fixed to the face, however the face moves, and for a quad that drifts at constant speed.
    It is positive for a quad that lags behind a face that starts or stops moving.

    Args:
        quads: (N, 4, 2), in pixels.
        motion: float64 (N, 2, 3), from `face_motions`.

    Returns:
        Jitter; NaN unless two consecutive frames have a motion.
    """
    moved = np.einsum("nij,nkj->nki", motion[1:, :, :2], quads[:-1]) + motion[1:, None, :, 2]
    change = np.linalg.norm(np.diff(quads[1:] - moved, axis=0), axis=-1) / quad_side(quads).mean()
    valid = change[~np.isnan(change)]
    return float(valid.mean() * 1000) if valid.size else float("nan")


def _face_motion(
    previous: NDArray[np.uint8], picture: NDArray[np.uint8], landmarks: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Fit the similarity transform of one face, (2, 3); NaN if that fails."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    side = float(max(*(high - low), 1.0))
    rows, columns = bounding_window(low - MARGIN * side, high + MARGIN * side, picture.shape)
    corner = np.array([columns.start, rows.start])
    width, height = columns.stop - columns.start, rows.stop - rows.start
    if min(width, height) < side * MIN_VISIBLE:
        return np.full((2, 3), np.nan)
    size = (round(width * FACE_SIDE / side), round(height * FACE_SIDE / side))
    scale = np.array(size) / (width, height)
    interpolation = cv2.INTER_AREA if side > FACE_SIDE else cv2.INTER_LINEAR
    before, after = (
        np.asarray(cv2.resize(each[rows, columns], size, interpolation=interpolation), np.uint8)
        for each in (previous, picture)
    )
    flow = dense_flow(before, after)
    face = convex_hull((landmarks - corner) * scale, before.shape)
    y, x = (each[::STRIDE] for each in np.nonzero(face & flow.visible))
    if len(y) < MIN_PIXELS:
        return np.full((2, 3), np.nan)
    similarity, _ = cv2.estimateAffinePartial2D(
        flow.positions[y, x] / scale + corner,
        np.stack([x, y], axis=1) / scale + corner,
        ransacReprojThreshold=INLIER_DISTANCE / scale.min(),
    )
    return np.full((2, 3), np.nan) if similarity is None else similarity
