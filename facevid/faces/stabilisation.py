"""Steadying what landmarks give: their noise is averaged away along the face's own motion, so that none of it lags.

Detected landmarks tremble, and optical flow drifts. So positions are taken relative to the path that the flow follows
through the track: there, real motion is gone and noise remains, which a Gaussian over time averages away; then the path
is added again. A Gaussian on the positions themselves has to choose between trembling and lagging behind fast motion.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from facevid.faces.alignment import ffhq_quad
from facevid.faces.tracking import Track

RIGID = slice(0, 48)
"""Landmarks that tell the head's motion: all but the lips, which speak."""

MIN_RIGID = 12
"""How many of these the flow must have followed for it to be believed; below, the detected motion is."""

ROUNDS, TOLERANCE = 8, 1.5
"""Rounds of reweighting in the fit of a motion, and how many medians of the misses a point may miss it by before it
counts half: lids that close, or a hand before the face, move otherwise than the head."""


def stable_quads(track: Track, sigma: float) -> NDArray[np.float64]:
    """Place the FFHQ crop over each face of a track, so that it rests on the head and not on what the face does.

    Args:
        track: the face.
        sigma: of the Gaussian over time, in frames; 0 gives the quads of the detected landmarks.

    Returns:
        float64 (N, 4, 2), corners as from `ffhq_quad`.
    """
    quads = ffhq_quad(track.landmarks)
    return _smoothed_along(quads, _rigid_steps(track, quads), sigma)


def stable_landmarks(track: Track, sigma: float) -> NDArray[np.float64]:
    """Steady a track's landmarks, each along its own motion: lips keep up with speech.

    Args:
        track: the face.
        sigma: of the Gaussian over time, in frames; 0 gives the landmarks as detected.

    Returns:
        float64 (N, 68, 2) in pixels of the frame.
    """
    landmarks = track.landmarks.astype(np.float64)
    steps = np.where(np.isnan(track.flow), _rigid_steps(track, landmarks), track.flow)
    return _smoothed_along(landmarks, steps, sigma)


def _smoothed_along(positions: NDArray[np.float64], steps: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """Smooth positions (N, P, 2) relative to the path that the steps (N, P, 2) from frame to frame add up to."""
    if sigma * 4 < 0.5:  # SciPy's Gaussian ends at 4 sigma, and reaches no neighbour
        return positions
    path = np.cumsum(steps, axis=0, dtype=np.float64)
    return path + gaussian_filter1d(positions - path, sigma, axis=0, mode="reflect")


def _rigid_steps(track: Track, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how far points (N, P, 2) that move with the head came from the frame before; 0 in the first frame.

    The head's motion between two frames is taken for a similarity: turn, scale and shift, in the plane.
    """
    turn, shift, believed = _head_motion(track)
    now = positions[..., 0] + 1j * positions[..., 1]
    step = now - (turn[:, None] * now + shift[:, None])
    detected = np.diff(positions, axis=0, prepend=positions[:1])
    steps = np.where(believed[:, None, None], np.stack([step.real, step.imag], axis=-1), detected)
    steps[0] = 0
    return steps


def _head_motion(
    track: Track,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.bool_]]:
    """Fit, in every frame, where the head was in the frame before: z -> turn * z + shift, of points z = x + iy.

    Iteratively reweighted least squares with Cauchy's weights. Returns turn, shift and whether enough points were
    followed, (N,) each.
    """
    landmarks, flow = track.landmarks[:, RIGID].astype(np.float64), track.flow[:, RIGID]
    followed: NDArray[np.bool_] = np.isfinite(flow[..., 0])
    motion = np.where(followed[..., None], flow, 0)
    now = landmarks[..., 0] + 1j * landmarks[..., 1]
    was = now - (motion[..., 0] + 1j * motion[..., 1])
    weight = followed.astype(np.float64)
    for _ in range(ROUNDS):
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        centre_now = (weight * now).sum(axis=1, keepdims=True) / total
        centre_was = (weight * was).sum(axis=1, keepdims=True) / total
        arms = now - centre_now
        spread = np.maximum((weight * np.abs(arms) ** 2).sum(axis=1, keepdims=True), 1e-9)
        turn = (weight * (was - centre_was) * arms.conj()).sum(axis=1, keepdims=True) / spread
        shift = centre_was - turn * centre_now
        miss = np.ma.array(np.abs(turn * now + shift - was), mask=~followed)
        typical = np.ma.median(miss, axis=1, keepdims=True).filled(0) + 1e-3
        weight = np.where(followed, 1 / (1 + (miss.data / (TOLERANCE * typical)) ** 2), 0)
    return turn[:, 0], shift[:, 0], followed.sum(axis=1) >= MIN_RIGID
