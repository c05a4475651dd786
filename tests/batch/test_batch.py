"""`facevid batch`: finding shots, failures, resuming, and several machines at the same time."""

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
from numpy.typing import NDArray

from facevid.batch import find_shots
from facevid.batch.claim import ABANDONED_AFTER, Claim
from facevid.errors import InputError, UsageError
from facevid.video import open_clip
from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid

SMILE = ("--attr", "smile=+1")


@pytest.fixture
def shots(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a folder with a good clip, a broken clip, a sequence in a subfolder, and files that are not shots."""
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


def test_clips_and_sequences_are_found(shots: Path, tmp_path: Path) -> None:
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
    with pytest.raises(UsageError, match="/shots: "):
        find_shots(shots, shots)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="/empty: "):
        find_shots(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(InputError, match=r"good\.mp4: "):
        find_shots(shots / "good.mp4", tmp_path)


def test_links_are_followed_but_not_in_circles(shots: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.mov").write_bytes(b"x")
    (shots / "linked").symlink_to(tmp_path / "elsewhere")
    (shots / "day1/above").symlink_to(shots)
    (shots / "itself").symlink_to(shots / "itself")
    found = [str(shot.name) for shot in find_shots(shots, tmp_path / "out")]
    assert found == ["broken.mov", "day1/plate.%04d.png", "good.mp4", "linked/b.mov"]


def test_failed_shots_do_not_stop_the_others_and_finished_ones_are_kept(
    run_facevid: RunFacevid, shots: Path, tmp_path: Path
) -> None:
    out, layers = tmp_path / "out", tmp_path / "layers"
    arguments = ("batch", shots, out, *SMILE, "--jobs", 2, "--layers", layers / "{shot}")
    outcome = run_facevid(*arguments, "-q")
    assert outcome.code == 7
    assert "done" not in outcome.err
    assert "1 of 3" in outcome.err
    assert "broken.mov (3)" in outcome.err
    assert f"facevid: {shots / 'broken.mov'}" in outcome.err  # the message of `facevid edit`
    assert open_clip(out / "good.mp4").info.width == 320
    assert sorted(path.name for path in (out / "day1").iterdir()) == ["plate.1001.png", "plate.1002.png"]
    assert (layers / "good").is_dir()
    assert (layers / "day1/plate").is_dir()
    assert not list(out.rglob(".*"))

    modified = (out / "good.mp4").stat().st_mtime_ns
    (shots / "broken.mov").unlink()
    second = run_facevid(*arguments, "--json")
    assert second.code == 0
    assert {shot["shot"]: shot["state"] for shot in json.loads(second.out)} == {
        "day1/plate.%04d.png": "kept",
        "good.mp4": "kept",
    }
    assert (out / "good.mp4").stat().st_mtime_ns == modified


def test_shots_claimed_by_another_machine_are_skipped(run_facevid: RunFacevid, shots: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "day1").mkdir(parents=True)
    for name in ("good.mp4", "broken.mov", "day1/plate.%04d.png"):
        path = out / name
        path.with_name(f".{path.name}.claim").write_text("render7, process 12\n")
    outcome = run_facevid("batch", shots, out, *SMILE)
    assert outcome.code == 0
    good_line = next(line for line in outcome.err.splitlines() if line.startswith("good.mp4: "))
    assert good_line.endswith("render7, process 12")
    assert not (out / "good.mp4").exists()


def test_a_claim_is_exclusive_until_released_or_abandoned(tmp_path: Path) -> None:
    target = tmp_path / "shot.mp4"
    first, second = Claim(target), Claim(target)
    assert first.acquire()
    with first:
        assert not second.acquire()
        assert str(os.getpid()) in second.holder()
    assert not list(tmp_path.iterdir())
    assert second.acquire()
    last_renewal = time.time() - ABANDONED_AFTER - 60
    os.utime(next(tmp_path.iterdir()), (last_renewal, last_renewal))
    assert Claim(target).acquire()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--attr", "smile=much"], "smile=much"),
        (["--smile", "1"], "--smile"),
        ([], "--attr"),
        ([*SMILE, "--layers", "layers"], "--layers layers"),
    ],
)
def test_invalid_options_are_refused_before_any_shot(
    run_facevid: RunFacevid, shots: Path, tmp_path: Path, options: list[str], named: str
) -> None:
    outcome = run_facevid("batch", shots, tmp_path / "out", *options)
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "out").exists()


def test_an_interruption_stops_the_jobs_and_leaves_nothing(shots: Path, tmp_path: Path) -> None:
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
    assert err.strip().splitlines()[-1].startswith("facevid: interrupted")
    assert not [path for path in out.rglob("*") if path.is_file()]
