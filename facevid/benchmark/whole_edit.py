"""A whole edit beside its floor: decoding once, landmarks once, and encoding the same number of pictures."""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from facevid.analysis.segment_detection import detect_in_order
from facevid.benchmark.memory import peak_memory
from facevid.errors import FacevidError
from facevid.faces.landmarks import Detector, choose_detector
from facevid.models import FaceModel, load_model
from facevid.models.store import locate
from facevid.options import ComputeOptions, EditOptions
from facevid.pipeline import edit_video
from facevid.utils.batches import batches
from facevid.utils.cache import cache_folder
from facevid.utils.cores import configure_process, core_count
from facevid.utils.device import choose_device, limit_threads
from facevid.video import Clip, ClipWriter, open_clip

FRAMES = 48
"""Number of frames of a clip that are edited: enough for the start and the end of each pass to hardly count."""

BATCH = 8
"""Frames that are decoded, then analysed or encoded, at once: bounds the memory of the floor."""

_TIMES = ("decode", "landmarks", "encode", "first", "second")


@dataclass(frozen=True)
class WholeEdit:
    """Times of a whole edit in one process, without the start of Python; medians over the rounds, in seconds.

    Attributes:
        frames: number of frames.
        edits: the first edit; the second one goes the opposite way.
        decode_seconds: time to decode the frames.
        landmarks_seconds: time to convert the frames to RGB and to detect the faces and their landmarks.
        encode_seconds: time to encode the frames of the source with the settings of the edit.
        first_seconds: time of an edit with an empty cache.
        second_seconds: time of another edit of the same clip, whose analysis is cached.
        first_ratio: first edit relative to the floor (decoding, landmarks, encoding) of the same round, median.
        second_ratio: second edit relative to decoding and encoding of the same round, median.
        peak_bytes: peak resident memory of the process, in bytes.
    """

    frames: int
    edits: tuple[str, ...]
    decode_seconds: float
    landmarks_seconds: float
    encode_seconds: float
    first_seconds: float
    second_seconds: float
    first_ratio: float
    second_ratio: float
    peak_bytes: int

    @property
    def floor_seconds(self) -> float:
        """Time of decoding, landmarks and encoding, one after another, in seconds."""
        return self.decode_seconds + self.landmarks_seconds + self.encode_seconds


def time_whole_edit(source: Path, model: str | Path | None, compute: ComputeOptions, rounds: int) -> WholeEdit:
    """Time edits of the first frames of a clip, and their floor, alternately in a process of their own.

    Args:
        source: the clip, which shows a face.
        model: a name in the store, or a path; None is the bundled model.
        compute: device, precision and batch size of the networks.
        rounds: number of timed rounds.

    Raises:
        FacevidError: the edit fails, or the process was killed.
    """
    path = locate(model)  # the process has a cache, and so a store, of its own
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
            return child.submit(_measure, source, path, compute, rounds).result()
    except BrokenProcessPool as error:
        raise FacevidError(
            f"{source}: its edit was killed, probably for lack of memory; free some memory and try again"
        ) from error


def _measure(source: Path, model: Path, compute: ComputeOptions, rounds: int) -> WholeEdit:
    """Run the rounds. Runs in the child process."""
    configure_process()
    device = choose_device(compute.device)
    loaded = load_model(model, device)
    limit_threads(1 if loaded.is_small else core_count())  # of the floor too, as an edit does
    first, second = _choose_edits(loaded)
    options = EditOptions(model=str(model), compute=compute, overwrite=True)
    with tempfile.TemporaryDirectory(prefix="facevid-bench-") as folder:
        os.environ["FACEVID_HOME"] = folder
        clip = open_clip(shorten(source, FRAMES, Path(folder)))
        target = _target(clip, Path(folder))
        detector = choose_detector("auto", device).detector
        seconds: dict[str, list[float]] = {name: [] for name in _TIMES}
        frame_count = 0
        for _ in range(rounds):
            shutil.rmtree(cache_folder(), ignore_errors=True)
            frame_count, floor = time_floor(clip, target, detector)
            edits = {"first": first, "second": second}
            times = floor | {name: _time_edit(clip, target, each, options) for name, each in edits.items()}
            for name, value in times.items():
                seconds[name].append(value)
        return _summary(frame_count, first, {name: np.array(values) for name, values in seconds.items()})


