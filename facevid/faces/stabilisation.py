"""Stabilisation of landmarks and quads: noise is averaged away along the face's own motion, without lag.

Detected landmarks jitter, and optical flow drifts. So the flow is summed to a path through the track, and the positions
relative to that path are smoothed by a Gaussian over time: there real motion is removed and the noise remains. Then the
path is added again. A Gaussian over the positions themselves would have to trade jitter for lag behind fast motion.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import ffhq_quad
from facevid.faces.tracking import Track

RIGID_LANDMARKS = slice(0, 48)
"""Indices of the landmarks from which head motion is fitted: all but the lips, which move in speech."""

MIN_RIGID_LANDMARKS = 12
"""Smallest number of these with a known flow for a reliable fit; with fewer, the detected motion is used."""

FIT_ITERATIONS = 8
"""Iterations of the reweighted least-squares fit of head motion."""

FIT_TOLERANCE = 1.5
"""Residual, in medians of all residuals, at which a landmark's weight falls to a half. It suppresses landmarks that
move differently from the head: eyelids that close, or those under a hand in front of the face."""

BLOCK_FRAMES = 1024
"""Number of frames whose head motion is fitted at once; the fit takes 5 kB of memory a frame."""

_masked_median: Any = np.ma.median  # untyped in NumPy's stubs


@dataclass(frozen=True)
class _HeadMotion:
    """Similarity transforms that map points of the head from each frame to the frame before.

    A point z = x + iy of frame n was at turn[n] * z + shift[n] in the frame before.

    Attributes:
        turn: complex128 (N,), rotation and scale.
        shift: complex128 (N,), translation in pixels.
        is_reliable: bool (N,), whether the flow of enough landmarks is known.
    """

    turn: NDArray[np.complex128]
    shift: NDArray[np.complex128]
    is_reliable: NDArray[np.bool_]


def stable_quads(track: Track, sigma: float) -> NDArray[np.float64]:
    """Compute the FFHQ crop quads of a track so that they follow the head and ignore facial expression.

    Args:
        track: the face.
        sigma: of the Gaussian over time, in frames; 0 gives the quads of the detected landmarks.

    Returns:
        float64 (N, 4, 2), corners as from `ffhq_quad`.
    """
    quads = ffhq_quad(track.landmarks)
    return _smoothed_along(quads, _rigid_steps(_head_motion(track), quads), sigma)


def stable_landmarks(track: Track, sigma: float) -> NDArray[np.float64]:
    """Stabilise a track's landmarks, each along its own motion, so that lips keep up with speech.

    Args:
        track: the face.
        sigma: of the Gaussian over time, in frames; 0 gives the detected landmarks.

    Returns:
        float64 (N, 84, 2) in pixels of the frame.
    """
    landmarks = track.landmarks.astype(np.float64)
    motion = _head_motion(track)
    for point in range(landmarks.shape[1]):  # one landmark at a time, to bound memory on long tracks
        positions, flow = landmarks[:, point : point + 1], track.flow[:, point : point + 1]
        steps = np.where(np.isnan(flow), _rigid_steps(motion, positions), flow)
        positions[:] = _smoothed_along(positions, steps, sigma)
    return landmarks


def _smoothed_along(positions: NDArray[np.float64], steps: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """Smooth positions (N, P, 2) relative to the path that the steps (N, P, 2) from frame to frame add up to."""
    if sigma * 4 < 0.5 or len(positions) == 1:  # SciPy truncates the Gaussian at 4 sigma, before the next frame
        return positions
    from scipy.ndimage import gaussian_filter1d  # slow to import, and a still needs no smoothing

    path = np.cumsum(steps, axis=0, dtype=np.float64)
    return np.asarray(path + gaussian_filter1d(positions - path, sigma, axis=0, mode="reflect"))


def _rigid_steps(motion: _HeadMotion, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the displacement since the previous frame of points (N, P, 2) that move with the head; 0 in the first."""
    now = positions[..., 0] + 1j * positions[..., 1]
    step = now - (motion.turn[:, None] * now + motion.shift[:, None])
    detected = np.diff(positions, axis=0, prepend=positions[:1])
    steps = np.where(motion.is_reliable[:, None, None], np.stack([step.real, step.imag], axis=-1), detected)
    steps[0] = 0
    return steps


def _head_motion(track: Track) -> _HeadMotion:
    """Fit the head's motion in every frame, a block of frames at a time."""
    starts = range(0, len(track), BLOCK_FRAMES)
    blocks = [
        _fit_similarity(*(each[start : start + BLOCK_FRAMES] for each in (track.landmarks, track.flow)))
        for start in starts
    ]
    return _HeadMotion(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _fit_similarity(
    landmarks: NDArray[np.floating], flow: NDArray[np.floating]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.bool_]]:
    """Fit a similarity transform to the flow of each frame, by iteratively reweighted least squares (Cauchy weights).

    Args:
        landmarks: (N, 84, 2) in pixels of the frame.
        flow: (N, 84, 2) in pixels, NaN where unknown.

    Returns:
        The fields of `_HeadMotion`.
    """
    landmarks, flow = landmarks[:, RIGID_LANDMARKS].astype(np.float64), flow[:, RIGID_LANDMARKS]
    has_flow: NDArray[np.bool_] = np.isfinite(flow[..., 0])
    displacement = np.where(has_flow[..., None], flow, 0)
    now = landmarks[..., 0] + 1j * landmarks[..., 1]
    before = now - (displacement[..., 0] + 1j * displacement[..., 1])
    weight = has_flow.astype(np.float64)
    for _ in range(FIT_ITERATIONS):
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        centre_now = (weight * now).sum(axis=1, keepdims=True) / total
        centre_before = (weight * before).sum(axis=1, keepdims=True) / total
        centred = now - centre_now
        spread = np.maximum((weight * np.abs(centred) ** 2).sum(axis=1, keepdims=True), 1e-9)
        turn = (weight * (before - centre_before) * centred.conj()).sum(axis=1, keepdims=True) / spread
        shift = centre_before - turn * centre_now
        residual = np.ma.array(np.abs(turn * now + shift - before), mask=~has_flow)
        typical = _masked_median(residual, axis=1, keepdims=True).filled(0) + 1e-3
        weight = np.where(has_flow, 1 / (1 + (residual.data / (FIT_TOLERANCE * typical)) ** 2), 0)
    return turn[:, 0], shift[:, 0], has_flow.sum(axis=1) >= MIN_RIGID_LANDMARKS
