"""The benchmark of the stages of an edit. Times are only checked for consistency."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.benchmark import Benchmark, run_benchmark, time_loading
from facevid.benchmark.whole_edit import shorten
from facevid.errors import ModelError, NoFaceError
from facevid.options import ComputeOptions
from facevid.video import open_clip
from tests.clips import write_clip
from tests.models.files import save_psp

FEW = ComputeOptions(device="cpu", batch_size=3)
NETWORKS = ["encode", "occlusion", "edit", "changes"]
WITHOUT_FACE = ["decode", "colour", *NETWORKS, "write"]
WITH_FACE = ["decode", "colour", "detect", "flow", "track", "crop", *NETWORKS, "composite", "write"]


def check_consistent(result: Benchmark) -> None:
    assert sum(speed.share for speed in result.stages) == pytest.approx(1)
    assert result.product_gflops > 0
    for speed in result.stages:
        assert speed.seconds > 0
        assert speed.milliseconds * speed.per_second == pytest.approx(1000)
        is_network = speed.stage in (*NETWORKS, "generate")
        assert (speed.gflops is not None) == (speed.roof_share is not None) == is_network
        if speed.gflops is not None and speed.roof_share is not None:
            assert speed.gflops / result.product_gflops == pytest.approx(speed.roof_share)  # exact with one round


def test_without_a_clip() -> None:
    result = run_benchmark(compute=FEW, rounds=1)
    assert [speed.stage for speed in result.stages] == WITHOUT_FACE
    assert {speed.items for speed in result.stages} == {3}
    assert (result.width, result.height, result.source, result.detector) == (1280, 720, None, None)
    check_consistent(result)


def test_a_clip_with_a_face(portrait_clip: Path, home: Path) -> None:
    result = run_benchmark(portrait_clip, compute=FEW, rounds=1)
    assert [speed.stage for speed in result.stages] == WITH_FACE
    assert {speed.items for speed in result.stages} == {3}
    assert (result.width, result.height) == (320, 240)
    check_consistent(result)
    assert result.whole is not None
    assert result.whole.frames == 10
    assert result.whole.first_seconds > result.whole.second_seconds > 0
    assert result.whole.first_ratio == pytest.approx(result.whole.first_seconds / result.whole.floor_seconds)
    assert result.whole.peak_bytes > 100e6
    assert not list(home.iterdir())  # the first frames must not be cached as the analysis of the whole clip


@pytest.mark.slow
def test_a_still_picture(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "portrait.png"), cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    result = run_benchmark(tmp_path / "portrait.png", compute=FEW, rounds=1)
    assert [speed.stage for speed in result.stages] == WITH_FACE
    assert {speed.items for speed in result.stages} == {1}
    assert [path.name for path in tmp_path.iterdir()] == ["portrait.png"]


@pytest.mark.slow
def test_an_image_sequence(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    for number in (1001, 1002):
        cv2.imwrite(str(tmp_path / f"shot.{number}.png"), cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    result = run_benchmark(tmp_path / "shot.%04d.png", compute=FEW, rounds=1)
    assert {speed.items for speed in result.stages} == {2}


def test_no_face(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "gray.mp4", [np.full((120, 160, 3), 128, np.uint8)] * 2)
    with pytest.raises(NoFaceError, match=r"gray\.mp4"):
        run_benchmark(clip, compute=FEW, rounds=1)


@pytest.mark.slow
def test_random_weights() -> None:
    result = run_benchmark(compute=FEW, rounds=1, size=64)
    assert [speed.stage for speed in result.stages] == [*WITHOUT_FACE[:5], "generate", "write"]
    assert (result.model, result.loading, result.whole) == ("random-64", None, None)
    assert result.stages[0].items == 2
    assert result.peak_bytes > 100e6
    check_consistent(result)


def test_a_shortened_clip(portrait_clip: Path, tmp_path: Path) -> None:
    assert len(list(open_clip(shorten(portrait_clip, 4, tmp_path)).frames())) == 4


def test_a_model_without_editors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"psp\.pt"):
        run_benchmark(model=str(save_psp(tmp_path)), compute=FEW, rounds=1)


def test_loading_a_file_and_a_bundle(tmp_path: Path) -> None:
    checkpoint = save_psp(tmp_path)
    assert time_loading(checkpoint, rounds=1).bytes == checkpoint.stat().st_size
    bundled = time_loading(None, rounds=2)
    assert bundled.bytes > 4e6
    assert bundled.read_seconds > 0
    assert bundled.load_seconds > 0
    assert bundled.ratio > 0
