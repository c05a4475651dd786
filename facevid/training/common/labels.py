"""Label columns of a table, turned into CelebA's attributes: yes, no, or unknown."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.edits.attributes import CELEBA, Attribute, attribute_of
from facevid.errors import InputError, UsageError, reason

UNKNOWN, NO, YES = -1, 0, 1
Table = dict[str, list[str]]
"""A CSV file: the cells of each column, as text."""

MOUTH_GAP = "mouth_gap"
"""A column that need not be in the table: it is measured from the landmarks where a rule asks for it."""
HAS_LABELS = "has_labels"
"""A column that may be in the table: 0 marks a row whose other cells say nothing."""


@dataclass(frozen=True)
class LabelRule:
    """How a column says whether a face has an attribute.

    Cells from `no` on, away from `yes`, say no; cells from `yes` on, away from `no`, say yes; those between, and
    empty ones, leave it unknown. `no` may be the larger: young is no from 40 years on, and yes from 28 down.
    """

    attribute: Attribute
    column: str
    no: float
    yes: float

    def apply(self, cells: NDArray[np.floating]) -> NDArray[np.int8]:
        """Turn cells (N,), NaN where empty, into labels (N,): YES, NO or UNKNOWN of CelebA's attribute."""
        rising = 1 if self.yes > self.no else -1
        labels = np.full(len(cells), UNKNOWN, np.int8)
        labels[cells * rising <= self.no * rising] = NO if self.attribute.sign > 0 else YES
        labels[cells * rising >= self.yes * rising] = YES if self.attribute.sign > 0 else NO
        return labels


def parse_rule(text: str) -> LabelRule:
    """Read `NAME=COLUMN:NO:YES`, for example `smile=smile:0.3:0.7` or `Young=age:40:28`.

    Raises:
        UsageError: it is of another form, no attribute of CelebA, or its two numbers are equal.
    """
    number = r"(-?\d{1,12}(?:\.\d{1,12})?)"
    match = re.fullmatch(rf"([^=]+)=([^:]+):{number}:{number}", text.strip())
    if match is None:
        raise UsageError(f'--label "{text}": write NAME=COLUMN:NO:YES, for example smile=smile:0.3:0.7')
    attribute = attribute_of(match[1])
    if attribute.index is None:
        raise UsageError(f'--label "{text}": "{match[1]}" is none of CelebA\'s attributes; `smile` or `Smiling` is')
    rule = LabelRule(attribute, match[2].strip(), float(match[3]), float(match[4]))
    if rule.no == rule.yes:
        raise UsageError(f'--label "{text}": NO and YES are equal; cells between them are unknown')
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
"""The rules for the columns of FFHQ's machine-made labels; those whose column is absent are left out."""


def read_table(path: Path) -> Table:
    """Read a CSV file with a header.

    Raises:
        InputError: it cannot be read, has no rows, or rows of other lengths than its header.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({reason(error)}); give a table with a header") from error
    if not header or not rows:
        raise InputError(f"{path}: an empty table; give a header and a row for each picture")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{path}: line {number} has {len(row)} cells, the header {len(header)}; mend the table")
    return {name.strip(): list(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}


def labels_of(path: Path, table: Table, rules: Sequence[LabelRule]) -> NDArray[np.int8]:
    """Label every row of `table`, which was read from `path`: int8 (N, 40), UNKNOWN where no rule speaks.

    Raises:
        InputError: a column is missing, or a cell is no number.
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
    """Read a column as numbers, NaN where a cell is empty. Raises InputError where it is missing or no number."""
    if column not in table:
        raise InputError(f"{path}: has no column {column}; it has {', '.join(table)}")
    try:
        return np.array([float(cell) if cell.strip() else np.nan for cell in table[column]])
    except ValueError as error:
        raise InputError(f"{path}: column {column} holds no plain numbers ({error}); mend the table") from error
