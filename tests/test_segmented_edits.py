"""Edits in segments: the same frames for every division, and edits that go on after an interruption."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid import edit_video
from facevid.edits.attribute_edit import parse_edit
from facevid.edits.edit_file import FaceEdits
from facevid.errors import OutputError
from facevid.options import CompositingOptions, ComputeOptions, EditOptions, EngineOptions
from facevid.pipeline.job import job_workspace
from facevid.rendering.user_mattes import open_mattes
from facevid.utils.progress import Progress
from facevid.utils.workspace import BusyError, Workspace
from facevid.video import open_clip
from facevid.video.color.pixels import pixel_layout, plane_view
from tests.clips import camera_move, write_clip
from tests.engines import tasks

T = TypeVar("T")

RATE = 25
"""Frames per second of the clip."""

COUNT = 7
"""Number of its frames."""

OPTIONS = EditOptions(compute=ComputeOptions(device="cpu", batch_size=4), codec="ffv1")


@pytest.fixture(scope="module")
def clip(portrait: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of a moving face, with sound and B-frames."""
    pictures = [camera_move(portrait, index, (160, 120)) for index in range(COUNT)]
    return write_clip(tmp_path_factory.mktemp("clips") / "in.mp4", pictures)


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the MD5 of every frame of an edit in one piece."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEVID_HOME", str(folder))
        edit_video(clip, folder / "out.mkv", ["smile=1"], OPTIONS)
    return frame_hashes(folder / "out.mkv")


def frame_hashes(path: Path) -> list[str]:
    hashes = []
    for frame in open_clip(path).frames():
        layout = pixel_layout(frame.native.format.name)
        assert layout is not None
        planes = (plane_view(frame.native, plane, layout).tobytes() for plane in range(len(frame.native.planes)))
        hashes.append(hashlib.md5(b"".join(planes)).hexdigest())
    return hashes


def in_segments(frames: int, workers: int = 1, **engine: str) -> EditOptions:
    return replace(OPTIONS, engine=EngineOptions(workers=workers, segment=frames / RATE, **engine))  # type: ignore[arg-type]


def test_frames_do_not_depend_on_segments(clip: Path, whole: list[str], tmp_path: Path) -> None:
    summary = edit_video(clip, tmp_path / "out.mkv", ["smile=1"], in_segments(1))
    assert frame_hashes(tmp_path / "out.mkv") == whole
    assert (summary.frames, summary.edited, summary.faces) == (COUNT, COUNT, COUNT)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_layers_comparison_and_images_are_those_of_one_piece(clip: Path, tmp_path: Path) -> None:
    for name, options in (("one", in_segments(100)), ("parts", in_segments(3))):
        folder = tmp_path / name
        folder.mkdir()
        outputs = replace(options, codec=None, compare=folder / "compare.%02d.png", layers=folder / "layers")
        edit_video(clip, folder / "out" / "f.%03d.png", ["smile=1"], outputs)
    assert contents(tmp_path / "one") == contents(tmp_path / "parts")
    assert len(contents(tmp_path / "one")) == 5 * COUNT + 1


def test_masked_edits_of_regions_are_those_of_one_piece(clip: Path, tmp_path: Path) -> None:
    mattes = tmp_path / "mattes"
    mattes.mkdir()
    for index in range(COUNT):
        matte = np.zeros((120, 160), np.uint8)
        matte[:, 50 + 5 * index :] = 255
        cv2.imwrite(str(mattes / f"m.{index:02}.png"), matte)
    edits = [parse_edit("smile=0@00:00:00:01,1@00:00:00:05:mouth=1.5:rest=0.5"), parse_edit("age=1")]
    compositing = CompositingOptions(mask=mattes, holdout=mattes / "m.06.png")
    for name, options in (("one", in_segments(100)), ("parts", in_segments(2, workers=2))):
        folder = tmp_path / name
        folder.mkdir()
        outputs = replace(options, codec=None, layers=folder / "layers", compositing=compositing, frames=(1, 5), fade=2)
        edit_video(clip, folder / "out" / "f.%03d.png", edits, outputs)
    assert contents(tmp_path / "one") == contents(tmp_path / "parts")
    assert len(contents(tmp_path / "one")) == COUNT + 3 * 5 + 1  # a frame before the first keyframe has only age


def test_a_changed_matte_makes_segments_void(clip: Path, tmp_path: Path) -> None:
    mattes, info = tmp_path / "matte.##.png", open_clip(clip).info
    options = replace(OPTIONS, compositing=CompositingOptions(mask=mattes))

    def write_matte(level: int) -> None:
        cv2.imwrite(str(tmp_path / "matte.01.png"), np.full((120, 160), level, np.uint8))

    def key() -> str:
        """Return the key of what the segments of an edit depend on."""
        found = open_mattes(options.compositing, info)
        assert found is not None
        edits = [FaceEdits([parse_edit("smile=1")], "largest")]
        with job_workspace(tmp_path / "out.mkv", info, edits, options, found.files) as workspace:
            stored: str = json.loads((workspace.folder / "job.json").read_text())["key"]
        return stored

    write_matte(0)
    before = key()
    assert key() == before
    write_matte(255)
    assert key() != before


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_published_models_give_the_same_frames_in_segments(clip: Path, tmp_path: Path, published: str) -> None:
    hashes = []
    for number, options in enumerate((in_segments(100), in_segments(4))):
        edit_video(clip, tmp_path / f"{number}.mkv", ["smile=1"], replace(options, model=published))
        hashes.append(frame_hashes(tmp_path / f"{number}.mkv"))
    assert hashes[0] == hashes[1]


