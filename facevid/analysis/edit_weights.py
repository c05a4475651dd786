"""Edit weights: the share of an edit that applies in each frame. Edits fade out smoothly where they would fail."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import ffhq_quad, quad_side
from facevid.faces.pose import yaw
from facevid.faces.tracking import Track


class FadeRange(NamedTuple):
    """A range of a measure in which the edit weight falls linearly.

    Attributes:
        full: the value at which the weight is 1.
        zero: the value at which the weight is 0.
    """

    full: float
    zero: float


YAW = FadeRange(full=25.0, zero=36.0)
"""Estimated yaw to either side, in degrees. Landmarks cannot follow a face turned further; the estimate then stays at
about 40."""

QUAD_SIDE = FadeRange(full=40.0, zero=24.0)
"""Side of the crop quad, in pixels."""

INSIDE_SHARE = FadeRange(full=0.95, zero=0.65)
"""Share of the landmarks inside the picture."""

OCCLUDED_SHARE = FadeRange(full=0.4, zero=0.65)
"""Share of the face that is occluded: landmarks under an occluder are inaccurate."""


def edit_weights(
    track: Track,
    shot: range,
    frame_size: tuple[int, int],
    fade: int,
    occluded_share: NDArray[np.floating] | float = 0.0,
) -> NDArray[np.float32]:
    """Compute the edit weight of each frame of a track.

    The weight falls where the face turns to profile, leaves the picture, becomes too small or is occluded. It also
    falls towards the start and end of the track unless these are the start and end of the shot: there the detector
    finds or loses a face that is still visible.

    Args:
        track: the face.
        shot: the frames of the shot that contains it.
        frame_size: height and width of the picture in pixels.
        fade: length of a fade in frames; 0 turns all fading off.
        occluded_share: (N,), share of the face that is occluded, 0 to 1.

    Returns:
        float32 (N,), 0 to 1.
    """
    count = len(track)
    if fade == 0 or len(shot) == 1:
        return np.ones(count, dtype=np.float32)
    from scipy.ndimage import gaussian_filter1d  # slow to import, and a still has no fades

    height, width = frame_size
    inside = ((track.landmarks >= 0) & (track.landmarks < (width, height))).all(axis=-1).mean(axis=-1)
    weights = (
        _linear_weight(np.abs(yaw(track.landmarks)), YAW)
        * _linear_weight(quad_side(ffhq_quad(track.landmarks)), QUAD_SIDE)
        * _linear_weight(inside, INSIDE_SHARE)
        * _linear_weight(np.asarray(occluded_share), OCCLUDED_SHARE)
    )
    smoothed = np.asarray(gaussian_filter1d(weights, fade / 2, mode="nearest"))
    ramp = np.arange(1, count + 1) / (fade + 1)
    if track.first > shot.start:
        smoothed *= np.minimum(ramp, 1)
    if track.last < shot.stop - 1:
        smoothed *= np.minimum(ramp[::-1], 1)
    return smoothed.astype(np.float32)


def _linear_weight(values: NDArray[np.floating], fade: FadeRange) -> NDArray[np.float64]:
    return np.clip((values - fade.zero) / (fade.full - fade.zero), 0, 1)
