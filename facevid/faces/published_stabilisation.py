"""The landmark stabilisation published with the latent transformer, kept as a baseline for comparison.

The paper says only that landmarks are smoothed. The details follow the authors' published code for video, with the
settings of its example script:

- Each detected landmark is blended with its prediction: its blended position in the previous frame, moved by optical
  flow. The weight of the prediction is exp(-d^2 / 100), where d is the distance in pixels between the detection and the
  blended position in the previous frame.
- Landmarks are then smoothed over time by a Gaussian of sigma 3 frames, and quads by one of twice that sigma.
- Codes are not smoothed.

One difference: the flow used here was measured at the detected landmarks, about a pixel away from the blended ones.
"""

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import ffhq_quad
from facevid.faces.tracking import Track

LANDMARK_SIGMA = 3.0
"""Sigma of the Gaussian over landmarks, in frames; the value of the published script."""

SQUARED_DISTANCE_SCALE = 100.0
"""Squared distance, in square pixels, at which the prediction's weight is 1/e; the value of the published code."""


def published_landmarks(track: Track) -> NDArray[np.float64]:
    """Smooth a track's landmarks as published: float64 (N, 84, 2) in pixels of the frame."""
    blended = track.landmarks.astype(np.float64)
    for index in range(1, len(track)):
        before, flow = blended[index - 1], track.flow[index]
        squared_distance = ((blended[index] - before) ** 2).sum(axis=-1, keepdims=True)
        weight = np.where(np.isnan(flow), 0, np.exp(-squared_distance / SQUARED_DISTANCE_SCALE))
        blended[index] += weight * (before + np.nan_to_num(flow) - blended[index])
    from scipy.ndimage import gaussian_filter1d  # slow to import, and seldom used

    return np.asarray(gaussian_filter1d(blended, LANDMARK_SIGMA, axis=0))


def published_quads(track: Track) -> NDArray[np.float64]:
    """Compute a track's crop quads as published: float64 (N, 4, 2), corners as from `ffhq_quad`."""
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(ffhq_quad(published_landmarks(track)), 2 * LANDMARK_SIGMA, axis=0))