def test_a_killed_edit_goes_on_at_its_segment(clip: Path, whole: list[str], tmp_path: Path) -> None:
    """Finished segments are not repeated after kill -9; nor is the analysis, which is cached."""
    out = tmp_path / "out.mkv"
    kill_when(clip, out, lambda: list(tmp_path.glob(".*/done/000001.json")))
    assert not out.exists()
    repeated: list[int] = []

    def record(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        if stage in ("track", "edit"):
            repeated.append(total or 0)
        yield from items

    edit_video(clip, out, ["smile=1"], in_segments(2), record)
    assert len(repeated) == 1
    assert repeated[0] <= COUNT - 4
    assert frame_hashes(out) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def command(clip: Path, out: Path) -> list[str]:
    arguments = ["--attr", "smile=1", "--codec", "ffv1", "--batch-size", "4", "--device", "cpu"]
    return [sys.executable, "-m", "facevid", "edit", str(clip), str(out), *arguments, "--segment", str(2 / RATE)]


def kill_when(clip: Path, out: Path, happened: Callable[[], object], stop: signal.Signals = signal.SIGKILL) -> int:
    """Run the edit, send a signal when `happened` returns something, and return the exit code."""
    with subprocess.Popen(command(clip, out), stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[1]) as process:
        deadline = time.monotonic() + 120
        while not happened() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(stop)
    return process.returncode


def test_an_interrupted_edit_leaves_no_result_and_goes_on(clip: Path, whole: list[str], tmp_path: Path) -> None:
    """This one is interrupted during the analysis."""
    out = tmp_path / "out.mkv"
    assert kill_when(clip, out, lambda: list(tmp_path.glob(".*/track/000001.npz")), signal.SIGINT) == 130
    assert not out.exists()
    edit_video(clip, out, ["smile=1"], in_segments(2))
    assert frame_hashes(out) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_other_options_do_not_take_over_segments(clip: Path, whole: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Workspace, "__exit__", lambda self, *error: self._lock.release())
        edit_video(clip, out, ["smile=-1"], in_segments(2), raise_after("edit", Killed))
    assert len(list(tmp_path.glob(".*.facevid/done/*.json"))) == COUNT // 2 + 1
    edit_video(clip, out, ["smile=1"], in_segments(2))
    assert frame_hashes(out) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


class Killed(BaseException):
    """Ends an edit; with `Workspace.__exit__` replaced, there is no clean-up, as after a kill."""


def test_a_sequence_killed_while_it_is_moved_into_place_is_completed(clip: Path, tmp_path: Path) -> None:
    """The files that are there already are this edit's own: they need no --overwrite."""
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "f.%03d.png"
    options = replace(in_segments(2), codec=None)
    edit_video(clip, target, ["smile=1"], options)
    expected = contents(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "__exit__", lambda self, *error: self._lock.release())
        for path in folder.iterdir():
            path.unlink()
        with pytest.raises(Killed):
            edit_video(clip, target, ["smile=1"], options, raise_after("edit", Killed))
    (workspace,) = folder.glob(".*.facevid")
    assert not (workspace / "committing").exists()
    (workspace / "committing").touch()
    (folder / "f.003.png").write_bytes(b"half")
    edit_video(clip, target, ["smile=1"], options)
    assert contents(folder) == expected


def raise_after(last: str, error: type[BaseException]) -> Progress:
    """Return a progress that raises at the end of a stage."""

    def progress(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        yield from items
        if stage == last:
            raise error

    return progress


def test_files_that_others_made_need_overwrite(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "f.003.png").write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"f\.%03d\.png"):
        edit_video(clip, tmp_path / "f.%03d.png", ["smile=1"], replace(in_segments(2), codec=None))
    assert contents(tmp_path) == {"f.003.png": b"precious"}


def test_an_error_leaves_no_segments(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out\.mkv"):
        edit_video(clip, tmp_path / "out.mkv", ["smile=1"], in_segments(2), raise_after("edit", FullDiskError))
    assert list(tmp_path.iterdir()) == []


class FullDiskError(OutputError):
    """An error of the project, as of a full disk."""

    def __init__(self) -> None:
        super().__init__("out.mkv cannot be written: the disk is full; free some space")


def test_two_edits_of_one_result_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    with Workspace(out, tmp_path, {"smile": 1}), pytest.raises(BusyError, match=r"out\.mkv"):
        Workspace(out, tmp_path, {"smile": 1}).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_damaged_records_count_as_none(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "out.mkv", tmp_path, {"smile": 1})
    workspace.folder.mkdir()
    (workspace.folder / "job.json").write_text("{")
    (workspace.folder / "done").mkdir()
    (workspace.folder / "done" / "000000.json").write_text("{}")
    with workspace:
        assert not workspace.has_segments
        assert json.loads((workspace.folder / "job.json").read_text())["key"]


@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=pytest.mark.ray)])
def test_frames_are_the_same_after_the_loss_of_a_worker(
    request: pytest.FixtureRequest, clip: Path, whole: list[str], tmp_path: Path, engine: str
) -> None:
    """A worker is killed in the middle of its first segment."""
    out, marker = tmp_path / "out.mkv", tmp_path / "killed"
    address = {"address": request.getfixturevalue("ray_cluster")} if engine == "ray" else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facevid.analysis.segments._exhaust", partial(tasks.lose_a_worker, marker))
        edit_video(clip, out, ["smile=1"], in_segments(3, workers=2, engine=engine, **address))
    marker.unlink()
    assert frame_hashes(out) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]
