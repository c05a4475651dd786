"""Synthetic mouth opening: moves landmarks as a dropping jaw does. Public-domain portraits rarely show open mouths."""

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.lips import LOWER, UPPER
from facevid.appearance.mean_face import LANDMARKS
from facevid.faces.landmark_scheme import IBUG_COUNT, with_cheeks

JAW_TOP = 0.66
"""Height in the crop, as a fraction of its side from the top, above which the face outline does not move."""

JAW_BOTTOM = 0.90
"""Height in the crop, as a fraction of its side from the top, below which the face outline follows the jaw."""

CHIN_DROP = 0.85
"""Downward movement of the chin, as a fraction of the jaw's drop."""

LOWER_LIP_DROP = 0.95
"""Downward movement of the lower lip, as a fraction of the jaw's drop."""

CORNER_DROP = 0.40
"""Downward movement of the corners of the mouth, as a fraction of the jaw's drop."""

UPPER_LIP_DROP = -0.06
"""Movement of the upper lip, as a fraction of the jaw's drop: it moves up a little."""

JAW_NARROWING = 1.67
"""Inward movement of the jaw's outline, per unit of drop and per unit of distance from the middle of the face."""

MOUTH_NARROWING = 2.67
"""Inward movement of the mouth's landmarks, per unit of drop and per unit of distance from the middle of the face."""

MOUTH = slice(48, 68)
"""Landmarks of the lips."""

MOUTH_CORNERS = [48, 54, 60, 64]
"""Landmarks of the outer and inner corners of the mouth."""


def mouth_opening(drop: float) -> NDArray[np.float32]:
    """Return the offsets of the landmarks for a drop of the jaw.

    Args:
        drop: downward movement of the jaw, as a fraction of the side of an FFHQ crop.

    Returns:
        float32 (84, 2), x and y as fractions of the side of an FFHQ crop.
    """
    offsets = np.zeros((IBUG_COUNT, 2))
    jaw_weight = ((LANDMARKS[:17, 1] - JAW_TOP) / (JAW_BOTTOM - JAW_TOP)).clip(0, 1)
    offsets[:17, 0] = (0.5 - LANDMARKS[:17, 0]) * JAW_NARROWING * jaw_weight
    offsets[:17, 1] = CHIN_DROP * jaw_weight
    offsets[MOUTH, 0] = (0.5 - LANDMARKS[MOUTH, 0]) * MOUTH_NARROWING
    offsets[UPPER, 1] = UPPER_LIP_DROP
    offsets[LOWER, 1] = LOWER_LIP_DROP
    offsets[MOUTH_CORNERS, 1] = CORNER_DROP
    return with_cheeks(offsets * drop)
