"""Drawing of maps of the mean face on a face in a frame."""

import numpy as np
from numpy.typing import NDArray

from facevid.appearance import mean_face
from facevid.appearance.apply import NODES_PER_SIDE
from facevid.appearance.measure import COLOUR_SIDE
from facevid.appearance.warp import sample_maps, spline_grid, upsampled


def draw_on_face(
    maps: NDArray[np.float32], landmarks: NDArray[np.floating], size: tuple[int, int], side: float
) -> NDArray[np.float32]:
    """Draw maps over the window of the mean face on a face.

    Args:
        maps: float32 (COLOUR_SIDE, COLOUR_SIDE, C).
        landmarks: (84, 2) of the face, as pixel indices of the region to draw.
        size: width and height of the region in pixels.
        side: side of the FFHQ crop in pixels.

    Returns:
        float32 (height, width, C), 0 outside the window.
    """
    step = max(int(side / NODES_PER_SIDE), 1)
    grid = spline_grid(landmarks, mean_face.LANDMARKS, size=size, step=step, unit=side)
    fields = sample_maps(maps, mean_face.to_window(grid) * COLOUR_SIDE - 0.5)
    return np.dstack([upsampled(np.ascontiguousarray(fields[..., i]), size, step) for i in range(fields.shape[-1])])
