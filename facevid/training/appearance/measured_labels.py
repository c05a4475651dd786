"""Labels that are measured in a face's appearance, for pictures whose tables say nothing of them.

All lengths are shares of an FFHQ crop's side, in the frame of the mean face.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.mean_face import LANDMARKS, WINDOW, WINDOW_SIDE, cheeks, soft_polygon
from facevid.edits.attributes import attribute_of
from facevid.training.common.labels import LabelRule, Table, numbers_of, parse_rule

SMILE, BEARD, LIP_RED = "measured_smile", "measured_beard", "measured_lip_red"
"""Columns that need not be in a table: they are measured."""

TABLE_RULES = tuple(map(parse_rule, ("Young=years:58:34", "male=male:0:1", "glasses=glasses:0:1")))
"""The rules for columns of a table, where none are given."""

PERCENTILES = (
    ("Smiling", SMILE, 32, 68),
    ("No_Beard", BEARD, 90, 60),
    ("Wearing_Lipstick", LIP_RED, 50, 88),
)
"""Attribute, measured column, and the percentiles over the fitted faces from which on it says no, and yes."""

MOUTH_CORNERS = [48, 54]
MOUTH_MIDDLE = [51, 57, 62, 66]
"""Landmarks of the middle of the lips' outlines: a smile lifts the corners above them."""

BEARD_BOXES = (
    (0.42, 0.58, 0.83, 0.88),
    (0.44, 0.56, 0.675, 0.70),
    (0.36, 0.42, 0.76, 0.82),
    (0.58, 0.64, 0.76, 0.82),
)
"""Left, right, top and bottom of where beards are darkest: the chin, above the lip, beside the mouth."""

LIP_EDGE = 0.002
"""Standard deviation of the lips' edge: soft enough not to alias, too narrow to mix in skin."""


def with_years(path: Path, table: Table) -> Table:
    """Add the column `years` to a table of members of the US Congress that has `born` and `last_congress`.

    A congress lasts two years, and the first one met in 1789; a portrait is taken to be of the last one.
    """
    if "years" in table or not {"born", "last_congress"} <= table.keys():
        return table
    born, congress = (numbers_of(path, table, column) for column in ("born", "last_congress"))
    return table | {"years": as_cells(1789 + 2 * (congress - 1) - born)}


def as_cells(numbers: NDArray[np.floating]) -> list[str]:
    """Write numbers (N,) as cells of a table, empty where NaN."""
    return ["" if np.isnan(number) else f"{number:.6f}" for number in numbers]


def smile_geometry(shapes: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the mouth's width and the lift of its corners, (N,) each, of shapes (N, 68, 2)."""
    points = shapes + LANDMARKS
    left, right = MOUTH_CORNERS
    width = points[:, right, 0] - points[:, left, 0]
    lift = points[:, MOUTH_MIDDLE, 1].mean(axis=1) - points[:, MOUTH_CORNERS, 1].mean(axis=1)
    return width, lift


def smiles(shapes: NDArray[np.float32], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Measure smiles (N,): the mean of the standard scores of width and lift, by the faces marked in `among` (N,)."""
    scores = [(x - x[among].mean()) / max(float(x[among].std()), 1e-9) for x in smile_geometry(shapes)]
    return np.asarray(sum(scores) / len(scores))


def gaps(shapes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure the gaps between the lips, (N,), of shapes (N, 68, 2)."""
    return np.asarray(shapes[:, 66, 1] + LANDMARKS[66, 1] - shapes[:, 62, 1] - LANDMARKS[62, 1])


def beards(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure how much darker than the cheeks the places of a beard are, in CIE lightness: (N,)."""
    side = colours.shape[1]
    y, x = (np.mgrid[:side, :side] / side) * WINDOW_SIDE + np.array([WINDOW[2], WINDOW[0]])[:, None, None]
    places = sum((x > box[0]) & (x < box[1]) & (y > box[2]) & (y < box[3]) for box in BEARD_BOXES)
    return _mean(colours, cheeks(side), 0) - _mean(colours, np.asarray(places, np.float32), 0)


def lip_reds(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure how much redder than the cheeks the lips are, in CIELAB's a: (N,)."""
    side = colours.shape[1]
    mouth, between = (soft_polygon(LANDMARKS[part], LIP_EDGE, side) for part in (slice(48, 60), slice(60, 68)))
    return _mean(colours, mouth * (1 - between), 1) - _mean(colours, cheeks(side), 1)


def percentile_rules(columns: dict[str, NDArray[np.float64]], among: NDArray[np.bool_]) -> tuple[LabelRule, ...]:
    """Make the rules for measured columns from their percentiles over the faces marked in `among` (N,)."""
    return tuple(
        LabelRule(attribute_of(name), column, *(float(x) for x in np.percentile(columns[column][among], [no, yes])))
        for name, column, no, yes in PERCENTILES
    )


def _mean(colours: NDArray[np.float32], weights: NDArray[np.float32], channel: int) -> NDArray[np.float64]:
    mean = np.einsum("nyx,yx->n", colours[..., channel], weights) / max(float(weights.sum()), 1e-9)
    return np.asarray(mean, np.float64)
