"""Drawing of text on pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

FONT_WEIGHT = 500
"""Between regular (400) and bold (700): thin strokes do not survive video compression."""

LINE_HEIGHT = 1.4
"""Height of a line of text, in units of the font size: leaves room for descenders."""

BASELINE = 1.05
"""Distance from the top of the line to its baseline, in units of the font size."""

MARGIN = 0.3
"""Space left and right of the text, in units of the font size."""

_FONT = cv2.FontFace("sans")


def draw_text(
    picture: NDArray[np.uint8],
    text: str,
    corner: tuple[float, float],
    font_size: int,
    *,
    colour: Colour = WHITE,
    background: Colour = BLACK,
) -> None:
    """Draw one line of text on a filled box.

    Args:
        picture: uint8 (H, W, 3), RGB; drawn on in place.
        text: to draw.
        corner: x and y of the top left corner of the box, in pixels. The box is moved to lie inside the picture if it
            fits.
        font_size: in pixels.
        colour: of the text.
        background: colour of the box.
    """
    height, width = picture.shape[:2]
    _, _, text_width, _ = cv2.getTextSize((width, height), text, (0, 0), _FONT, font_size, FONT_WEIGHT)
    box_width, box_height = round(text_width + 2 * MARGIN * font_size), round(LINE_HEIGHT * font_size)
    x = max(min(round(corner[0]), width - box_width), 0)
    y = max(min(round(corner[1]), height - box_height), 0)
    cv2.rectangle(picture, (x, y), (x + box_width - 1, y + box_height - 1), background, cv2.FILLED)
    origin = x + round(MARGIN * font_size), y + round(BASELINE * font_size)
    cv2.putText(picture, text, origin, colour, _FONT, font_size, FONT_WEIGHT)
