"""`facevid bench`, from the command line."""

import json
from pathlib import Path

import pytest

from tests.conftest import RunFacevid
from tests.models.files import save_psp, save_transformer


@pytest.mark.slow
def test_json(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    files = (save_psp(tmp_path), save_transformer(tmp_path))
    assert run_facevid("models", "import", *files, "--name", "tiny").code == 0
    outcome = run_facevid(
        "bench", portrait_clip, "--model", "tiny", "--device", "cpu", "--precision", "bfloat16", "--json"
    )
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert (result["source"], result["model"], result["precision"]) == (str(portrait_clip), "tiny", "bfloat16")
    assert "composite" in [stage["stage"] for stage in result["stages"]]
    assert sum(stage["share"] for stage in result["stages"]) == pytest.approx(1)
    assert all(stage["milliseconds"] > 0 and stage["per_second"] > 0 for stage in result["stages"])
    assert result["loading"]["ratio"] > 0
    assert result["full_size"] is None


def test_table(run_facevid: RunFacevid) -> None:
    outcome = run_facevid("bench", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    rows = [line.split() for line in outcome.out.splitlines()]
    assert [row[0] for row in rows[1:7]] == ["decode", "colour", "encode", "occlusion", "edit", "changes"]


def test_a_missing_clip(run_facevid: RunFacevid, tmp_path: Path) -> None:
    outcome = run_facevid("bench", tmp_path / "none.mp4")
    assert outcome.code == 3
    assert "none.mp4" in outcome.err
