"""When a shot of a batch is done, when it is made again, and what is never overwritten."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.batch.batch_run import ShotOutcome, edit_shots
from facevid.batch.shot_record import read_record, write_record
from facevid.cli import batch
from facevid.cli.batch_tasks import make_tasks
from facevid.engines import InProcessEngine
from tests.clips import camera_move, write_clip

FRAMES = 3

RunBatch = Callable[..., ShotOutcome]


@pytest.fixture
def shots(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a folder with one shot, an image sequence."""
    folder = tmp_path / "shots"
    folder.mkdir()
    for index in range(FRAMES):
        picture = camera_move(portrait, index, (160, 120))
        cv2.imwrite(str(folder / f"a.{1001 + index}.png"), picture[..., ::-1])
    return folder


@pytest.fixture
def run_batch(shots: Path, tmp_path: Path) -> RunBatch:
    """Return a function that edits the only shot in this process, and returns its last outcome."""

    def run(*options: object, overwrite: bool = False, copy: bool = False) -> ShotOutcome:
        with click.Context(batch.command):
            arguments = [str(option) for option in options or ("--attr", "smile=1")]
            tasks = make_tasks(shots, tmp_path / "out", arguments, None, overwrite=overwrite, copy_without_face=copy)
        (outcome,) = edit_shots(tasks, InProcessEngine(), lambda _: None)
        return outcome

    return run


