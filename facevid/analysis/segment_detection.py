"""Detection in one segment of a clip: faces and their flow, and thumbnails of the frames for the detection of cuts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.cuts import may_be_cut, thumbnail
from facevid.analysis.segments import DetectorSpec, FrameSource, loaded_detector
from facevid.faces.detector import Detector, Face, FollowingDetector
from facevid.faces.flow import landmark_flow
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.faces.mesh.crop import FaceCrop
from facevid.utils.atomic_output import atomic_path
from facevid.utils.prefetch import prefetch_map
from facevid.video import Frame
from facevid.video.reader.heap import trim_heap
from facevid.video.reader.timeline import Timeline, checksum

RESTART_INTERVAL_FRAMES = 50
"""Length of a block in frames. A detector that follows faces is reset at the start of each block, so the faces of a
frame depend on the frames of its block only, however the clip is divided into segments."""

SEARCH_INTERVAL_FRAMES = 8
"""Interval, in frames of a block, at which a detector that follows faces searches for new ones."""


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
    """What is detected in the frames of a segment.

    Attributes:
        before: checksum of the frame before the first one; 0 without one.
        pts: timestamp of each frame.
        checksums: checksum of each frame's samples; 0 in image sequences and stills.
        thumbnails: uint8 (36, 64, 3) RGB of each frame.
        faces: the faces of each frame.
    """

    before: int = 0
    pts: list[int] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    thumbnails: list[NDArray[np.uint8]] = field(default_factory=list)
    faces: list[list[Face]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the segment to an .npz file."""
        faces = [face for each in self.faces for face in each]
        landmarks = np.array([face.landmarks for face in faces], np.float32).reshape(-1, LANDMARK_COUNT, 2)
        no_flow = np.full((LANDMARK_COUNT, 2), np.nan, np.float32)
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
                flow=np.array([no_flow if face.flow is None else face.flow for face in faces]).reshape(
                    -1, LANDMARK_COUNT, 2
                ),
                has_flow=np.array([face.flow is not None for face in faces], bool),
            )


class _FrameDetector:
    """Detects the faces of consecutive frames.

    For a detector that follows faces, it holds the faces and the thumbnail of the previous frame, and whether a face
    was lost in this block.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._follower = detector if isinstance(detector, FollowingDetector) else None
        self._faces: list[Face] = []
        self._thumbnail: NDArray[np.uint8] | None = None
        self._has_lost = False

    def first_frame(self, index: int) -> int:
        """Return the index of the frame at which detection must start to give the faces of frame `index`."""
        return index - index % RESTART_INTERVAL_FRAMES if self._follower else index

    def candidates(self, index: int, picture: NDArray[np.uint8]) -> Sequence[FaceCrop] | None:
        """Search the picture of frame `index` if it is due; several threads may do so at once, in any order."""
        is_due = index % RESTART_INTERVAL_FRAMES % SEARCH_INTERVAL_FRAMES == 0
        return self._follower.search(picture) if self._follower and is_due else None

    def detect(
        self,
        index: int,
        picture: NDArray[np.uint8],
        scaled: NDArray[np.uint8],
        candidates: Sequence[FaceCrop] | None,
    ) -> list[Face]:
        """Detect the faces of frame `index`, the one after that of the previous call.

        Args:
            index: of the frame.
            picture: uint8 (H, W, 3) RGB.
            scaled: its thumbnail.
            candidates: from `candidates`.
        """
        if self._follower is None:
            return self._detector.detect(picture)
        in_block = index % RESTART_INTERVAL_FRAMES
        if in_block == 0:
            self._has_lost = False
        is_restart = in_block == 0 or self._thumbnail is None or may_be_cut(self._thumbnail, scaled)
        if candidates is None and (is_restart or self._has_lost):
            candidates = self._follower.search(picture)
        before = [] if is_restart else self._faces
        faces = self._follower.follow(picture, before, candidates)
        self._has_lost = self._has_lost or len(faces) < len(before)
        self._faces, self._thumbnail = faces, scaled
        return faces


def detect_in_order(detector: Detector, pictures: Iterable[NDArray[np.uint8]]) -> Iterator[list[Face]]:
    """Yield the faces of each frame, uint8 (H, W, 3) RGB, of a clip from its start, as an analysis finds them."""
    frame_detector = _FrameDetector(detector)
    for index, picture in enumerate(pictures):
        yield frame_detector.detect(index, picture, thumbnail(picture), frame_detector.candidates(index, picture))


def detect_segment(task: DetectionTask) -> Iterator[int]:
    """Detect the faces of a segment's frames, their flow, and thumbnails for the cuts; yield after each frame.

    Faces are detected in order, on the thread of the caller, while a thread pool converts and searches the next frames
    and measures the flow in the previous ones: a few pictures at a time are in memory. Writes no file if the clip has
    none of the frames.
    """
    detector, segment = loaded_detector(task.detector), _Segment()
    for measured in prefetch_map(partial(_measure, task), _detected_frames(task, detector)):
        if measured.frame.index < task.frames.start:
            segment.before = measured.checksum
            continue
        segment.pts.append(measured.frame.pts)
        segment.checksums.append(measured.checksum)
        segment.thumbnails.append(measured.thumbnail)
        segment.faces.append(measured.faces)
        yield measured.frame.index
    if segment.pts:
        segment.save(task.path)


@dataclass(frozen=True)
class _ConvertedFrame:
    """A frame, its picture, uint8 (H, W, 3) RGB, its thumbnail, and what a search of it found; None if not searched."""

    frame: Frame
    picture: NDArray[np.uint8]
    thumbnail: NDArray[np.uint8]
    candidates: Sequence[FaceCrop] | None


@dataclass(frozen=True)
class _MeasuredFrame:
    """A frame with its thumbnail, the checksum of its samples, and its faces with their flow."""

    frame: Frame
    thumbnail: NDArray[np.uint8]
    checksum: int
    faces: list[Face]


def _detected_frames(
    task: DetectionTask, detector: Detector
) -> Iterator[tuple[_ConvertedFrame | None, _ConvertedFrame, list[Face]]]:
    """Yield the previous frame, each frame and its faces, from a frame before the segment on."""
    follower, previous = _FrameDetector(detector), None
    start = follower.first_frame(task.frames.start)
    first = max(min(task.frames.start - 1, start), 0)
    frames = trim_heap(task.clip.frames(first, task.frames.stop, task.timeline))
    for converted in prefetch_map(partial(_convert, follower), frames):
        index, picture = converted.frame.index, converted.picture
        is_needed = index >= start
        faces = follower.detect(index, picture, converted.thumbnail, converted.candidates) if is_needed else []
        yield previous, converted, faces
        previous = converted


def _convert(follower: _FrameDetector, frame: Frame) -> _ConvertedFrame:
    picture = frame.rgb()
    return _ConvertedFrame(frame, picture, thumbnail(picture), follower.candidates(frame.index, picture))


def _measure(
    task: DetectionTask, detected: tuple[_ConvertedFrame | None, _ConvertedFrame, list[Face]]
) -> _MeasuredFrame:
    """Compute the checksum of a frame of a video, and the flow of its faces if it belongs to the segment."""
    previous, converted, faces = detected
    faces = [replace(face, mesh=None) for face in faces]
    if previous is not None and converted.frame.index >= task.frames.start:
        faces = [
            replace(face, flow=landmark_flow(previous.picture, converted.picture, face.landmarks)) for face in faces
        ]
    crc = 0 if task.clip.info.is_image_source else checksum(converted.frame.native)
    return _MeasuredFrame(converted.frame, converted.thumbnail, crc, faces)
