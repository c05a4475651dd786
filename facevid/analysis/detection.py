"""Detection of faces, flow and the measures of cuts in segments of a clip, and the join of all segments.

The file of a segment contains what the frames give by themselves or with the frame before. Whether a frame begins a
shot depends on frames far around it, so cuts are found when all segments are there.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.cuts import CutDetector, may_be_cut, thumbnail
from facevid.analysis.segments import (
    ContinuedClip,
    DetectorSpec,
    FrameSource,
    SegmentRunner,
    loaded_detector,
)
from facevid.faces.detector import Detector, Face
from facevid.faces.flow import landmark_flow
from facevid.utils.atomic_output import atomic_path
from facevid.utils.prefetch import prefetch_map
from facevid.utils.progress import Progress
from facevid.video import Clip, Frame
from facevid.video.reader.heap import trim_heap
from facevid.video.reader.timeline import Timeline, TimelineError, checksum, scan_timeline

BLOCK_FRAMES = 50
"""Number of frames after which a detector that follows faces starts afresh, at multiples of this number. So the faces
of a frame depend on the frames of its block only, however the clip is divided into segments."""

SEARCH_INTERVAL = 8
"""Number of frames of a block after which a detector that follows faces searches for new ones."""

END = "frames.json"
"""File with the number of frames of the clip; written when its end was read."""


@dataclass(frozen=True)
class Detections:
    """Faces and cuts of a clip, before tracking.

    Attributes:
        timeline: timestamps and checksums of all frames.
        cuts: indices of the frames that begin a shot, except the first frame.
        faces: of every frame.
    """

    timeline: Timeline
    cuts: tuple[int, ...]
    faces: list[list[Face]]


@dataclass(frozen=True)
class DetectionTask:
    """Detection in some frames of a clip.

    Attributes:
        clip: the clip.
        detector: finds the faces.
        frames: the frames of the segment; the clip may end before.
        timeline: timestamps around the first frame; None to decode from the start.
        path: file of the segment.
    """

    clip: FrameSource
    detector: Detector | DetectorSpec
    frames: range
    timeline: Timeline | None
    path: Path


@dataclass
class _Segment:
    """What is measured in the frames of a segment; `before` is the checksum of the frame before the first one."""

    before: int = 0
    pts: list[int] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    thumbnails: list[NDArray[np.uint8]] = field(default_factory=list)
    faces: list[list[Face]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the segment to an .npz file."""
        faces = [face for each in self.faces for face in each]
        landmarks = np.array([face.landmarks for face in faces], np.float32).reshape(-1, 68, 2)
        lost = np.full((68, 2), np.nan, np.float32)
        with atomic_path(path, durable=True) as temporary:
            np.savez(
                temporary,
                before=self.before,
                pts=np.array(self.pts, np.int64),
                checksums=np.array(self.checksums, np.uint32),
                thumbnails=np.array(self.thumbnails, np.uint8),
                counts=np.array([len(each) for each in self.faces]),
                boxes=np.array([face.box for face in faces], np.float64).reshape(-1, 4),
                landmarks=landmarks,
                scores=np.array([face.score for face in faces], np.float64),
                flow=np.array([lost if face.flow is None else face.flow for face in faces]).reshape(-1, 68, 2),
                has_flow=np.array([face.flow is not None for face in faces], bool),
            )


class _Follower:
    """Detects the faces of consecutive frames, with the state that a detector that follows faces needs.

    The state is the faces and the thumbnail of the previous frame, and whether a face was lost in this block. Other
    detectors have none.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._faces: list[Face] = []
        self._thumbnail: NDArray[np.uint8] | None = None
        self._has_lost = False

    def first_frame(self, index: int) -> int:
        """Return the frame with which detection has to begin, for the faces of frame `index`."""
        return index - index % BLOCK_FRAMES if self._detector.follows else index

    def detect(self, index: int, picture: NDArray[np.uint8], scaled: NDArray[np.uint8]) -> list[Face]:
        """Detect the faces of frame `index`, the one after that of the previous call; `scaled` is its thumbnail."""
        in_block = index % BLOCK_FRAMES
        if in_block == 0:
            self._has_lost = False
        starts = in_block == 0 or self._thumbnail is None or may_be_cut(self._thumbnail, scaled)
        search = starts or self._has_lost or in_block % SEARCH_INTERVAL == 0
        before = [] if starts else self._faces
        faces = self._detector.detect(picture, before, search=search)
        self._has_lost = self._has_lost or len(faces) < len(before)
        self._faces, self._thumbnail = faces, scaled
        return faces


def detect_segment(task: DetectionTask) -> Iterator[int]:
    """Detect the faces of a segment's frames, their flow, and thumbnails for the cuts; yield after each frame.

    Holds a few pictures at a time in memory: frames are converted ahead of their use. Writes no file if the clip has
    none of the frames.
    """
    detector, segment = loaded_detector(task.detector), _Segment()
    follower = _Follower(detector)
    previous: NDArray[np.uint8] | None = None
    is_video = not task.clip.info.is_image_source
    first = max(min(task.frames.start - 1, follower.first_frame(task.frames.start)), 0)
    frames = trim_heap(task.clip.frames(first, task.frames.stop, task.timeline))
    for frame, picture, scaled in prefetch_map(_converted, frames):
        crc = checksum(frame.native) if is_video else 0
        if frame.index < task.frames.start:
            if frame.index >= follower.first_frame(task.frames.start):
                follower.detect(frame.index, picture, scaled)
            previous, segment.before = picture, crc
            continue
        faces = [replace(face, mesh=None) for face in follower.detect(frame.index, picture, scaled)]
        if previous is not None:
            faces = [replace(face, flow=landmark_flow(previous, picture, face.landmarks)) for face in faces]
        segment.pts.append(frame.pts)
        segment.checksums.append(crc)
        segment.thumbnails.append(scaled)
        segment.faces.append(faces)
        previous = picture
        yield frame.index
    if segment.pts:
        segment.save(task.path)


def _converted(frame: Frame) -> tuple[Frame, NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a frame, its RGB picture and its thumbnail."""
    picture = frame.rgb()
    return frame, picture, thumbnail(picture)


