"""How much of an edit a face takes, frame by frame: an edit fades out where it would break, and never pops."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from facevid.faces.alignment import ffhq_quad, quad_side
from facevid.faces.pose import yaw
from facevid.faces.tracking import Track

YAW = (25.0, 36.0)
"""Estimated yaw in degrees up to which an edit is whole, and from which there is none. Landmarks of faces turned
further than they can follow still give about 40."""

SIZE = (40.0, 24.0)
"""Side of the quad in pixels down to which an edit is whole, and from which there is none."""

INSIDE = (0.95, 0.65)
"""Share of the landmarks inside the picture down to which an edit is whole, and from which there is none."""


HIDDEN = (0.4, 0.65)
"""Share of the face behind something else up to which an edit is whole, and from which there is none: the landmarks are
guesses there."""


def edit_weights(
    track: Track,
    shot: range,
    frame_size: tuple[int, int],
    fade: int,
    hidden: NDArray[np.floating] | float = 0.0,
) -> NDArray[np.float32]:
    """Tell how much of an edit each frame of a track takes.

    It falls where the face turns to profile, leaves the picture, becomes too small or is hidden, and towards an end of
    the track that is not an end of the shot: there the detector loses the face, or finds it, while it is still to be
    seen.

    Args:
        track: the face.
        shot: the frames of the shot that it is in.
        frame_size: height and width of the picture in pixels.
        fade: frames over which an edit comes and goes; 0 turns all fading off.
        hidden: (N,), which share of the face is behind something else.

    Returns:
        float32 (N,), 0 to 1.
    """
    count = len(track)
    if fade == 0 or len(shot) == 1:
        return np.ones(count, dtype=np.float32)
    height, width = frame_size
    inside = ((track.landmarks >= 0) & (track.landmarks < (width, height))).all(axis=-1).mean(axis=-1)
    fit = (
        _ramp(np.abs(yaw(track.landmarks)), *YAW)
        * _ramp(quad_side(ffhq_quad(track.landmarks)), *SIZE)
        * _ramp(inside, *INSIDE)
        * _ramp(np.asarray(hidden), *HIDDEN)
    )
    smoothed = gaussian_filter1d(fit, fade / 2, mode="nearest")
    steps = np.arange(1, count + 1) / (fade + 1)
    if track.first > shot.start:
        smoothed *= np.minimum(steps, 1)
    if track.last < shot.stop - 1:
        smoothed *= np.minimum(steps[::-1], 1)
    return smoothed.astype(np.float32)


def _ramp(values: NDArray[np.floating], whole: float, none: float) -> NDArray[np.float64]:
    return np.clip((values - none) / (whole - none), 0, 1)
