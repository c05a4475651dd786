"""The stabilisation of landmarks that the latent transformer was published with; kept to be compared with.

Facts are those of the authors' published code (video processing, with the settings of its example script), for the
paper says only that landmarks are smoothed:

- A landmark is where it was detected, blended with where optical flow takes it from its blended place in the frame
  before. The flow's share is exp(-d^2 / 100); d is how far the detection lies from that place, in pixels.
- Landmarks are then averaged over time by a Gaussian of sigma 3 frames, and quads by one of twice that.
- Codes are not averaged.

Here the flow is the one measured at the detected landmarks, a pixel or so beside the blended ones.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from facevid.faces.alignment import ffhq_quad
from facevid.faces.tracking import Track

SIGMA = 3.0
"""Of the Gaussian over landmarks, in frames."""

SPREAD = 100.0
"""Square pixels by which the flow's share falls off."""


def published_landmarks(track: Track) -> NDArray[np.float64]:
    """Smooth a track's landmarks as published: float64 (N, 68, 2) in pixels of the frame."""
    blended = track.landmarks.astype(np.float64)
    for index in range(1, len(track)):
        before, flow = blended[index - 1], track.flow[index]
        apart = ((blended[index] - before) ** 2).sum(axis=-1, keepdims=True)
        share = np.where(np.isnan(flow), 0, np.exp(-apart / SPREAD))
        blended[index] += share * (before + np.nan_to_num(flow) - blended[index])
    return gaussian_filter1d(blended, SIGMA, axis=0)


def published_quads(track: Track) -> NDArray[np.float64]:
    """Place the FFHQ crop as published: float64 (N, 4, 2), corners as from `ffhq_quad`."""
    return gaussian_filter1d(ffhq_quad(published_landmarks(track)), 2 * SIGMA, axis=0)
