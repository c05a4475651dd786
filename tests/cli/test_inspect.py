"""`facevid inspect`, from the command line."""

import json
import re

import cv2
import numpy as np
import pytest

from tests.clips import camera_move, write_clip

FILES = ["overlay.mp4", "report.html", "sheet.png", "tracks.json"]


@pytest.fixture
def grey_clip(tmp_path):
    return write_clip(tmp_path / "grey.mp4", [np.full((64, 96, 3), 90, dtype=np.uint8)] * 3, sound=False)


@pytest.fixture
def sequence(portrait, tmp_path):
    """Return frames 1001 to 1012: the portrait for 8 frames, its face hidden in the fifth, then grey for 4."""
    shown = [camera_move(portrait, index, (320, 240)) for index in range(8)]
    shown[4][80:170, 100:220] = shown[4][80:170, 100:220].mean(axis=(0, 1)).astype(np.uint8)
    for number, picture in enumerate([*shown, *[np.full((240, 320, 3), 200, dtype=np.uint8)] * 4], 1001):
        cv2.imwrite(str(tmp_path / f"shot.{number}.png"), picture[..., ::-1])
    return tmp_path / "shot.####.png"


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
    assert (summary["schema_version"], summary["frames"], summary["faceless"], summary["cuts"]) == (1, 10, 0, [])
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
        {"kind": "faceless", "first": 0, "last": 2, "number": None, "edited": True, "text": "no face found"}
    ]


def test_frames_of_a_sequence_have_its_numbers_for_people(run_facevid, sequence, tmp_path):
    told = run_facevid("inspect", sequence, "--out", tmp_path / "out", "--detector", "dlib")
    assert told.code == 0
    assert told.out.splitlines()[1].split()[:3] == ["0", "8:", "1001-1008"]
    assert "1: before frame 1009" in told.out
    assert "frames 1009-1012: no face found" in told.out
    assert "frame 1005, person 0: missed by the detector, bridged" in told.out
    page = (tmp_path / "out" / "report.html").read_text()
    assert "12 frames, 1001-1012<" in page
    for text in ("<span>frames 1009-1012</span>", "<span>frame 1005</span>", "<span>frames 1001-1008</span>"):
        assert text in page
    for title in ("person 0: frames 1001-1008, edited by default", "cut: frame 1009", "no face: frames 1009-1012"):
        assert f"<title>{title}" in page
    assert "<title>shot 1, from frame 1009, 00:00:00:08\nto frame 1012, 00:00:00:11</title>" in page
    hovers = re.findall(r'class="hover"[^>]*><title>(frame \d+), 00:00:00:(\d\d)\n', page)
    assert hovers == [(f"frame {1001 + index}", f"{index:02}") for index in range(8)]
    assert set(re.findall(r'class="number"[^>]*>(\d+)<', page)) == {str(number) for number in range(1001, 1013)}


def test_frames_of_a_sequence_have_its_numbers_for_scripts(run_facevid, sequence, tmp_path):
    told = run_facevid("inspect", sequence, "--out", tmp_path / "out", "--detector", "dlib", "--json")
    summary = json.loads(told.out)
    assert summary["cuts"] == [1009]
    assert [(each["first"], each["last"], each["frames"]) for each in summary["tracks"]] == [(1001, 1008, 8)]
    problems = [(each["kind"], each["first"], each["last"], each["number"]) for each in summary["problems"]]
    assert [each for each in problems if each[0] != "jitter"] == [
        ("faceless", 1009, 1012, None),
        ("bridged", 1005, 1005, 0),
        ("cut", 1009, 1009, None),
    ]
    saved = json.loads((tmp_path / "out" / "tracks.json").read_text())
    assert (saved["schema_version"], saved["cuts"], saved["frame_count"]) == (3, [1009], 12)
    (track,) = saved["tracks"]
    assert (track["first"], track["last"]) == (1001, 1008)
    assert [(frame["frame"], frame["pts"]) for frame in track["frames"]] == [(1001 + at, at) for at in range(8)]


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
