"""Label rules and tables."""

from pathlib import Path

import numpy as np
import pytest

from facevid.edits.attributes import CELEBA
from facevid.errors import InputError, UsageError
from facevid.training.common.labels import labels_of, numbers_of, parse_rule, read_table


def test_rules_with_rising_and_falling_thresholds() -> None:
    assert parse_rule("smile=happy:0.3:0.7").apply(np.array([0, 0.3, 0.5, 0.7, np.nan])).tolist() == [0, 0, -1, 1, -1]
    assert parse_rule("Young=years:40:28").apply(np.array([60, 40, 30, 28, 5])).tolist() == [0, 0, -1, 1, 1]
    # `age` is the opposite of CelebA's Young; the labels are those of Young
    assert parse_rule("age=years:28:40").apply(np.array([60, 40, 30, 28, 5])).tolist() == [0, 0, -1, 1, 1]


@pytest.mark.parametrize("text", ["smile", "smile=happy", "smile=happy:1:1", "wings=column:0:1", "smile=happy:a:b"])
def test_invalid_rules_are_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="--label"):
        parse_rule(text)


def test_labels_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("file,happy,glasses,has_labels\na.png,0.9,1,1\nb.png,,0,1\nc.png,0.9,1,0\n")
    labels = labels_of(path, read_table(path), [parse_rule("smile=happy:0.3:0.7"), parse_rule("glasses=glasses:0:1")])
    assert labels[:, CELEBA.index("Smiling")].tolist() == [1, -1, -1]
    assert labels[:, CELEBA.index("Eyeglasses")].tolist() == [1, 0, -1]
    assert (labels == -1).sum() == 3 * 40 - 3


def test_invalid_tables_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with pytest.raises(InputError, match=r"labels\.csv"):
        read_table(path)
    path.write_text("file,happy\n")
    with pytest.raises(InputError, match=r"labels\.csv"):
        read_table(path)
    path.write_text("file,happy\na.png\n")
    with pytest.raises(InputError, match=r"labels\.csv: line 2 .* 1 .* 2"):
        read_table(path)
    path.write_text("file,happy\na.png,much\n")
    with pytest.raises(InputError, match=r"labels\.csv: .* happy .*'much'"):
        numbers_of(path, read_table(path), "happy")
    with pytest.raises(InputError, match=r"labels\.csv: .* sad.* file, happy"):
        numbers_of(path, read_table(path), "sad")
