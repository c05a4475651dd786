"""Text on pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

WEIGHT = 500
"""Between regular (400) and bold (700): thin strokes do not survive video compression."""

LINE_HEIGHT = 1.4
"""Height of a line of text, in units of its size."""

BASELINE = 1.05
"""From the line's top to its baseline, in units of its size."""

MARGIN = 0.3
"""Left and right of the text, in units of its size."""

_FONT = cv2.FontFace("sans")


def draw_text(
    picture: NDArray[np.uint8],
    text: str,
    corner: tuple[float, float],
    size: int,
    *,
    ink: Colour = WHITE,
    paper: Colour = BLACK,
) -> None:
    """Write one line of text on a box of `paper`, into `picture`.

    Args:
        picture: uint8 (H, W, 3) RGB; changed.
        text: what to write.
        corner: x and y of the box's top left; moved so that the box lies inside of the picture where it fits.
        size: of the font, in pixels.
        ink: colour of the letters.
        paper: colour of the box.
    """
    height, width = picture.shape[:2]
    _, _, text_width, _ = cv2.getTextSize((width, height), text, (0, 0), _FONT, size, WEIGHT)
    box = round(text_width + 2 * MARGIN * size), round(LINE_HEIGHT * size)
    x = max(min(round(corner[0]), width - box[0]), 0)
    y = max(min(round(corner[1]), height - box[1]), 0)
    cv2.rectangle(picture, (x, y), (x + box[0] - 1, y + box[1] - 1), paper, cv2.FILLED)
    origin = x + round(MARGIN * size), y + round(BASELINE * size)
    cv2.putText(picture, text, origin, ink, _FONT, size, WEIGHT)
