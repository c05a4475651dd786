"""Temporal smoothing of values measured frame by frame: codes, quads, and the effects of edits."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from facevid.utils.frame_array import FramesArray

KERNEL_RADIUS_SIGMAS = 4.0
"""Radius of the Gaussian kernel, in standard deviations; the default of SciPy."""

MIN_SIGMA = 0.5 / KERNEL_RADIUS_SIGMAS
"""Standard deviation, in frames, below which the kernel covers one frame only."""

EFFECT_BLOCK_FRAMES = 1024
"""Frames in which effects are smoothed at once. The fit needs 4 kB of memory per frame."""

RIDGE = 1e-6
"""Ridge regularisation, as a share of the mean square of the strengths: without it the fit is singular where the
strengths of two edits are proportional."""

FIRST_TEXTURE_LAYER = 8
"""First layer of a W+ code that gets the wide Gaussian. Layers from here on (64 pixels and finer) control colour and
texture, which are constant for a person; earlier layers control pose and expression too (Karras, Laine and Aila, CVPR
2019, section 3.1)."""

TEXTURE_SIGMA_FACTOR = 10.0
"""Standard deviation for texture layers, in that of the other layers."""


def smooth(
    values: NDArray[np.floating],
    sigma: float,
    start: int = 0,
    stop: int | None = None,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Average values over time with a Gaussian; beyond the ends, the first and last values are repeated.

    Args:
        values: (N, ...), one entry per frame of one track, so that nothing is averaged across a cut.
        sigma: standard deviation in frames; 0 returns the values unchanged.
        start: first frame to return.
        stop: end of the frames to return; None is N.
        weights: (N,), above 0, confidence in each frame; None weights all frames equally.

    Returns:
        (stop - start, ...), in the dtype of `values`.
    """
    stop = len(values) if stop is None else stop
    if sigma < MIN_SIGMA or len(values) == 1:
        return np.array(values[start:stop])
    from scipy.ndimage import gaussian_filter1d  # slow to import, and a still needs no smoothing

    first, last = _kernel_span(len(values), sigma, start, stop)
    near, inner = np.asarray(values[first:last]), slice(start - first, stop - first)
    average = partial(gaussian_filter1d, sigma=sigma, axis=0, mode="nearest", truncate=KERNEL_RADIUS_SIGMAS)
    if weights is None:
        return np.asarray(average(near)[inner])
    weight = weights[first:last].astype(values.dtype).reshape(-1, *[1] * (near.ndim - 1))
    return np.asarray(average(near * weight)[inner] / average(weight)[inner])


def smooth_codes(
    codes: FramesArray,
    sigma: float,
    start: int = 0,
    stop: int | None = None,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Average W+ codes over time, layers of colour and texture with a wider Gaussian than those of expression.

    Args:
        codes: (N, L, D) of one track, in memory or in a file, of which only the frames needed are read.
        sigma: standard deviation in frames; layers from `FIRST_TEXTURE_LAYER` on use `TEXTURE_SIGMA_FACTOR` times it.
        start: first frame to return.
        stop: end of the frames to return; None is N.
        weights: (N,), above 0, confidence in each frame; None weights all frames equally.

    Returns:
        (stop - start, L, D).
    """
    stop = len(codes) if stop is None else stop
    texture_sigma = TEXTURE_SIGMA_FACTOR * sigma
    first, last = _kernel_span(len(codes), texture_sigma, start, stop)
    near = np.asarray(codes[first:last])
    near_weights = None if weights is None else weights[first:last]
    expression = smooth(near[:, :FIRST_TEXTURE_LAYER], sigma, start - first, stop - first, near_weights)
    texture = smooth(near[:, FIRST_TEXTURE_LAYER:], texture_sigma, start - first, stop - first, near_weights)
    return np.concatenate([expression, texture], axis=1)


def code_radius(sigma: float) -> int:
    """Return the number of frames before and after a frame that `smooth_codes` averages."""
    return int(KERNEL_RADIUS_SIGMAS * TEXTURE_SIGMA_FACTOR * sigma + 0.5)


def _kernel_span(count: int, sigma: float, start: int, stop: int) -> tuple[int, int]:
    """Return start and stop of those of `count` frames that the kernel covers for the frames `start` to `stop`."""
    radius = int(KERNEL_RADIUS_SIGMAS * sigma + 0.5)
    return max(start - radius, 0), min(stop + radius, count)


def smooth_effect(effects: NDArray[np.floating], strengths: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """Smooth the effect of edits over time without blurring their keyframes.

    Around each frame, the effect is modelled as the sum over the edits of strength times a constant. The constants are
    a least-squares fit weighted by a Gaussian over time; the result is the model's value at the frame.

    Args:
        effects: (N, ...), one entry per frame.
        strengths: (E, N), the strength of each edit.
        sigma: standard deviation in frames; 0 returns the effects unchanged.

    Returns:
        (N, ...), in the dtype of `effects`.
    """
    if sigma < MIN_SIGMA or len(effects) == 1:
        return effects
    smoothed = np.empty_like(effects)
    for start in range(0, len(effects), EFFECT_BLOCK_FRAMES):
        stop = min(start + EFFECT_BLOCK_FRAMES, len(effects))
        first, last = _kernel_span(len(effects), sigma, start, stop)
        fitted = _fit_effect(effects[first:last], strengths[:, first:last], sigma)
        smoothed[start:stop] = fitted[start - first : stop - first]
    return smoothed


def _fit_effect(effects: NDArray[np.floating], strengths: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """Solve the normal equations of the fit in each frame: moments (N, E, E), products (N, E, P)."""
    from scipy.ndimage import gaussian_filter1d

    flat = effects.reshape(len(effects), -1).astype(np.float64).T
    regressors = strengths.astype(np.float64)
    average = partial(gaussian_filter1d, sigma=sigma, mode="nearest", truncate=KERNEL_RADIUS_SIGMAS)
    moments = average(regressors[:, None] * regressors).transpose(2, 0, 1)
    products = average(regressors[:, None] * flat).transpose(2, 0, 1)
    power = np.trace(moments, axis1=1, axis2=2)[:, None, None]
    ridge = np.where(power > 0, RIDGE * power, 1) * np.eye(len(regressors))  # without any strength, the effect is 0
    fitted = np.einsum("kn,nkp->np", regressors, np.linalg.solve(moments + ridge, products))
    return np.asarray(fitted.reshape(effects.shape))
