"""Temporal smoothing of what is measured frame by frame: W+ codes, and the quads that the faces were cropped by."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from facevid.utils.frame_array import FramesArray

TRUNCATE = 4.0
"""Reach of the Gaussian, in standard deviations."""

LEAST_SIGMA = 0.5 / TRUNCATE
"""Sigma below which the Gaussian reaches no neighbour."""

BLOCK = 1024
"""Frames in which effects are averaged at once: the fit takes 4 kB a frame on the way."""

RIDGE = 1e-6
"""Share of the strengths' mean square that is added to it: edits whose strengths go together cannot be told apart."""

HELD_FROM = 8
"""First layer of a code that is held steady: those from here on, 64 pixels and finer, set colour and texture (Karras,
Laine and Aila, CVPR 2019, section 3.1), which belong to the person. Layers before set pose and expression too."""

HELD = 10.0
"""How many times longer these layers are averaged."""


def smooth(
    values: NDArray[np.floating],
    sigma: float,
    start: int = 0,
    stop: int | None = None,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Average values over time with a Gaussian; at the ends the first and last values are held.

    Args:
        values: (N, ...), one entry a frame, of one track: nothing is averaged across a cut.
        sigma: standard deviation in frames of the clip; 0 returns the values as they are.
        start, stop: the entries wanted.
        weights: (N,), above 0; how far each frame is to be believed. None believes all alike.

    Returns:
        (stop - start, ...), in the dtype of `values`.
    """
    stop = len(values) if stop is None else stop
    if sigma < LEAST_SIGMA:
        return np.array(values[start:stop])
    first, last = _within_reach(len(values), sigma, start, stop)
    near, wanted = np.asarray(values[first:last]), slice(start - first, stop - first)
    average = partial(gaussian_filter1d, sigma=sigma, axis=0, mode="nearest", truncate=TRUNCATE)
    if weights is None:
        return average(near)[wanted]
    weight = weights[first:last].astype(values.dtype).reshape(-1, *[1] * (near.ndim - 1))
    return average(near * weight)[wanted] / average(weight)[wanted]


def smooth_codes(
    codes: FramesArray,
    sigma: float,
    start: int = 0,
    stop: int | None = None,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Average W+ codes over time: expression keeps up, what belongs to the person is held steady.

    Args:
        codes: (N, L, D) of one track; may lie in a file: only what is needed is read.
        sigma, start, stop, weights: as for `smooth`; layers from `HELD_FROM` on are averaged `HELD` times longer.

    Returns:
        (stop - start, L, D).
    """
    stop = len(codes) if stop is None else stop
    first, last = _within_reach(len(codes), HELD * sigma, start, stop)
    near, trust = np.asarray(codes[first:last]), None if weights is None else weights[first:last]
    follows = smooth(near[:, :HELD_FROM], sigma, start - first, stop - first, trust)
    held = smooth(near[:, HELD_FROM:], HELD * sigma, start - first, stop - first, trust)
    return np.concatenate([follows, held], axis=1)


def _within_reach(count: int, sigma: float, start: int, stop: int) -> tuple[int, int]:
    """Return the first and the end of those of `count` entries that the Gaussian averages from `start` to `stop`."""
    reach = int(TRUNCATE * sigma + 0.5)
    return max(start - reach, 0), min(stop + reach, count)


def smooth_effect(effects: NDArray[np.floating], strengths: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """Average over time what edits do, in proportion to their strengths: what is keyed keeps its time.

    Around each frame, effects are taken for a sum of strengths, each times something constant: the least squares' fit,
    weighed by a Gaussian over time.

    Args:
        effects: (N, ...), one entry a frame.
        strengths: (K, N), of each edit.
        sigma: standard deviation in frames; 0 returns the effects as they are.

    Returns:
        (N, ...), in the dtype of `effects`.
    """
    if sigma < LEAST_SIGMA:
        return effects
    steadied = np.empty_like(effects)
    for start in range(0, len(effects), BLOCK):
        stop = min(start + BLOCK, len(effects))
        first, last = _within_reach(len(effects), sigma, start, stop)
        fitted = _fitted(effects[first:last], strengths[:, first:last], sigma)
        steadied[start:stop] = fitted[start - first : stop - first]
    return steadied


def _fitted(effects: NDArray[np.floating], strengths: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    flat, known = effects.reshape(len(effects), -1).astype(np.float64).T, strengths.astype(np.float64)
    average = partial(gaussian_filter1d, sigma=sigma, mode="nearest", truncate=TRUNCATE)
    moments = average(known[:, None] * known).transpose(2, 0, 1)
    products = average(known[:, None] * flat).transpose(2, 0, 1)
    slack = RIDGE * np.trace(moments, axis1=1, axis2=2)[:, None, None] * np.eye(len(known))
    fitted = np.einsum("kn,nkp->np", known, np.linalg.solve(moments + slack, products))
    return np.asarray(fitted.reshape(effects.shape))