@pytest.fixture
def result(tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    """Return a function that reads the files of the result; it checks that nothing else is there but the record."""

    def read() -> dict[str, bytes]:
        out = tmp_path / "out"
        record = {path.name for path in out.rglob(".facevid/*")}
        assert record <= {"a.%04d.png.json", "a.%04d.png.lock"}
        return {path.name: path.read_bytes() for path in out.iterdir() if path.name != ".facevid"}

    return read


def record_of(tmp_path: Path) -> Path:
    return tmp_path / "out/.facevid/a.%04d.png.json"


def test_a_shot_is_made_again_when_something_has_changed(
    run_batch: RunBatch, result: Callable[[], dict[str, bytes]], shots: Path, tmp_path: Path
) -> None:
    edits = tmp_path / "edits.toml"
    edits.write_text('[[face]]\nattr = ["smile=1"]\n')
    assert (run_batch().state, run_batch().state) == ("done", "kept")
    smile = result()
    assert len(smile) == FRAMES
    assert run_batch("--attr", "smile=+1.0", "--batch-size", 3).state == "kept"

    def made_again(*options: object) -> str:
        outcome = run_batch(*options)
        assert (outcome.state, outcome.message + outcome.trace) == ("done", "")
        assert run_batch(*options).state == "kept"
        return ", ".join(outcome.reasons)

    assert "smile=-1" in made_again("--attr", "smile=-1")
    assert result() != smile
    assert "--smooth 3" in made_again("--attr", "smile=-1", "--smooth", 3)
    made_again("--edits", edits)
    edits.write_text('[[face]]\nattr = ["smile=1", "age=0.5"]\n')
    assert "--edits edits.toml" in made_again("--edits", edits)
    assert made_again()
    assert result() == smile
    os.utime(shots / "a.1002.png", (0, 0))
    assert "source" in made_again()
    (tmp_path / "out/a.1002.png").unlink()
    assert "1 of 3" in made_again()
    assert result() == smile
    for field in ("version", "model_hash"):
        content = json.loads(record_of(tmp_path).read_bytes())
        content["inputs"][field] = "0.0.1"
        record_of(tmp_path).write_text(json.dumps(content))
        assert made_again()


@pytest.mark.parametrize("file", ["a.1001.png", "layers/layers.json", "compare.mkv"])
def test_what_others_made_is_overwritten_only_on_demand(run_batch: RunBatch, tmp_path: Path, file: str) -> None:
    options = ("--attr", "smile=1", "--layers", tmp_path / "out/layers", "--compare", tmp_path / "out/compare.mkv")
    path = tmp_path / "out" / file
    path.parent.mkdir(parents=True)
    path.touch()
    outcome = run_batch(*options)
    assert (outcome.state, outcome.code) == ("failed", 6)
    assert str(path) in outcome.message
    assert path.read_bytes() == b""
    assert run_batch(*options, overwrite=True).state == "done"
    assert path.stat().st_size
    assert run_batch(*options).state == "kept"
    path.write_bytes(b"retouched")
    assert run_batch(*options).code == 6
    assert path.read_bytes() == b"retouched"


def test_an_interrupted_run_does_not_open_other_outputs(run_batch: RunBatch, tmp_path: Path) -> None:
    assert run_batch().state == "done"
    record = read_record(record_of(tmp_path))
    assert record is not None
    write_record(record_of(tmp_path), replace(record, state="started"))
    compare = tmp_path / "compare.mp4"
    compare.touch()
    assert run_batch("--attr", "smile=1", "--compare", compare).code == 6
    assert compare.read_bytes() == b""
    assert run_batch().reasons


def test_the_result_of_another_folder_is_not_overwritten(run_batch: RunBatch, shots: Path, tmp_path: Path) -> None:
    assert run_batch().state == "done"
    record = read_record(record_of(tmp_path))
    assert record is not None
    elsewhere = replace(record.inputs, source_path="/mnt/other/a.%04d.png")
    write_record(record_of(tmp_path), replace(record, inputs=elsewhere))
    assert run_batch().state == "kept"  # the same files, mounted elsewhere
    os.utime(shots / "a.1002.png", (0, 0))
    outcome = run_batch()
    assert (outcome.code, outcome.may_mend) == (6, False)
    assert "/mnt/other/a.%04d.png" in outcome.message
    assert run_batch(overwrite=True).state == "done"


def test_a_folder_is_no_result(run_batch: RunBatch, tmp_path: Path, shots: Path, portrait: NDArray[np.uint8]) -> None:
    for path in shots.iterdir():
        path.unlink()
    write_clip(shots / "a.mp4", [camera_move(portrait, index, (160, 120)) for index in range(FRAMES)])
    (tmp_path / "out/a.mp4").mkdir(parents=True)
    assert run_batch(overwrite=True).code == 6
    (tmp_path / "out/a.mp4").rmdir()
    assert run_batch().state == "done"


def test_the_record_is_as_it_was_after_a_failure(run_batch: RunBatch, shots: Path, tmp_path: Path) -> None:
    assert run_batch().state == "done"
    before = record_of(tmp_path).read_bytes()
    picture = (shots / "a.1002.png").read_bytes()
    (shots / "a.1002.png").write_bytes(picture[: len(picture) // 2])
    assert run_batch().code == 3
    assert record_of(tmp_path).read_bytes() == before
    (shots / "a.1002.png").unlink()
    assert run_batch().code == 3
    (shots / "a.1002.png").write_bytes(picture)
    assert run_batch().state == "done"


def test_a_shot_without_a_face_can_be_copied(run_batch: RunBatch, shots: Path, tmp_path: Path) -> None:
    for number in range(FRAMES):
        cv2.imwrite(str(shots / f"a.{1001 + number}.png"), np.full((120, 160, 3), 10 * number, np.uint8))
    assert run_batch().code == 4
    assert not list((tmp_path / "out").glob("*.png"))
    outcome = run_batch(copy=True)
    assert (outcome.state, outcome.frames, outcome.edited, len(outcome.warnings)) == ("done", FRAMES, 0, 1)
    for path in shots.iterdir():
        copy, source = cv2.imread(str(tmp_path / "out" / path.name)), cv2.imread(str(path))
        assert np.array_equal(np.asarray(copy), np.asarray(source))
    assert run_batch(copy=True).state == "kept"
    assert run_batch().code == 4
    assert run_batch(copy=True).state == "kept"


def test_a_damaged_record_is_never_taken_for_one(run_batch: RunBatch, tmp_path: Path) -> None:
    assert run_batch().state == "done"
    record, rng = record_of(tmp_path), random.Random(0)
    whole = record.read_bytes()
    for trial in range(100):
        damaged = bytearray(whole)
        match trial % 4:
            case 0:
                damaged = damaged[: rng.randrange(len(damaged))]
            case 1:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            case 2:
                start = rng.randrange(len(damaged))
                del damaged[start : start + rng.randrange(1, 40)]
            case 3:
                content = json.loads(whole)
                place = rng.choice([content, content["inputs"], content["outputs"], content["outputs"]["result"]])
                place[rng.choice(list(place))] = rng.choice([None, 3, [], {}, "", [[[]]], {"a": 1}, float("inf")])
                damaged = bytearray(json.dumps(content).encode())
        record.write_bytes(damaged)
        found = read_record(record)
        if found is None:  # otherwise only a text has changed, which is a reason to make the result again
            assert run_batch().code == 6
    for nested in (b"[" * 100_000, b'{"inputs":' * 100_000, b"\xff" * 9, b"1" * 5000):
        record.write_bytes(nested)
        assert run_batch().code == 6
    record.write_bytes(whole)
    assert run_batch().state == "kept"


def start_batch(shots: Path, out: Path, *options: str, **popen: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "facevid", "batch", str(shots), str(out), "--attr", "smile=1", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **popen)  # type: ignore[call-overload, no-any-return]


def wait_for_start(process: subprocess.Popen[str], record: Path) -> None:
    while not record.exists() and process.poll() is None:
        time.sleep(0.01)


def test_a_killed_batch_goes_on_and_gives_the_same(
    run_batch: RunBatch, result: Callable[[], dict[str, bytes]], shots: Path, tmp_path: Path
) -> None:
    assert run_batch().state == "done"
    expected = result()
    shutil.rmtree(tmp_path / "out")
    process = start_batch(shots, tmp_path / "out")
    wait_for_start(process, record_of(tmp_path))
    time.sleep(random.uniform(0, 0.2))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert run_batch().state in ("done", "kept")  # kept if it was complete before the kill
    assert result() == expected


@pytest.mark.slow
def test_a_second_batch_waits_for_a_shot_in_work(run_batch: RunBatch, shots: Path, tmp_path: Path) -> None:
    process = start_batch(shots, tmp_path / "out")
    wait_for_start(process, record_of(tmp_path))
    outcome = run_batch()
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert outcome.state == "kept"


@pytest.mark.slow
def test_a_full_disk_leaves_no_result(run_batch: RunBatch, shots: Path, tmp_path: Path) -> None:
    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # a frame has 30,000 bytes

    process = start_batch(shots, tmp_path / "out", "-q", preexec_fn=limit_files)
    _, err = process.communicate()
    assert process.returncode == 7, err
    assert "(6)" in err.splitlines()[-1]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".facevid"]
    assert run_batch().state == "done"
