"""The scripts in `bin/` for farms."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.video import open_clip
from tests.clips import camera_move, write_clip

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shots(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a folder with a clip, a sequence with a face, and one without."""
    folder = tmp_path / "shots"
    pictures = [camera_move(portrait, index, (160, 120)) for index in range(3)]
    for shot in ("a", "b"):
        (folder / shot).mkdir(parents=True)
        for number, picture in enumerate(pictures, 998):
            path = str(folder / f"{shot}/plate.{number:04}.png")
            cv2.imwrite(path, picture[..., ::-1] if shot == "a" else np.zeros_like(picture))
    write_clip(folder / "c.mp4", pictures)
    return folder


def run_script(script: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of `bin/` with the program of this checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [str(ROOT / "bin" / script), *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_sequences_with_layers_and_a_log(shots: Path, tmp_path: Path) -> None:
    (shots / "c.mp4").unlink()
    out = tmp_path / "out"
    finished = run_script("edit-sequences", shots, out, "--attr", "smile=1")
    assert finished.returncode == 0, finished.stderr
    plates = ["plate.0998.png", "plate.0999.png", "plate.1000.png"]
    assert names(out / "frames/a") == names(out / "frames/b") == plates
    layers = [
        f"face0.{layer}"
        for number in ("0998", "0999", "1000")
        for layer in (f"{number}.png", f"regions.{number}.exr", f"stmap.{number}.exr")
    ]
    assert names(out / "layers/a/plate") == sorted([*layers, "layers.json"])
    edited = [json.loads(line)["edited"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert sorted(edited) == [0, 3]


@pytest.mark.slow
def test_a_sweep_of_strengths(shots: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    finished = run_script("sweep-strength", shots / "c.mp4", out, "smile", -0.5, 1, 2, "-q")
    assert finished.returncode == 0, finished.stderr
    assert names(out) == ["smile-0.5.mp4", "smile.png", "smile1.mp4"]
    assert open_clip(out / "smile1.mp4").info.width == 160
    sheet = cv2.imread(str(out / "smile.png"))
    assert sheet is not None
    assert sheet.shape[1] > 2 * 256


@pytest.mark.slow
def test_a_slurm_array_divides_the_shots(shots: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = []
    for task in (4, 5):  # --array=4-5
        slurm = {
            "SLURM_ARRAY_TASK_ID": str(task),
            "SLURM_ARRAY_TASK_MIN": "4",
            "SLURM_ARRAY_TASK_COUNT": "2",
            "SLURM_SUBMIT_DIR": str(ROOT),
        }
        finished = run_script("slurm-array", shots, out, "--attr", "smile=1", "--json", **slurm)
        assert finished.returncode == (0 if task == 4 else 7), finished.stderr
        done.append({shot["shot"]: shot["state"] for shot in json.loads(finished.stdout)})
    assert done == [{"a/plate.%04d.png": "done", "c.mp4": "done"}, {"b/plate.%04d.png": "failed"}]


@pytest.mark.slow
def test_parts_of_a_sequence_are_those_of_a_whole_run(shots: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    plate = shots / "a/plate.####.png"
    command = [sys.executable, "-m", "facevid", "edit", str(plate), f"{whole}/plate.####.png", "--attr", "smile=1"]
    subprocess.run(command, check=True, capture_output=True)
    for part in ("2/2", "1/2"):
        finished = run_script("edit-part", part, plate, parts / "plate.####.png", "--attr", "smile=1")
        assert finished.returncode == 0, finished.stderr
    assert names(parts) == names(whole)
    for path in whole.iterdir():
        assert (parts / path.name).read_bytes() == path.read_bytes()


@pytest.mark.ray
def test_a_ray_job(shots: Path, tmp_path: Path, ray_cluster: str) -> None:
    out = tmp_path / "out"
    finished = run_script("ray-job", shots, out, "--attr", "smile=1", "--json", RAY_ADDRESS=ray_cluster)
    assert finished.returncode == 7, finished.stderr
    states = {shot["shot"]: (shot["state"], shot["code"]) for shot in json.loads(finished.stdout)}
    assert states == {"a/plate.%04d.png": ("done", 0), "b/plate.%04d.png": ("failed", 4), "c.mp4": ("done", 0)}
    assert names(out / "a") == names(shots / "a")


@pytest.mark.parametrize("script", ["edit-sequences", "sweep-strength", "edit-part"])
def test_without_arguments_a_script_shows_its_usage(script: str) -> None:
    finished = run_script(script)
    assert finished.returncode == 2
    assert f"bin/{script} " in finished.stderr