def detect_faces(clip: Clip, detector: Detector, runner: SegmentRunner, progress: Progress) -> Detections:
    """Detect the faces of all frames of a clip, and its cuts.

    Workers find their segments by the times of packets. If these are not those of the decoded frames, or a segment that
    was found by a seek does not continue the one before, the clip is read from its start in this process.

    Args:
        clip: the clip.
        detector: finds the faces.
        runner: divides the clip; its folder keeps the files of the segments.
        progress: reports each frame, as stage "track".

    Raises:
        InputError: the clip cannot be decoded to its end.
    """
    assert runner.folder is not None
    end = runner.folder / END
    if not end.exists() and (runner.engine is None or not _detect_on_workers(clip, detector, runner, progress)):
        _detect_here(clip, detector, replace(runner, engine=None), progress)
    count = json.loads(end.read_text())["frames"]
    return _join([runner.path(runner.number(segment.start), ".npz") for segment in runner.segments(0, count)])


def _detect_on_workers(clip: Clip, detector: Detector, runner: SegmentRunner, progress: Progress) -> bool:
    """Detect on the workers of an engine; return whether the segments fit together."""
    assert runner.folder is not None
    count, timeline = clip.info.frame_count or 0, None
    if not clip.info.is_image_source:
        timeline = scan_timeline(clip.info)
        if timeline is None:
            return False
        count = len(timeline)
    segments = runner.segments(0, count)
    paths = [runner.path(number, ".npz") for number in range(len(segments))]
    used = runner.for_tasks(detector, runner.detector)
    tasks = [
        DetectionTask(clip, used, frames, timeline and timeline.around(frames), path)
        for frames, path in zip(segments, paths, strict=True)
        if not path.exists()
    ]
    try:
        runner.run("track", detect_segment, tasks, progress, sum(len(task.frames) for task in tasks))
    except TimelineError:
        _remove(paths)
        return False
    if not _are_consecutive(paths, segments):
        _remove(paths)
        return False
    _write_end(runner.folder, count)
    return True


def _detect_here(clip: Clip, detector: Detector, runner: SegmentRunner, progress: Progress) -> None:
    """Detect in this process, in one pass from the first frame that no segment contains."""
    assert runner.folder is not None
    known = _read_known(runner)
    reader = ContinuedClip(clip)
    expected = max((clip.info.frame_count or 0) - len(known), 0) or None

    def endless() -> Iterator[DetectionTask]:
        first = len(known)
        while True:
            path = runner.path(runner.number(first), ".npz")
            yield DetectionTask(reader, detector, range(first, first + runner.length), known, path)
            if not path.exists() or _frame_count(path) < runner.length:
                return
            first += runner.length

    runner.run("track", detect_segment, endless(), progress, expected)
    count = sum(_frame_count(path) for path in _existing(runner.folder))
    _write_end(runner.folder, count)


def _read_known(runner: SegmentRunner) -> Timeline:
    """Return the timeline of the first complete segments, and delete the files of later ones."""
    pts, checksums = [np.zeros(0, np.int64)], [np.zeros(0, np.uint32)]
    assert runner.folder is not None
    paths = _existing(runner.folder)
    for number, path in enumerate(paths):
        with np.load(path) as data:
            is_continued = path == runner.path(number, ".npz") and len(data["pts"]) == runner.length
            if not is_continued:
                _remove(paths[number:])
                break
            pts.append(data["pts"])
            checksums.append(data["checksums"])
    return Timeline(np.concatenate(pts), np.concatenate(checksums))


def _are_consecutive(paths: Sequence[Path], segments: Sequence[range]) -> bool:
    """Return whether each segment begins after the frame with which the one before ends."""
    last = None
    for path, frames in zip(paths, segments, strict=True):
        if not path.exists():
            return False
        with np.load(path) as data:
            if len(data["pts"]) != len(frames) or (last is not None and data["before"] != last):
                return False
            last = data["checksums"][-1]
    return True


def _join(paths: Sequence[Path]) -> Detections:
    cut_detector = CutDetector()
    pts, checksums, faces = list[NDArray[np.int64]](), list[NDArray[np.uint32]](), list[list[Face]]()
    for path in paths:
        with np.load(path) as data:
            pts.append(data["pts"])
            checksums.append(data["checksums"])
            for each in data["thumbnails"]:
                cut_detector.add_thumbnail(each)
            faces += _read_faces(data)
    return Detections(Timeline(np.concatenate(pts), np.concatenate(checksums)), cut_detector.cuts(), faces)


def _read_faces(data: Any) -> Iterator[list[Face]]:
    boxes, landmarks, scores, flow, has_flow = (data[n] for n in ("boxes", "landmarks", "scores", "flow", "has_flow"))
    position = 0
    for count in data["counts"].tolist():
        rows = range(position, position + count)
        yield [
            Face(tuple(boxes[i].tolist()), landmarks[i], float(scores[i]), flow[i] if has_flow[i] else None)
            for i in rows
        ]
        position += count


def _existing(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9]*.npz"))


def _frame_count(path: Path) -> int:
    with np.load(path) as data:
        return len(data["pts"])


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _write_end(folder: Path, count: int) -> None:
    with atomic_path(folder / END, durable=True) as temporary:
        temporary.write_text(json.dumps({"frames": count}))
