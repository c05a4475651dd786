"""`facevid inspect`, from the command line."""

import json

import numpy as np
import pytest

from tests.clips import write_clip

FILES = ["overlay.mp4", "report.html", "sheet.png", "tracks.json"]


@pytest.fixture
def grey_clip(tmp_path):
    return write_clip(tmp_path / "grey.mp4", [np.full((64, 96, 3), 90, dtype=np.uint8)] * 3, sound=False)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_table_shows_every_track_and_where_the_files_are(run_facevid, portrait_clip, tmp_path):
    out = tmp_path / "out"
    told = run_facevid("inspect", portrait_clip, "--out", out, "--detector", "dlib")
    assert told.code == 0
    head, row = told.out.splitlines()[:2]
    assert head.split() == ["person", "frames", "detected", "face", "longest", "gap", "edited", "by", "default"]
    assert row.split()[:4] == ["0", "10:", "0-9", "100%"]
    assert row.split()[-1] == "yes"
    assert "10: 0 without a face" in told.out
    assert all(str(out / name) in told.out for name in FILES)
    assert names(out) == FILES


def test_json_is_all_there_is_on_stdout(run_facevid, portrait_clip, tmp_path):
    told = run_facevid("inspect", portrait_clip, "--out", tmp_path / "out", "--detector", "dlib", "--json")
    assert told.code == 0
    summary = json.loads(told.out)
    assert (summary["frames"], summary["faceless"], summary["cuts"]) == (10, 0, [])
    (track,) = summary["tracks"]
    assert (track["number"], track["first"], track["last"], track["frames"]) == (0, 0, 9, 10)
    assert (track["detected"], track["longest_gap"], track["edited"]) == (10, 0, True)
    assert track["size"] > 50
    assert summary["report"] == str(tmp_path / "out" / "report.html")
    assert summary["tracks_file"] == str(tmp_path / "out" / "tracks.json")


def test_quiet_prints_nothing(run_facevid, grey_clip, tmp_path):
    told = run_facevid("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "dlib", "-q")
    assert (told.code, told.out, told.err) == (0, "", "")
    assert names(tmp_path / "out") == FILES


def test_no_face_is_said_and_is_no_error(run_facevid, grey_clip, tmp_path):
    told = run_facevid("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "dlib")
    assert told.code == 0
    assert told.out.startswith("no face found")
    assert names(tmp_path / "out") == FILES


def test_problems_are_told_in_words_and_to_scripts(run_facevid, grey_clip, tmp_path):
    asked = ("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "dlib")
    assert run_facevid(*asked).out.splitlines()[-1] == "look at   frames 0-2: no face found"
    assert json.loads(run_facevid(*asked, "-y", "--json").out)["problems"] == [
        {"kind": "faceless", "first": 0, "last": 2, "track": None, "edited": True, "text": "no face found"}
    ]


def test_existing_results_need_overwrite(run_facevid, grey_clip, tmp_path):
    asked = ("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "dlib", "-q")
    assert run_facevid(*asked).code == 0
    refused = run_facevid(*asked)
    assert refused.code == 6
    assert "exists already" in refused.err
    assert run_facevid(*asked, "-y").code == 0


def test_what_cannot_be_read_is_named(run_facevid, tmp_path):
    missing = run_facevid("inspect", tmp_path / "missing.mp4", "--out", tmp_path / "out")
    assert missing.code == 3
    assert "missing.mp4" in missing.err
    assert not (tmp_path / "out").exists()
