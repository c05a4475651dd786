"""`facevid inspect`, from the command line."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid

FILES = ["notes.txt", "overlay.mp4", "report.html", "sheet.png", "tracks.json"]


@pytest.fixture
def grey_clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "grey.mp4", [np.full((64, 96, 3), 90, dtype=np.uint8)] * 3, sound=False)


@pytest.fixture
def sequence(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return frames 1001 to 1012: the portrait for 8 frames, its face covered in the fifth, then grey for 4."""
    pictures = [camera_move(portrait, index, (320, 240)) for index in range(8)]
    pictures[4][80:170, 100:220] = pictures[4][80:170, 100:220].mean(axis=(0, 1)).astype(np.uint8)
    for number, picture in enumerate([*pictures, *[np.full((240, 320, 3), 200, dtype=np.uint8)] * 4], 1001):
        cv2.imwrite(str(tmp_path / f"shot.{number}.png"), picture[..., ::-1])
    return tmp_path / "shot.####.png"


def file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_table_shows_every_track_and_where_the_files_are(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcome = run_facevid("inspect", portrait_clip, "--out", out, "--detector", "bundled")
    assert outcome.code == 0
    head, row = outcome.out.splitlines()[:2]
    assert head.split() == ["person", "frames", "detected", "face", "longest", "gap", "edited", "by", "default"]
    assert row.split()[:4] == ["0", "10:", "0-9", "100%"]
    assert row.split()[-1] == "yes"
    assert "10: 0 without a face" in outcome.out
    assert all(str(out / name) in outcome.out for name in FILES)
    assert file_names(out) == FILES


def test_json_output(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("inspect", portrait_clip, "--out", tmp_path / "out", "--detector", "bundled", "--json")
    assert outcome.code == 0
    summary = json.loads(outcome.out)
    assert (summary["schema_version"], summary["frames"], summary["faceless"], summary["cuts"]) == (1, 10, 0, [])
    (track,) = summary["tracks"]
    assert (track["number"], track["first"], track["last"], track["frames"]) == (0, 0, 9, 10)
    assert (track["detected"], track["longest_gap"], track["edited"]) == (10, 0, True)
    assert track["size"] > 50
    assert summary["report"] == str(tmp_path / "out" / "report.html")
    assert summary["tracks_file"] == str(tmp_path / "out" / "tracks.json")


def test_quiet_prints_nothing(run_facevid: RunFacevid, grey_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "bundled", "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert file_names(tmp_path / "out") == FILES


def test_a_clip_without_faces_is_not_an_error(run_facevid: RunFacevid, grey_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "bundled")
    assert outcome.code == 0
    assert outcome.out.startswith("no face found")
    assert file_names(tmp_path / "out") == FILES


def test_problems_are_listed_as_text_and_as_json(run_facevid: RunFacevid, grey_clip: Path, tmp_path: Path) -> None:
    arguments = ("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "bundled")
    assert run_facevid(*arguments).out.splitlines()[-1].startswith("problems  frames 0-2: ")
    (problem,) = json.loads(run_facevid(*arguments, "-y", "--json").out)["problems"]
    assert problem.pop("text")
    assert problem == {"kind": "faceless", "first": 0, "last": 2, "number": None, "edited": True}


def test_texts_use_the_frame_numbers_of_a_sequence(run_facevid: RunFacevid, sequence: Path, tmp_path: Path) -> None:
    outcome = run_facevid("inspect", sequence, "--out", tmp_path / "out", "--detector", "bundled")
    assert outcome.code == 0
    assert outcome.out.splitlines()[1].split()[:3] == ["0", "8:", "1001-1008"]
    assert "1: before frame 1009" in outcome.out
    assert "frames 1009-1012: " in outcome.out
    assert "frame 1005, person 0: " in outcome.out
    page = (tmp_path / "out" / "report.html").read_text()
    assert "12 frames, 1001-1012<" in page
    for text in ("<span>frames 1009-1012</span>", "<span>frame 1005</span>", "<span>frames 1001-1008</span>"):
        assert text in page
    for title in ("person 0: frames 1001-1008", "[^<]*frame 1009", "[^<]*frames 1009-1012"):
        assert re.search(f"<title>{title}", page)
    assert re.search(r"<title>shot 1[^<]*frame 1009, 00:00:00:08[^<]*frame 1012, 00:00:00:11</title>", page)
    hovers = re.findall(r'class="hover"[^>]*><title>(frame \d+), 00:00:00:(\d\d)\n', page)
    assert hovers == [(f"frame {1001 + index}", f"{index:02}") for index in range(8)]
    assert set(re.findall(r'class="number"[^>]*>(\d+)<', page)) == {str(number) for number in range(1001, 1013)}


def test_json_uses_the_frame_numbers_of_a_sequence(run_facevid: RunFacevid, sequence: Path, tmp_path: Path) -> None:
    outcome = run_facevid("inspect", sequence, "--out", tmp_path / "out", "--detector", "bundled", "--json")
    summary = json.loads(outcome.out)
    assert summary["cuts"] == [1009]
    assert [(track["first"], track["last"], track["frames"]) for track in summary["tracks"]] == [(1001, 1008, 8)]
    problems = [
        (problem["kind"], problem["first"], problem["last"], problem["number"]) for problem in summary["problems"]
    ]
    assert [problem for problem in problems if problem[0] != "jitter"] == [
        ("faceless", 1009, 1012, None),
        ("bridged", 1005, 1005, 0),
        ("cut", 1009, 1009, None),
    ]
    saved = json.loads((tmp_path / "out" / "tracks.json").read_text())
    assert (saved["schema_version"], saved["cuts"], saved["frame_count"]) == (3, [1009], 12)
    (track,) = saved["tracks"]
    assert (track["first"], track["last"]) == (1001, 1008)
    assert [(frame["frame"], frame["pts"]) for frame in track["frames"]] == [(1001 + at, at) for at in range(8)]


def test_existing_results_need_overwrite(run_facevid: RunFacevid, grey_clip: Path, tmp_path: Path) -> None:
    arguments = ("inspect", grey_clip, "--out", tmp_path / "out", "--detector", "bundled", "-q")
    assert run_facevid(*arguments).code == 0
    refused = run_facevid(*arguments)
    assert refused.code == 6
    assert "--overwrite" in refused.err
    assert run_facevid(*arguments, "-y").code == 0


def test_a_missing_source_is_named(run_facevid: RunFacevid, tmp_path: Path) -> None:
    missing = run_facevid("inspect", tmp_path / "missing.mp4", "--out", tmp_path / "out")
    assert missing.code == 3
    assert "missing.mp4" in missing.err
    assert not (tmp_path / "out").exists()
