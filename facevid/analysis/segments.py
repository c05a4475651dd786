"""Per-frame stages in segments: in this process one after another, or on the workers of an engine.

A stage is a generator function of one task. It reads the frames of a segment, yields after each one, and leaves a file
for the segment. A task whose file exists is not repeated.
"""

import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from facevid.engines import Engine
from facevid.faces.detector import Detector
from facevid.faces.landmarks import DetectorName, choose_detector
from facevid.utils.progress import Progress
from facevid.video import ClipInfo, Frame
from facevid.video.reader.timeline import Timeline

if TYPE_CHECKING:
    from facevid.models import FaceModel

SEGMENT_FRAMES = 250
"""Default length of a segment in frames: ten seconds at 25 frames a second."""

KEPT_BYTES = 256 << 20
"""Memory, in bytes, for the first frames of a clip: 680 frames of 512 x 512 pixels, or 86 of 1080p, in 4:2:0."""

Task = TypeVar("Task")
Part = TypeVar("Part")
Spec = TypeVar("Spec")


class FrameSource(Protocol):
    """A clip whose parts can be read.

    Attributes:
        info: properties of the clip.
    """

    info: ClipInfo

    def frames(self, first: int = 0, stop: int | None = None, timeline: Timeline | None = None) -> Iterator[Frame]:
        """Yield the frames from `first` to `stop`, as `Clip.frames` does."""
        ...


class ContinuedClip:
    """A clip for passes over its frames in one process, one after another.

    The first frames stay in memory, so that a short clip is decoded only once. Beyond them, a part goes on decoding
    where the previous one ended, instead of seeking; it may begin with the last frame of the previous one, or after it.

    Args:
        clip: the clip.
        kept_bytes: limit of the memory for the first frames, in bytes.
    """

    def __init__(self, clip: FrameSource, kept_bytes: int = KEPT_BYTES) -> None:
        self.info = clip.info
        self._clip = clip
        self._kept: list[Frame] = []
        self._free_bytes = kept_bytes
        self._decoded: Iterator[Frame] = iter(())
        self._last: Frame | None = None

    def frames(self, first: int = 0, stop: int | None = None, timeline: Timeline | None = None) -> Iterator[Frame]:
        """Yield the frames from `first` to `stop`, as `Clip.frames` does."""
        index = first
        while stop is None or index < stop:
            frame = self._kept[index] if index < len(self._kept) else self._decode(index, timeline)
            if frame is None:
                return
            yield frame
            index += 1

    def _decode(self, index: int, timeline: Timeline | None) -> Frame | None:
        """Decode a frame, and keep it if it follows the kept ones and fits; None beyond the end of the clip."""
        if self._last is None or index < self._last.index:
            self._decoded, self._last = self._clip.frames(index, None, timeline), None
        while self._last is None or self._last.index < index:
            try:
                frame = next(self._decoded, None)
            except BaseException:
                self._last = None  # the generator has ended: decode again, and fail again
                raise
            if frame is None:
                return None
            self._last = frame
            self._keep(frame)
        return self._last

    def stop_keeping(self) -> None:
        """Keep no further frames in memory, because the next pass is the last."""
        self._free_bytes = 0

    def _keep(self, frame: Frame) -> None:
        size = sum(plane.buffer_size for plane in frame.native.planes)
        if frame.index == len(self._kept) and size <= self._free_bytes:
            self._kept.append(frame)
            self._free_bytes -= size


@dataclass(frozen=True)
class ModelSpec:
    """A model that each worker loads: the arguments of `load_model`, and the size of batches."""

    name: str | None
    device: str
    precision: str
    batch_size: int


@dataclass(frozen=True)
class DetectorSpec:
    """A detector that each worker loads: its name, and the device of the networks."""

    name: DetectorName
    device: str


@lru_cache(maxsize=1)
def _loaded_model(spec: ModelSpec) -> "FaceModel":
    from facevid.models import load_model  # imports torch

    return replace(load_model(spec.name, spec.device, spec.precision), batch_size=spec.batch_size)


@lru_cache(maxsize=1)
def _loaded_detector(spec: DetectorSpec) -> Detector:
    from facevid.utils.device import choose_device  # imports torch

    return choose_detector(spec.name, choose_device(spec.device)).detector


def loaded_model(model: "FaceModel | ModelSpec") -> "FaceModel":
    """Return a model; one that is only specified is loaded once in each process."""
    return _loaded_model(model) if isinstance(model, ModelSpec) else model


def loaded_detector(detector: Detector | DetectorSpec) -> Detector:
    """Return a detector; one that is only specified is loaded once in each process."""
    return _loaded_detector(detector) if isinstance(detector, DetectorSpec) else detector


@dataclass(frozen=True)
class SegmentRunner:
    """Runs the per-frame stages of a clip.

    Attributes:
        length: frames of a segment.
        folder: where the files of the segments are; None for a temporary folder in each stage.
        engine: runs the tasks; None for this process.
        detector, model: what workers load.
    """

    length: int = SEGMENT_FRAMES
    folder: Path | None = None
    engine: Engine | None = None
    detector: DetectorSpec | None = None
    model: ModelSpec | None = None

    def for_tasks(self, loaded: Part, spec: Spec | None) -> Part | Spec:
        """Return what tasks use: something loaded in this process, or what workers load instead."""
        if self.engine is None:
            return loaded
        assert spec is not None
        return spec

    def path(self, number: int, suffix: str) -> Path:
        """Return the path of a segment's file."""
        return self.file(f"{number:06}{suffix}")

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        assert self.folder is not None
        return self.folder / name

    def delete(self, *stages: str) -> None:
        """Delete the files of stages whose result is complete."""
        for stage in stages:
            if self.folder is not None:
                shutil.rmtree(self.folder / stage, ignore_errors=True)

    def segments(self, first: int, stop: int) -> list[range]:
        """Divide frames into segments; all but the last begin and end at multiples of the length."""
        starts = range(first - first % self.length, stop, self.length)
        return [range(max(start, first), min(start + self.length, stop)) for start in starts]

    def number(self, frame: int) -> int:
        """Return the number of the segment that contains a frame."""
        return frame // self.length

    def run(
        self,
        stage: str,
        function: Callable[[Task], Iterator[int]],
        tasks: Iterable[Task],
        progress: Progress,
        total: int | None,
    ) -> None:
        """Run a stage on all tasks.

        Args:
            stage: name of the stage, for the progress.
            function: the stage; it yields the index of each frame it has processed.
            tasks: one for each segment that is not complete.
            progress: receives each frame; from workers, the frames of each segment when it is complete.
            total: expected number of frames.

        Raises:
            Exception: that of the first task that fails; the others are cancelled.
        """
        with closing(self._frames_done(function, tasks)) as frames:  # its threads end before files are deleted
            for _ in progress(stage, frames, total):
                pass

    def _frames_done(
        self, function: Callable[[Task], Iterator[int]], tasks: Iterable[Task]
    ) -> Generator[object, None, None]:
        if self.engine is None:
            for task in tasks:
                yield from function(task)
            return
        for outcome in self.engine.run(partial(_exhaust, function), tasks):
            yield [None] * outcome.result()


def _exhaust(function: Callable[[Task], Iterator[int]], task: Task) -> int:
    """Run a stage on one task; return the number of frames."""
    return sum(1 for _ in function(task))
