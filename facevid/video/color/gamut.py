"""Between the primaries of scene-linear pictures and those of ITU-R BT.709."""

import numpy as np
from numpy.typing import NDArray

BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""x and y of red, green, blue and white (CIE 1931); what OpenEXR files have that do not say otherwise."""

_SAME = 5e-4
_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""From XYZ to the responses in which whites are adapted to each other (Bradford)."""


def to_bt709(chromaticities: tuple[float, ...]) -> NDArray[np.float32] | None:
    """Return the matrix (3, 3) that takes linear R, G, B of these primaries and white to BT.709's; None for BT.709's.

    White is adapted by Bradford's method (ICC.1, annex E). Primaries that span no triangle are taken for BT.709's.
    """
    if np.allclose(chromaticities, BT709, atol=_SAME):
        return None
    try:
        to_xyz = _to_xyz(chromaticities)
        adapted = _CONES @ _white(BT709) / (_CONES @ _white(chromaticities))
        made = np.linalg.inv(_to_xyz(BT709)) @ np.linalg.inv(_CONES) @ np.diag(adapted) @ _CONES @ to_xyz
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    return made.astype(np.float32) if np.isfinite(made).all() else None


def _to_xyz(chromaticities: tuple[float, ...]) -> NDArray[np.float64]:
    primaries = np.stack([_xyz(*chromaticities[i : i + 2]) for i in (0, 2, 4)], axis=1)
    return primaries * np.linalg.solve(primaries, _white(chromaticities))


def _white(chromaticities: tuple[float, ...]) -> NDArray[np.float64]:
    return _xyz(*chromaticities[6:])


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    """Return the colour of a luminance of 1."""
    return np.array([x / y, 1, (1 - x - y) / y])
