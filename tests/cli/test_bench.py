"""`facevid bench`, from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.models.files import save_psp, save_transformer

Run = Callable[..., Outcome]


def test_json(run_facevid: Run, portrait_clip: Path, tmp_path: Path) -> None:
    files = (save_psp(tmp_path), save_transformer(tmp_path))
    assert run_facevid("models", "import", *files, "--name", "tiny").code == 0
    outcome = run_facevid(
        "bench", portrait_clip, "--model", "tiny", "--device", "cpu", "--precision", "bfloat16", "--json"
    )
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert (told["source"], told["model"], told["precision"]) == (str(portrait_clip), "tiny", "bfloat16")
    assert "composite" in [stage["stage"] for stage in told["stages"]]
    assert sum(stage["share"] for stage in told["stages"]) == pytest.approx(1)
    assert all(stage["milliseconds"] > 0 and stage["per_second"] > 0 for stage in told["stages"])
    assert told["loading"]["ratio"] > 0
    assert told["full_size"] is None


def test_table(run_facevid: Run) -> None:
    outcome = run_facevid("bench", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    rows = [line.split() for line in outcome.out.splitlines()]
    assert [row[0] for row in rows[1:7]] == ["decode", "colour", "encode", "edit", "generate", "write"]
    assert "matrix product" in outcome.out
    assert "cold disk" in outcome.out


def test_a_missing_clip(run_facevid: Run, tmp_path: Path) -> None:
    outcome = run_facevid("bench", tmp_path / "none.mp4")
    assert outcome.code == 3
    assert "none.mp4 does not exist" in outcome.err
