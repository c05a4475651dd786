"""Detection of the faces and cuts of a clip, from the detection in its segments.

Whether a frame begins a shot depends on frames before and after it, so cuts are detected when all segments are
complete.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.cuts import CutDetector
from facevid.analysis.segment_detection import DetectionTask, detect_segment
from facevid.analysis.segments import (
    ContinuedClip,
    FrameSource,
    SegmentRunner,
)
from facevid.faces.detector import Detector, Face
from facevid.utils.atomic_output import atomic_path
from facevid.utils.progress import Progress
from facevid.video.reader.timeline import Timeline, TimelineError, scan_timeline

END_FILE = "frames.json"
"""File with the number of frames of the clip; written when the end of the clip is reached."""


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


def detect_faces(clip: FrameSource, detector: Detector, runner: SegmentRunner, progress: Progress) -> Detections:
    """Detect the faces of all frames of a clip, and its cuts.

    Workers seek to their segments by the timestamps of packets. If these differ from those of the decoded frames, or if
    a segment does not continue the one before, the clip is read from its start in this process.

    Args:
        clip: the clip; without an engine, one that continues where the previous part ended.
        detector: finds the faces.
        runner: divides the clip; its folder keeps the files of the segments.
        progress: reports each frame, as stage "track".

    Raises:
        InputError: the clip cannot be decoded to its end.
    """
    assert runner.folder is not None
    end = runner.folder / END_FILE
    if not end.exists() and (runner.engine is None or not _detect_on_workers(clip, detector, runner, progress)):
        reader = clip if runner.engine is None else ContinuedClip(clip, kept_bytes=0)
        _detect_in_process(reader, detector, replace(runner, engine=None), progress)
    count = json.loads(end.read_text())["frames"]
    return _join([runner.path(runner.number(segment.start), ".npz") for segment in runner.segments(0, count)])


def _detect_on_workers(clip: FrameSource, detector: Detector, runner: SegmentRunner, progress: Progress) -> bool:
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


def _detect_in_process(reader: FrameSource, detector: Detector, runner: SegmentRunner, progress: Progress) -> None:
    """Detect in this process, in one pass from the first frame that no segment contains."""
    assert runner.folder is not None
    known = _read_complete_segments(runner)
    expected = max((reader.info.frame_count or 0) - len(known), 0) or None

    def endless() -> Iterator[DetectionTask]:
        first = len(known)
        while True:
            path = runner.path(runner.number(first), ".npz")
            yield DetectionTask(reader, detector, range(first, first + runner.length), known, path)
            if not path.exists() or _frame_count(path) < runner.length:
                return
            first += runner.length

    runner.run("track", detect_segment, endless(), progress, expected)
    count = sum(_frame_count(path) for path in _segment_files(runner.folder))
    _write_end(runner.folder, count)


def _read_complete_segments(runner: SegmentRunner) -> Timeline:
    """Return the timeline of the first complete segments, and delete the files of later ones."""
    pts, checksums = [np.zeros(0, np.int64)], [np.zeros(0, np.uint32)]
    assert runner.folder is not None
    paths = _segment_files(runner.folder)
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


def _segment_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9]*.npz"))


def _frame_count(path: Path) -> int:
    with np.load(path) as data:
        return len(data["pts"])


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _write_end(folder: Path, count: int) -> None:
    with atomic_path(folder / END_FILE, durable=True) as temporary:
        temporary.write_text(json.dumps({"frames": count}))
