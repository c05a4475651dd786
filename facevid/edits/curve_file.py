"""Curves from CSV files: a frame number and a strength on each line."""

import csv
from fractions import Fraction
from pathlib import Path

from facevid.errors import InputError, UsageError, reason

CURVE_SUFFIX = ".csv"
"""File name suffix, in any case, that marks the value of `--attr` as a file."""


def read_curve(path: Path) -> tuple[tuple[Fraction, ...], tuple[str, ...]]:
    """Read the frame numbers and the strengths of a curve, one pair from each line; empty lines are skipped.

    The first line may have headings instead.

    Raises:
        InputError: the file cannot be read.
        UsageError: a line does not have two numbers, or there is none.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(map(str.strip, row))]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {reason(error).lower()}; check its name") from error
    if rows and not _is_number(rows[0][1][0]):
        rows = rows[1:]
    for number, row in rows:
        if len(row) != 2 or not all(map(_is_number, row)):
            raise UsageError(f"{path}, line {number}: write FRAME,VALUE with two numbers, such as 1001,0.5")
    if not rows:
        raise UsageError(f"{path} has no line FRAME,VALUE, such as 1001,0.5")
    return tuple(Fraction(row[0].strip()) for _, row in rows), tuple(row[1].strip() for _, row in rows)


def _is_number(text: str) -> bool:
    plain = text.strip().removeprefix("-").removeprefix("+")
    whole, _, decimals = plain.partition(".")
    return 0 < len(plain) < 20 and plain.isascii() and (whole + decimals).isdigit()
