"""`facevid batch`: folders of shots, failures, resumption, several machines at once."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import pytest

from facevid.batch import find_shots
from facevid.batch.claim import ABANDONED, Claim
from facevid.errors import InputError, UsageError
from facevid.video import open_clip
from tests.clips import camera_move, write_clip

SMILE = ("--attr", "smile=+1")


@pytest.fixture
def shots(portrait, tmp_path):
    """A folder with a good clip, a broken one, a sequence in a folder below, and files that are no shots."""
    folder = tmp_path / "shots"
    (folder / "day1").mkdir(parents=True)
    pictures = [camera_move(portrait, index, (320, 240)) for index in range(2)]
    write_clip(folder / "good.mp4", pictures)
    (folder / "broken.mov").write_bytes(b"no video")
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"day1/plate.{1001 + number}.png"), picture[..., ::-1])
    cv2.imwrite(str(folder / "slate1.png"), pictures[0])
    (folder / "notes.txt").write_text("x")
    return folder


def test_it_finds_clips_and_sequences(shots, tmp_path):
    (shots / "edited").mkdir()
    (shots / "edited/good.mp4").write_bytes(b"a result")
    (shots / "tape.MXF").write_bytes(b"no result can be of this kind")
    found = find_shots(shots, shots / "edited")
    assert [(str(shot.name), shot.label, shot.done) for shot in found] == [
        ("broken.mov", "broken", False),
        ("day1/plate.%04d.png", "day1/plate", False),
        ("good.mp4", "good", True),
        ("tape.MXF", "tape", False),
    ]
    targets = [str(shot.target.relative_to(shots / "edited")) for shot in found]
    assert targets == ["broken.mov", "day1/plate.%04d.png", "good.mp4", "tape.MXF.mov"]
    with pytest.raises(UsageError, match="another folder for the results"):
        find_shots(shots, shots)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no video file and no image sequence"):
        find_shots(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(InputError, match="is no folder"):
        find_shots(shots / "good.mp4", tmp_path)


def test_links_are_followed_but_not_in_circles(shots, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.mov").write_bytes(b"x")
    (shots / "linked").symlink_to(tmp_path / "elsewhere")
    (shots / "day1/above").symlink_to(shots)
    (shots / "itself").symlink_to(shots / "itself")
    found = [str(shot.name) for shot in find_shots(shots, tmp_path / "out")]
    assert found == ["broken.mov", "day1/plate.%04d.png", "good.mp4", "linked/b.mov"]


def test_a_shot_that_fails_does_not_stop_the_others_and_a_second_run_does_the_rest(run_facevid, shots, tmp_path):
    out, layers = tmp_path / "out", tmp_path / "layers"
    arguments = ("batch", shots, out, *SMILE, "--jobs", 2, "--layers", layers / "{shot}")
    ended = run_facevid(*arguments, "-q")
    assert ended.code == 7
    assert "done" not in ended.err
    assert "1 of 3 shots failed, with exit codes: broken.mov (3)" in ended.err
    assert f"facevid: {shots / 'broken.mov'}" in ended.err  # what facevid edit said
    assert open_clip(out / "good.mp4").info.width == 320
    assert sorted(path.name for path in (out / "day1").iterdir()) == ["plate.1001.png", "plate.1002.png"]
    assert (layers / "good").is_dir()
    assert (layers / "day1/plate").is_dir()
    assert not list(out.rglob(".*"))

    made = (out / "good.mp4").stat().st_mtime_ns
    (shots / "broken.mov").unlink()
    again = run_facevid(*arguments, "--json")
    assert again.code == 0
    assert {each["shot"]: each["state"] for each in json.loads(again.out)} == {
        "day1/plate.%04d.png": "kept",
        "good.mp4": "kept",
    }
    assert (out / "good.mp4").stat().st_mtime_ns == made


def test_what_another_machine_works_on_is_left_to_it(run_facevid, shots, tmp_path):
    out = tmp_path / "out"
    (out / "day1").mkdir(parents=True)
    for name in ("good.mp4", "broken.mov", "day1/plate.%04d.png"):
        path = out / name
        path.with_name(f".{path.name}.claim").write_text("render7, process 12\n")
    ended = run_facevid("batch", shots, out, *SMILE)
    assert ended.code == 0
    assert "good.mp4: left to render7, process 12" in ended.err
    assert not (out / "good.mp4").exists()


def test_a_claim_is_had_by_one_and_ends_with_its_holder(tmp_path):
    target = tmp_path / "shot.mp4"
    mine, other = Claim(target), Claim(target)
    assert mine.taken()
    with mine:
        assert not other.taken()
        assert str(os.getpid()) in other.holder()
    assert not list(tmp_path.iterdir())
    assert other.taken()
    abandoned = time.time() - ABANDONED - 60
    os.utime(next(tmp_path.iterdir()), (abandoned, abandoned))
    assert Claim(target).taken()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--attr", "smile=much"], "smile=much"),
        (["--smile", "1"], "No such option"),
        ([], "nothing to edit"),
        ([*SMILE, "--layers", "layers"], "put {shot} into it"),
    ],
)
def test_options_that_cannot_be_are_told_before_any_shot(run_facevid, shots, tmp_path, options, says):
    ended = run_facevid("batch", shots, tmp_path / "out", *options)
    assert ended.code == 2
    assert says in ended.err
    assert not (tmp_path / "out").exists()


def test_an_interruption_stops_the_jobs_and_leaves_nothing(shots, tmp_path):
    (shots / "broken.mov").unlink()
    out = tmp_path / "out"
    command = [sys.executable, "-m", "facevid", "batch", str(shots), str(out), *SMILE]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(out.rglob("*.claim")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "facevid: interrupted; no unfinished result is left"
    assert not [path for path in out.rglob("*") if path.is_file()]
