"""Conversion of scene-linear RGB between colour primaries."""

import numpy as np
from numpy.typing import NDArray

BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""x and y of red, green, blue and white of ITU-R BT.709 (CIE 1931); the default of OpenEXR files."""

_TOLERANCE = 5e-4
"""Difference of chromaticities (CIE 1931 x, y) below which primaries are taken for BT.709's."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""Bradford matrix: XYZ to the cone responses in which white points are adapted."""


def bt709_matrix(chromaticities: tuple[float, ...]) -> NDArray[np.float32] | None:
    """Return the matrix from linear RGB with some primaries to linear BT.709 RGB.

    The white point is adapted with the Bradford method (ICC.1, annex E).

    Args:
        chromaticities: x and y of red, green, blue and white (CIE 1931).

    Returns:
        float32 (3, 3); None if the primaries are BT.709's, or degenerate.
    """
    if np.allclose(chromaticities, BT709, atol=_TOLERANCE):
        return None
    try:
        to_xyz = _rgb_to_xyz(chromaticities)
        gains = _BRADFORD @ _white(BT709) / (_BRADFORD @ _white(chromaticities))
        matrix = np.linalg.inv(_rgb_to_xyz(BT709)) @ np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ to_xyz
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    return matrix.astype(np.float32) if np.isfinite(matrix).all() else None


def _rgb_to_xyz(chromaticities: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the matrix (3, 3) from linear RGB to XYZ."""
    primaries = np.stack([_xyz(*chromaticities[i : i + 2]) for i in (0, 2, 4)], axis=1)
    return primaries * np.linalg.solve(primaries, _white(chromaticities))


def _white(chromaticities: tuple[float, ...]) -> NDArray[np.float64]:
    return _xyz(*chromaticities[6:])


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    """Return XYZ of a chromaticity at luminance Y = 1."""
    return np.array([x / y, 1, (1 - x - y) / y])
