"""`facevid edit` as a person meets it: what it says, and how it ends when something is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from facevid.video import open_clip
from tests.clips import write_clip

SMILE = ("--attr", "smile=1", "--device", "cpu")


def test_a_summary_at_the_end(run_facevid, portrait_clip, tmp_path):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE)
    assert ended.code == 0
    assert "10: 10 edited, 0 passed through" in ended.out
    assert "dlib" in ended.out
    assert str(tmp_path / "out.mp4") in ended.out
    assert "edit: 10/10 frames" in ended.err


def test_json_and_quiet(run_facevid, portrait_clip, tmp_path):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--json", "-q")
    told = json.loads(ended.out)
    assert (told["frames"], told["edited"], told["passed_through"]) == (10, 10, 0)
    assert set(told["seconds"]) == {"track", "identify", "encode", "occlusion", "edit"}
    assert ended.err == ""


@pytest.mark.parametrize(
    ("attr", "says"),
    [("smlie=1", 'did you mean "smile"'), ("smile=9", "between -3 and 3"), ("smile", "NAME=VALUE")],
)
def test_a_misspelt_attribute(run_facevid, portrait_clip, tmp_path, attr, says):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--attr", attr)
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_no_attribute_at_all(run_facevid, portrait_clip, tmp_path):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4")
    assert (ended.code, "--attr smile=+1" in ended.err) == (2, True)


def test_an_edit_file_stands_in_place_of_attributes_and_faces(run_facevid, portrait_clip, tmp_path):
    shot = tmp_path / "shot.toml"
    shot.write_text('[[face]]\nface = 0\nframes = "0-3"\nattr = ["smile=1"]\n')
    for others in (SMILE, ("--face", "all")):
        ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--edits", shot, *others)
        assert (ended.code, "leave out --attr and --face" in ended.err) == (2, True)
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--edits", shot, "--device", "cpu")
    assert ended.code == 0
    assert "10: 4 edited, 6 passed through" in ended.out


RATE = "no number of frames a second"


@pytest.mark.parametrize(
    ("rate", "says"),
    [("25", "has times of its own"), ("24000/1001", "has times of its own")]
    + [
        (rate, RATE)
        for rate in (
            "0",
            "1e-999999999",
            "1e999999999",
            "1/0",
            "nan",
            "1001",
            "-1",
            "9" * 5000,
            f"1/{'0' * 5000}1",
            "25fps",
        )
    ],
)
def test_a_rate_that_cannot_be(run_facevid, portrait_clip, tmp_path, rate, says):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--rate", rate)
    assert (ended.code, says in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--smooth", ["nan", "inf", "-1"]),
        ("--crf", ["nan", "-1"]),
        ("--batch-size", ["0", "9" * 21]),
        ("--start-number", ["-1", "9" * 21]),
        ("--frames", ["9" * 5000, "1-" + "9" * 21]),
        ("--face", ["9" * 5000, "x" * 5000]),
        ("--attr", [f"smile=1@{'9' * 400}", f"smile=1@0.{'9' * 5000}s", f"smile={'9' * 5000}", "smile=nan"]),
        ("--compare", ["x" * 5000, "a/" * 4000]),
    ],
)
def test_numbers_and_names_that_cannot_be(run_facevid, portrait_clip, tmp_path, option, values):
    for value in values:
        ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--attr", "smile=1", option, value)
        assert ended.code == 2
        assert option in ended.err or value[:20] in ended.err
    assert not list(tmp_path.iterdir())


def test_names_longer_than_any(run_facevid, portrait_clip, tmp_path):
    assert run_facevid("edit", "x" * 5000, tmp_path / "out.mp4", "--attr", "smile=1").code == 2
    assert run_facevid("edit", portrait_clip, "x" * 5000, "--attr", "smile=1").code == 2
    assert run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--model", "x" * 5000).code == 5


def test_smoothing_too_weak_to_compute(run_facevid, portrait_clip, tmp_path):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--smooth", "1e-320")
    assert (ended.code, "10 edited" in ended.out) == (0, True)


def test_a_damaged_cache_changes_nothing(run_facevid, portrait_clip, tmp_path, home):
    """Of the same size: only the content tells. A lossy encoder gives other pictures in every run."""
    lossless = ("--codec", "ffv1")
    assert run_facevid("edit", portrait_clip, tmp_path / "out.mkv", *SMILE, *lossless).code == 0
    before = np.stack([frame.rgb() for frame in open_clip(tmp_path / "out.mkv").frames()])
    kept = sorted(each for each in (home / "cache").rglob("*") if each.suffix in (".npy", ".npz"))
    assert len(kept) > 2
    for path in kept:
        path.write_bytes(bytes(value ^ 0x55 for value in path.read_bytes()))
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mkv", *SMILE, *lossless, "-y")
    after = np.stack([frame.rgb() for frame in open_clip(tmp_path / "out.mkv").frames()])
    assert (ended.code, np.array_equal(before, after)) == (0, True)


def test_an_attribute_given_often_does_not_pass_the_limit(run_facevid, portrait_clip, tmp_path):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE * 300)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "is edited 300 times, which adds up to more than 3" in ended.err


def test_an_unknown_command_is_told_the_nearest(run_facevid):
    ended = run_facevid("edti", "in.mp4")
    assert (ended.code, 'did you mean "edit"?' in ended.err) == (2, True)


def test_a_missing_source(run_facevid, tmp_path):
    ended = run_facevid("edit", tmp_path / "in.mp4", tmp_path / "out.mp4", *SMILE)
    assert ended.code == 3
    assert "in.mp4" in ended.err


def test_a_text_file_called_mp4(run_facevid, tmp_path):
    (tmp_path / "in.mp4").write_text("not a film\n" * 1000)
    ended = run_facevid("edit", tmp_path / "in.mp4", tmp_path / "out.mp4", *SMILE)
    assert ended.code == 3
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file(run_facevid, portrait_clip, tmp_path, share):
    whole = portrait_clip.read_bytes()
    (tmp_path / "in.mp4").write_bytes(whole[: int(len(whole) * share)])
    ended = run_facevid("edit", tmp_path / "in.mp4", tmp_path / "out.mp4", *SMILE)
    assert ended.code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_no_face(run_facevid, tmp_path):
    source = write_clip(tmp_path / "in.mp4", [np.full((120, 160, 3), 90, dtype=np.uint8)] * 3)
    ended = run_facevid("edit", source, tmp_path / "out.mp4", *SMILE, "-q")
    assert ended.code == 4
    assert "no face found in 3 frames" in ended.err
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("model", ["nobody", "missing/model.pt"])
def test_a_missing_model(run_facevid, portrait_clip, tmp_path, model):
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--model", model)
    assert ended.code == 5
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(run_facevid, portrait_clip, tmp_path):
    ended = run_facevid("edit", portrait_clip, tmp_path / "new" / "out.mp4", *SMILE)
    assert ended.code == 6
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(run_facevid, portrait_clip):
    # Root may write anywhere but here.
    ended = run_facevid("edit", portrait_clip, "/proc/out.mp4", *SMILE)
    assert ended.code == 6


def test_an_existing_result_is_kept(run_facevid, portrait_clip, tmp_path):
    (tmp_path / "out.mp4").write_text("precious")
    ended = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE)
    assert ended.code == 6
    assert "--overwrite" in ended.err
    assert (tmp_path / "out.mp4").read_text() == "precious"


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_the_source_is_never_overwritten(run_facevid, portrait_clip, tmp_path, link):
    source = tmp_path / "in.mp4"
    source.write_bytes(portrait_clip.read_bytes())
    target = source
    if link:
        target = tmp_path / "link.mp4"
        link(source, target)
    ended = run_facevid("edit", source, target, *SMILE, "-y")
    assert ended.code == 2
    assert source.read_bytes() == portrait_clip.read_bytes()


def test_the_comparison_must_be_another_file(run_facevid, portrait_clip, tmp_path):
    out = tmp_path / "out.mp4"
    ended = run_facevid("edit", portrait_clip, out, *SMILE, "--compare", out)
    assert ended.code == 2
    assert not out.exists()


def test_a_still_picture(run_facevid, portrait, tmp_path):
    picture = portrait[:256, 96:352]
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    ended = run_facevid("edit", tmp_path / "in.png", tmp_path / "out.png", *SMILE)
    assert ended.code == 0
    result = cv2.cvtColor(cv2.imread(str(tmp_path / "out.png")), cv2.COLOR_BGR2RGB)
    assert result.shape == picture.shape
    changed = np.abs(result.astype(int) - picture).max(axis=-1)
    assert changed[80:170, 85:175].mean() > 2
    assert not changed[:20].any()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_leaves_nothing(portrait_clip, tmp_path, home, stop):
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    command = [sys.executable, "-m", "facevid", "edit", str(portrait_clip), str(out), *SMILE, "-y"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) == 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(stop)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "facevid: interrupted; no unfinished result is left"
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert out.read_text() == "precious"
    assert not [path for path in (home / "cache").rglob("*") if "." in path.parent.name]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_do_not_import_torch(argument):
    code = (
        f"import sys; sys.argv = ['facevid', {argument!r}]\n"
        "from facevid.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    assert not {'torch', 'cv2', 'av'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_face_that_cannot_be(run_facevid, portrait_clip, tmp_path):
    wall, out = tmp_path / "wall.png", tmp_path / "out.mp4"
    cv2.imwrite(str(wall), np.full((64, 64, 3), 90, dtype=np.uint8))
    for face, code, says in (
        ("biggest", 2, "neither largest, all, numbers"),
        ("3", 2, "has no face 3"),
        (wall, 4, f"{wall}: no face found in the picture"),
    ):
        ended = run_facevid("edit", portrait_clip, out, *SMILE, "--face", face, "-q")
        assert ended.code == code
        assert says in ended.err
        assert not out.exists()


def test_a_face_by_its_picture(run_facevid, portrait, portrait_clip, tmp_path):
    cv2.imwrite(str(tmp_path / "eileen.png"), portrait[..., ::-1])
    out = tmp_path / "out.mp4"
    ended = run_facevid("edit", portrait_clip, out, *SMILE, "--face", tmp_path / "eileen.png", "--json", "-q")
    assert (ended.code, json.loads(ended.out)["faces"]) == (0, 10)
