"""Labels measured from the appearance of faces, for attributes that the tables of pictures lack.

All lengths are fractions of the side of an FFHQ crop, in the frame of the mean face.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.mean_face import LANDMARKS, WINDOW, WINDOW_SIDE, cheeks, soft_polygon
from facevid.edits.attributes import attribute_of
from facevid.training.common.labels import LabelRule, Table, numbers_of, parse_rule

SMILE = "measured_smile"
"""Column that is measured if the table lacks it: width of the mouth and height of its corners, see `smiles`."""

BEARD = "measured_beard"
"""Column that is measured if the table lacks it: darkness of the beard region, see `beards`."""

LIP_RED = "measured_lip_red"
"""Column that is measured if the table lacks it: redness of the lips, see `lip_reds`."""

TABLE_RULES = tuple(map(parse_rule, ("Young=years:58:34", "male=male:0:1", "glasses=glasses:0:1")))
"""Default rules for the columns of a table."""

PERCENTILE_RULES = (
    ("Smiling", SMILE, 32, 68),
    ("No_Beard", BEARD, 90, 60),
    ("Wearing_Lipstick", LIP_RED, 50, 88),
)
"""Default rules for measured columns: attribute, column, and the percentiles of its thresholds for no and yes."""

MOUTH_CORNERS = [48, 54]
"""Landmarks of the left and the right outer corner of the mouth."""

INNER_UPPER_LIP = 62
"""Landmark in the middle of the lower edge of the upper lip."""

INNER_LOWER_LIP = 66
"""Landmark in the middle of the upper edge of the lower lip."""

BEARD_BOXES = (
    (0.42, 0.58, 0.83, 0.88),
    (0.44, 0.56, 0.675, 0.70),
    (0.36, 0.42, 0.76, 0.82),
    (0.58, 0.64, 0.76, 0.82),
)
"""Left, right, top and bottom of the regions where beards are darkest: the chin, above the lip, beside the mouth."""

LIP_EDGE = 0.002
"""Standard deviation of the blur of the lip mask's edge: avoids aliasing without including skin."""

FIRST_CONGRESS = 1789
"""Year in which the first US Congress met; each lasts two years."""


def with_years(path: Path, table: Table) -> Table:
    """Add a column `years`, the age, to a table of members of the US Congress.

    The age is estimated for the last congress of a member, as the date of the portrait is unknown. The table is
    returned unchanged if it already has `years`, or lacks `born` or `last_congress`.
    """
    if "years" in table or not {"born", "last_congress"} <= table.keys():
        return table
    born, congress = (numbers_of(path, table, column) for column in ("born", "last_congress"))
    return table | {"years": as_cells(FIRST_CONGRESS + 2 * (congress - 1) - born)}


def as_cells(numbers: NDArray[np.floating]) -> list[str]:
    """Convert numbers (N,) to cells of a table; NaN becomes an empty cell."""
    return ["" if np.isnan(number) else f"{number:.6f}" for number in numbers]


def smile_geometry(shapes: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the width of the mouth and the height of its corners in the frame of the mean face.

    Unlike the height above the middle of the lips, this height does not change when the mouth opens.

    Args:
        shapes: offsets of the landmarks from the mean face, (N, 84, 2).

    Returns:
        Width and height, float64 (N,) each; the height increases upwards.
    """
    points = shapes + LANDMARKS
    left, right = MOUTH_CORNERS
    width = points[:, right, 0] - points[:, left, 0]
    return width, -points[:, MOUTH_CORNERS, 1].mean(axis=1)


def smiles(shapes: NDArray[np.float32], reference: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Measure smiles: the mean of the standard scores of the width of the mouth and the height of its corners.

    Args:
        shapes: offsets of the landmarks from the mean face, (N, 84, 2).
        reference: bool (N,), faces that mean and standard deviation are computed from.

    Returns:
        float64 (N,).
    """
    scores = [(x - x[reference].mean()) / max(float(x[reference].std()), 1e-9) for x in smile_geometry(shapes)]
    return np.asarray(sum(scores) / len(scores))


def mouth_gaps(shapes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure the gap between the lips, (N,), from offsets of the landmarks from the mean face, (N, 84, 2)."""
    lower = shapes[:, INNER_LOWER_LIP, 1] + LANDMARKS[INNER_LOWER_LIP, 1]
    return np.asarray(lower - shapes[:, INNER_UPPER_LIP, 1] - LANDMARKS[INNER_UPPER_LIP, 1])


def beards(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure beards: CIE lightness of the cheeks minus that of the beard region.

    Args:
        colours: colour maps of faces, CIELAB, (N, S, S, 3).

    Returns:
        float64 (N,).
    """
    side = colours.shape[1]
    y, x = (np.mgrid[:side, :side] / side) * WINDOW_SIDE + np.array([WINDOW[2], WINDOW[0]])[:, None, None]
    region = sum((x > box[0]) & (x < box[1]) & (y > box[2]) & (y < box[3]) for box in BEARD_BOXES)
    return _weighted_mean(colours, cheeks(side), 0) - _weighted_mean(colours, np.asarray(region, np.float32), 0)


def lip_reds(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure the redness of lips: CIELAB a of the lips minus that of the cheeks.

    Args:
        colours: colour maps of faces, CIELAB, (N, S, S, 3).

    Returns:
        float64 (N,).
    """
    side = colours.shape[1]
    mouth, inner_mouth = (soft_polygon(LANDMARKS[part], LIP_EDGE, side) for part in (slice(48, 60), slice(60, 68)))
    return _weighted_mean(colours, mouth * (1 - inner_mouth), 1) - _weighted_mean(colours, cheeks(side), 1)


def percentile_rules(columns: dict[str, NDArray[np.float64]], reference: NDArray[np.bool_]) -> tuple[LabelRule, ...]:
    """Return the default rules for measured columns.

    Args:
        columns: values of each measured column, (N,).
        reference: bool (N,), faces that the percentiles are computed from.
    """
    return tuple(
        LabelRule(attribute_of(name), column, *(float(x) for x in np.percentile(columns[column][reference], [no, yes])))
        for name, column, no, yes in PERCENTILE_RULES
    )


def _weighted_mean(colours: NDArray[np.float32], weights: NDArray[np.float32], channel: int) -> NDArray[np.float64]:
    """Return the weighted mean of one channel of colour maps (N, S, S, 3), with weights (S, S): (N,)."""
    mean = np.einsum("nyx,yx->n", colours[..., channel], weights) / max(float(weights.sum()), 1e-9)
    return np.asarray(mean, np.float64)
