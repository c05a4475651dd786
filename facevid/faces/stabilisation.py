"""Steadying what landmarks give: their noise is averaged away along the face's own motion, so that none of it lags.

Detected landmarks tremble, and optical flow drifts. So positions are taken relative to the path that the flow follows
through the track: there, real motion is gone and noise remains, which a Gaussian over time averages away; then the path
is added again. A Gaussian on the positions themselves has to choose between trembling and lagging behind fast motion.
"""

from dataclasses import dataclass

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


BLOCK = 1024
"""Frames in which the motion is fitted at once."""


@dataclass(frozen=True)
class _Motion:
    """Where the head was in the frame before, a similarity in the plane: z -> turn * z + shift, of points z = x + iy.

    Attributes:
        turn, shift: complex128 (N,).
        believed: bool (N,), whether enough points were followed.
    """

    turn: NDArray[np.complex128]
    shift: NDArray[np.complex128]
    believed: NDArray[np.bool_]


def stable_quads(track: Track, sigma: float) -> NDArray[np.float64]:
    """Place the FFHQ crop over each face of a track, so that it rests on the head and not on what the face does.

    Args:
        track: the face.
        sigma: of the Gaussian over time, in frames; 0 gives the quads of the detected landmarks.

    Returns:
        float64 (N, 4, 2), corners as from `ffhq_quad`.
    """
    quads = ffhq_quad(track.landmarks)
    return _smoothed_along(quads, _rigid_steps(_head_motion(track), quads), sigma)


def stable_landmarks(track: Track, sigma: float) -> NDArray[np.float64]:
    """Steady a track's landmarks, each along its own motion: lips keep up with speech.

    Args:
        track: the face.
        sigma: of the Gaussian over time, in frames; 0 gives the landmarks as detected.

    Returns:
        float64 (N, 68, 2) in pixels of the frame.
    """
    landmarks = track.landmarks.astype(np.float64)
    motion = _head_motion(track)
    for point in range(landmarks.shape[1]):  # one after another: of a long track, all need much memory on the way
        own, flow = landmarks[:, point : point + 1], track.flow[:, point : point + 1]
        steps = np.where(np.isnan(flow), _rigid_steps(motion, own), flow)
        own[:] = _smoothed_along(own, steps, sigma)
    return landmarks


def _smoothed_along(positions: NDArray[np.float64], steps: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """Smooth positions (N, P, 2) relative to the path that the steps (N, P, 2) from frame to frame add up to."""
    if sigma * 4 < 0.5:  # SciPy's Gaussian ends at 4 sigma, and reaches no neighbour
        return positions
    path = np.cumsum(steps, axis=0, dtype=np.float64)
    return path + gaussian_filter1d(positions - path, sigma, axis=0, mode="reflect")


def _rigid_steps(motion: _Motion, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how far points (N, P, 2) that move with the head came from the frame before; 0 in the first frame."""
    now = positions[..., 0] + 1j * positions[..., 1]
    step = now - (motion.turn[:, None] * now + motion.shift[:, None])
    detected = np.diff(positions, axis=0, prepend=positions[:1])
    steps = np.where(motion.believed[:, None, None], np.stack([step.real, step.imag], axis=-1), detected)
    steps[0] = 0
    return steps


def _head_motion(track: Track) -> _Motion:
    """Fit the head's motion in every frame, a block of frames at a time: the fit takes 5 kB a frame on the way."""
    starts = range(0, len(track), BLOCK)
    blocks = [_fitted(*(each[start : start + BLOCK] for each in (track.landmarks, track.flow))) for start in starts]
    return _Motion(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _fitted(
    landmarks: NDArray[np.floating], flow: NDArray[np.floating]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.bool_]]:
    """Fit the fields of `_Motion` to landmarks (N, 68, 2) and their flow, each frame for itself.

    Iteratively reweighted least squares with Cauchy's weights.
    """
    landmarks, flow = landmarks[:, RIGID].astype(np.float64), flow[:, RIGID]
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
