"""Labels from the columns of a table: CelebA's attributes as yes, no or unknown."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.edits.attributes import CELEBA, Attribute, attribute_of
from facevid.errors import InputError, UsageError, reason

UNKNOWN = -1
"""Label of a face for which an attribute is not known; it is not used in training."""

NO = 0
"""Label of a face without an attribute; also the row of the negative class in class weights."""

YES = 1
"""Label of a face with an attribute; also the row of the positive class in class weights."""

HELD_OUT_EVERY = 20
"""Rows 19, 39, 59, ... of a table are excluded from all training: evaluation uses them."""

Table = dict[str, list[str]]
"""Content of a CSV file: the cells of each column, as text."""

MOUTH_GAP = "mouth_gap"
"""Optional column; if a rule uses it and the table lacks it, it is measured from the landmarks."""

HAS_LABELS = "has_labels"
"""Optional column; 0 marks a row without labels, for which all attributes are unknown."""


@dataclass(frozen=True)
class LabelRule:
    """Converts the numbers of a column to labels of an attribute by two thresholds.

    If `no` < `yes`, a number up to `no` means no and a number from `yes` on means yes. If `no` > `yes`, a number from
    `no` on means no and a number up to `yes` means yes; for example, Young with `no` 40 and `yes` 28 years. Numbers
    between the thresholds and empty cells mean unknown.

    Attributes:
        attribute: the attribute, by its everyday name or CelebA's.
        column: name of the column.
        no: threshold of the negative class.
        yes: threshold of the positive class.
    """

    attribute: Attribute
    column: str
    no: float
    yes: float

    def apply(self, cells: NDArray[np.floating]) -> NDArray[np.int8]:
        """Convert numbers (N,), NaN for empty cells, to labels of CelebA's attribute, int8 (N,)."""
        sign = 1 if self.yes > self.no else -1
        labels = np.full(len(cells), UNKNOWN, np.int8)
        labels[cells * sign <= self.no * sign] = NO if self.attribute.sign > 0 else YES
        labels[cells * sign >= self.yes * sign] = YES if self.attribute.sign > 0 else NO
        return labels


def parse_rule(text: str) -> LabelRule:
    """Parse `NAME=COLUMN:NO:YES`, for example `smile=smile:0.3:0.7` or `Young=age:40:28`.

    Raises:
        UsageError: the form is wrong, NAME is not an attribute of CelebA, or NO equals YES.
    """
    number = r"(-?\d{1,12}(?:\.\d{1,12})?)"
    match = re.fullmatch(rf"([^=]+)=([^:]+):{number}:{number}", text.strip())
    if match is None:
        raise UsageError(f'--label "{text}": write NAME=COLUMN:NO:YES, for example smile=smile:0.3:0.7')
    attribute = attribute_of(match[1])
    if attribute.index is None:
        raise UsageError(
            f'--label "{text}": "{match[1]}" is not an attribute of CelebA; `smile` or `Smiling` are, for example'
        )
    rule = LabelRule(attribute, match[2].strip(), float(match[3]), float(match[4]))
    if rule.no == rule.yes:
        raise UsageError(f'--label "{text}": NO and YES are equal; write two different numbers')
    return rule


DEFAULT_RULES = tuple(
    map(
        parse_rule,
        (
            "smile=smile:0.3:0.7",
            "Young=age:40:28",
            "male=male:0:1",
            "glasses=glasses:0:1",
            "beard=beard:0.1:0.4",
            "mustache=moustache:0.1:0.4",
            "bald=bald:0.3:0.7",
            "blond=hair_blond:0.4:0.95",
            "black-hair=hair_black:0.3:0.95",
            "gray-hair=hair_gray:0.4:0.85",
            "lipstick=lip_makeup:0:1",
            "makeup=eye_makeup:0:1",
            f"mouth-open={MOUTH_GAP}:0.05:0.15",
        ),
    )
)
"""Rules for the columns of FFHQ's machine-made labels. Rules whose column is missing are skipped."""


def read_table(path: Path) -> Table:
    """Read a CSV file with a header.

    Raises:
        InputError: the file cannot be read, has no rows, or has a row of another length than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({reason(error)}); provide a table with a header") from error
    if not header or not rows:
        raise InputError(f"{path}: the table is empty; write a header and one row per picture")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(
                f"{path}: line {number} has {len(row)} cells, but the header has {len(header)}; correct the table"
            )
    return {name.strip(): list(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}


def held_out_rows(count: int) -> NDArray[np.bool_]:
    """Return which rows of a table of `count` rows are held out, bool (N,)."""
    held_out: NDArray[np.bool_] = np.arange(count) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    return held_out


def labels_of(path: Path, table: Table, rules: Sequence[LabelRule]) -> NDArray[np.int8]:
    """Label every row of a table.

    Args:
        path: file of the table, for error messages.
        table: the table.
        rules: one rule for each attribute to label.

    Returns:
        int8 (N, 40), CelebA's attributes; UNKNOWN for attributes without a rule.

    Raises:
        InputError: a column is missing, or a cell is not a number.
    """
    count = len(next(iter(table.values())))
    labels = np.full((count, len(CELEBA)), UNKNOWN, np.int8)
    for rule in rules:
        assert rule.attribute.index is not None
        labels[:, rule.attribute.index] = rule.apply(numbers_of(path, table, rule.column))
    if HAS_LABELS in table:
        labels[numbers_of(path, table, HAS_LABELS) == 0] = UNKNOWN
    return labels


def numbers_of(path: Path, table: Mapping[str, Sequence[str]], column: str) -> NDArray[np.float64]:
    """Convert a column to numbers, float64 (N,), NaN for empty cells.

    Raises:
        InputError: the column is missing, or a cell is not a number.
    """
    if column not in table:
        raise InputError(f"{path}: has no column {column}; its columns are: {', '.join(table)}")
    try:
        return np.array([float(cell) if cell.strip() else np.nan for cell in table[column]])
    except ValueError as error:
        raise InputError(
            f"{path}: column {column} contains a cell that is not a number ({error}); correct the table"
        ) from error