def _choose_edits(model: FaceModel) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the first edit, a smile and fewer years if the model has these attributes, and another edit."""
    attributes = [f"{each.method}:{each.attribute.everyday}" for each in model.editors]
    usual = [name for name in ("transformer:smile", "transformer:age") if name in attributes]
    smile, age = (usual if len(usual) == 2 else [*attributes, *attributes])[:2]
    return (f"{smile}=1", f"{age}=-0.5"), (f"{smile}=-1", f"{age}=0.5")


def _summary(frame_count: int, edits: tuple[str, ...], seconds: dict[str, NDArray[np.float64]]) -> WholeEdit:
    cached_floor = seconds["decode"] + seconds["encode"]
    medians = {f"{name}_seconds": float(np.median(values)) for name, values in seconds.items()}
    return WholeEdit(
        frames=frame_count,
        edits=edits,
        first_ratio=float(np.median(seconds["first"] / (cached_floor + seconds["landmarks"]))),
        second_ratio=float(np.median(seconds["second"] / cached_floor)),
        peak_bytes=peak_memory(),
        **medians,
    )


def time_floor(clip: Clip, target: Path, detector: Detector) -> tuple[int, dict[str, float]]:
    """Time the floor of an edit, a batch of frames at a time.

    Returns:
        the number of frames, and the time in seconds of "decode", "landmarks" and "encode".
    """
    seconds = dict.fromkeys(("decode", "landmarks", "encode"), 0.0)
    began = time.perf_counter()
    frame_count = sum(1 for _ in clip.frames())
    seconds["decode"] = time.perf_counter() - began
    began = time.perf_counter()
    for _ in detect_in_order(detector, (frame.rgb() for frame in clip.frames())):
        pass
    seconds["landmarks"] = max(time.perf_counter() - began - seconds["decode"], 0.0)
    with ClipWriter(target, clip, overwrite=True) as writer:
        for batch in batches(clip.frames(), BATCH):
            began = time.perf_counter()
            for frame in batch:
                writer.write(frame)
            seconds["encode"] += time.perf_counter() - began
        began = time.perf_counter()
    seconds["encode"] += time.perf_counter() - began
    return frame_count, seconds


def shorten(source: Path, count: int, folder: Path) -> Path:
    """Copy the first `count` frames of a clip into a folder, without sound; return the path of the copy.

    Packets of a video and files of a sequence are copied, not decoded. A still is returned as it is.
    """
    info = open_clip(source).info
    if info.sequence:
        for path in info.files[:count]:
            shutil.copy(path, folder)
        return folder / info.path.name
    if info.is_still:
        return source
    copy = folder / f"source{source.suffix}"
    with av.open(f"file:{source}") as opened, av.open(f"file:{copy}", "w") as written:
        stream = opened.streams[info.stream_index]
        assert isinstance(stream, VideoStream)
        target = written.add_stream_from_template(stream)
        for packet in opened.demux(stream):
            if packet.dts is None or not count:
                break
            packet.stream = target
            written.mux(packet)
            count -= 1
    return copy


def _target(clip: Clip, folder: Path) -> Path:
    """Return a path for the edit: a folder for a sequence, else a file with the suffix of the clip."""
    return folder / ("edited" if clip.info.sequence else f"edited{clip.info.path.suffix}")


def _time_edit(clip: Clip, target: Path, edits: Sequence[str], options: EditOptions) -> float:
    began = time.perf_counter()
    edit_video(clip.info.path, target, edits, options)
    return time.perf_counter() - began
