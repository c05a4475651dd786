"""The wheel holds all that an edit needs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import av

ROOT = Path(__file__).parents[1]


def test_a_built_wheel_edits_the_sample(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = tmp_path / "source"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "*.egg-info", "demo-output", "samples", "tests"))
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(copy)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("facevid-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "facevid", "edit", str(ROOT / "samples" / "astronaut.mp4"), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    where = [sys.executable, "-c", "import facevid; print(facevid.__file__)"]
    place = subprocess.check_output(where, cwd=tmp_path, env=environment, text=True)
    assert Path(place.strip()).is_relative_to(tmp_path)
    frames = ["--frames", "0-3", "--attr", "smile=1"]
    subprocess.run([*command, *frames], check=True, cwd=tmp_path, env=environment, capture_output=True)
    with av.open(str(out)) as made, av.open(str(ROOT / "samples" / "astronaut.mp4")) as source:
        assert made.streams.video[0].frames == source.streams.video[0].frames
