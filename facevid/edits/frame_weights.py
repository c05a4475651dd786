"""Weights of an edit over frames: 1 in a range of frames, 0 outside, with a linear fade at both ends of the range."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def frame_weights(numbers: Sequence[int], first: int, last: int, fade: int) -> NDArray[np.float32]:
    """Compute the weight of an edit in each frame.

    Args:
        numbers: the frames' numbers, N of them.
        first: number of the first frame to edit.
        last: number of the last frame to edit.
        fade: number of frames over which the weight rises from 0 in the frame before `first` to 1, and over which it
            falls to 0 in the frame after `last`.

    Returns:
        float32 (N,), 0 to 1.
    """
    frames = np.asarray(numbers)
    steps = np.minimum(frames - first, last - frames) + 1  # 1 in the first and in the last frame
    return np.asarray((steps / (fade + 1)).clip(0, 1), np.float32)
