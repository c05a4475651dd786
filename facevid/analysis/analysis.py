"""Analysis of a clip before any edit: its cuts and tracks, and the quads, codes and occlusion of selected tracks.

Both parts are cached: tracking depends on the clip and the detector, encoding also on the model and the smoothing.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import Tracking, load_tracking, save_tracking, track_faces
from facevid.analysis.crops import FacesOfSegment, faces_by_segment
from facevid.analysis.detection import detect_faces
from facevid.analysis.edit_weights import edit_weights
from facevid.analysis.encoded import EncodedTrack, TrackFiles
from facevid.analysis.encoding import (
    DescriptionTask,
    EncodedSegment,
    EncodingTask,
    describe_segment,
    encode_segment,
)
from facevid.analysis.occlusion_estimation import (
    OcclusionEstimator,
    OcclusionTask,
    Outlines,
    compare_segment,
    read_mismatches,
)
from facevid.analysis.reference_appearance import MASK_SIDE
from facevid.analysis.segments import ContinuedClip, FrameSource, SegmentRunner
from facevid.analysis.selection import select_tracks
from facevid.faces.detector import Detector
from facevid.faces.identity import SIZE, View
from facevid.faces.published_stabilisation import published_landmarks, published_quads
from facevid.faces.stabilisation import stable_landmarks, stable_quads
from facevid.faces.tracking import Track
from facevid.options import ComputeOptions, Faces, TrackingOptions
from facevid.utils.cache import cached_folder, file_key
from facevid.utils.progress import Progress, no_progress
from facevid.video import Clip
from facevid.video.reader.timeline import Timeline

if TYPE_CHECKING:
    from facevid.analysis.segments import ModelSpec
    from facevid.models import FaceModel

VERSION = 17
"""Version of the analysis, a part of the cache key. Increase it with every change that alters results."""

DEFAULT_RATE = Fraction(25)
"""Frame rate, in frames a second, assumed for a clip without one: a still or a container that does not declare it."""

QUAD_SIGMA_FACTOR = 3.0
"""Sigma of the Gaussian over quads, as a multiple of `TrackingOptions.smooth`; large: quads follow the head."""

LANDMARK_SIGMA_FACTOR = 0.5
"""Sigma of the Gaussian over landmarks, as a multiple of `TrackingOptions.smooth`; small: lips move fast."""

OCCLUDED_SHARE_FILE = "hidden"
"""Name of the cached array with the occluded share of each frame, float32 (N,); a new name needs a new `VERSION`."""

FADE_SECONDS = Fraction(1, 4)
"""Length, in seconds, of the fade where a face is found, lost, or turns away."""


@dataclass(frozen=True)
class Analysis:
    """The analysis of one clip.

    Attributes:
        clip: the clip.
        detector: finds faces and their landmarks.
        options: gap, smoothing and stabilisation method.
        progress: reports the stages "track", "identify", "encode" and "occlusion".
        runner: divides the clip into segments.
    """

    clip: Clip
    detector: Detector
    options: TrackingOptions
    progress: Progress = no_progress
    runner: SegmentRunner = SegmentRunner()  # noqa: RUF009 -- immutable

    def track(self) -> Tracking:
        """Detect and track all faces of the clip and identify its people, or load the cached result.

        Raises:
            InputError: the clip cannot be decoded to its end.
            ModelError: the weights of dlib's face descriptor are missing.
        """

        def fill(folder: Path) -> None:
            with self._stage("track", folder) as runner:
                detections = detect_faces(self.source, self.detector, runner, self.progress)
                max_gap = self._frame_count(self.options.max_gap)

                def describe(views: Sequence[View]) -> NDArray[np.float64]:
                    return self._describe(views, detections.timeline, folder)

                tracking = track_faces(detections.faces, detections.timeline, detections.cuts, max_gap, describe)
                save_tracking(folder / "tracking.npz", tracking)

        tracking = load_tracking(cached_folder(self._cache_key(), fill) / "tracking.npz")
        self.runner.delete("track", "identify")
        return tracking

    def select(self, tracking: Tracking, wanted: Faces) -> list[Track]:
        """Select tracks to edit.

        Args:
            tracking: of the clip.
            wanted: as `TrackingOptions.faces`.

        Raises:
            FacevidError: as `select_tracks`.
        """
        return select_tracks(tracking, wanted, self.detector, self.clip.info.path)

    def encode(
        self, tracking: Tracking, tracks: Sequence[Track], model: "FaceModel", compute: ComputeOptions
    ) -> list[EncodedTrack]:
        """Align and encode the faces of tracks and estimate their occlusion, or load the cached result."""
        quads = [self.quads(track) for track in tracks]

        def fill(folder: Path) -> None:
            with self._stage("encode", folder) as runner:
                faces = faces_by_segment(tracks, quads, [self.landmarks(track) for track in tracks], runner)
                used = runner.for_tasks(model, runner.model)
                paths = self._encode_segments(faces, used, tracking, batch_size=compute.batch_size, runner=runner)
                self._join_encoded(folder, paths, tracks, quads, runner)

        encoding = {
            "tracks": [[track.person, track.first] for track in tracks],
            "smooth": self.options.smooth,
            "smoothing_method": self.options.smoothing_method,
            "model": model.fingerprint,
            "occlusion": model.occlusion_fingerprint,
            "crop_size": model.crop_size,
            "precision": model.precision,
        }
        folder = cached_folder(self._cache_key() | encoding, fill)
        self.runner.delete("encode")
        return [
            self._encoded_track(tracking, track, quad, TrackFiles(folder, track))
            for track, quad in zip(tracks, quads, strict=True)
        ]

    def _encode_segments(
        self,
        divided: Mapping[int, Sequence[FacesOfSegment]],
        model: "FaceModel | ModelSpec",
        tracking: Tracking,
        *,
        batch_size: int,
        runner: SegmentRunner,
    ) -> list[Path]:
        """Encode the faces of each segment, and return the files."""
        clip, tasks, paths = self.source, list[EncodingTask](), list[Path]()
        for number, faces in sorted(divided.items()):
            paths.append(runner.path(number, ".npz"))
            frames = range(min(each.first for each in faces), max(each.stop for each in faces))
            task = EncodingTask(clip, model, tuple(faces), batch_size, tracking.timeline.around(frames), paths[-1])
            if not task.path.exists():
                tasks.append(task)
        total = sum(len(each.quads) for task in tasks for each in task.faces)
        runner.run("encode", encode_segment, tasks, self.progress, total)
        return paths

    def _join_encoded(
        self,
        folder: Path,
        paths: Sequence[Path],
        tracks: Sequence[Track],
        quads: Sequence[NDArray[np.float64]],
        runner: SegmentRunner,
    ) -> None:
        """Write the codes, the visibility and the occluded share (`OCCLUDED_SHARE_FILE`) of tracks to `folder`."""
        files = [TrackFiles(folder, track) for track in tracks]
        features_paths = [runner.file(f"features-{index:04}.npy") for index in range(len(tracks))]
        estimators = [OcclusionEstimator(path, len(track)) for path, track in zip(features_paths, tracks, strict=True)]
        for path in paths:
            _distribute(EncodedSegment.read(path), files, estimators)
        compared: list[list[Path] | None] = [None for _ in tracks]
        if runner.engine is not None:
            for estimator in estimators:
                estimator.sync()
            compared = [*self._compare_frames(features_paths, tracks, quads, runner)]
        for track, quad, each, estimator, segments in zip(tracks, quads, files, estimators, compared, strict=True):
            visibility = each.create("visibility", np.uint8, MASK_SIDE, MASK_SIDE)
            mismatches = None if segments is None else read_mismatches(segments)
            shares = estimator.estimate(track.landmarks, quad, visibility, self.progress, mismatches)
            np.save(each.path(OCCLUDED_SHARE_FILE), shares)

    def _compare_frames(
        self,
        features_paths: Sequence[Path],
        tracks: Sequence[Track],
        quads: Sequence[NDArray[np.float64]],
        runner: SegmentRunner,
    ) -> list[list[Path]]:
        """Compare the frames of each track with each other, on workers; return the files of its segments."""
        tasks, paths = list[OcclusionTask](), list[list[Path]]()
        for index, (track, quad, features) in enumerate(zip(tracks, quads, features_paths, strict=True)):
            outlines, own = Outlines(track.landmarks, quad), list[Path]()
            for frames in runner.segments(0, len(track)):
                own.append(runner.file(f"{runner.number(frames.start):06}-{index:04}.npy"))
                if not own[-1].exists():
                    tasks.append(OcclusionTask(features, outlines.around(frames), frames, own[-1]))
            paths.append(own)
        runner.run("occlusion", compare_segment, tasks, self.progress, sum(len(task.frames) for task in tasks))
        return paths

    def _encoded_track(
        self, tracking: Tracking, track: Track, quads: NDArray[np.float64], files: TrackFiles
    ) -> EncodedTrack:
        shot = next(shot for shot in tracking.shots if track.first in shot)
        frame_size = self.clip.info.square_size[::-1]
        occluded_share = files.read(OCCLUDED_SHARE_FILE)[:]
        return EncodedTrack(
            track=track,
            quads=quads,
            landmarks=self.landmarks(track),
            edit_weights=edit_weights(track, shot, frame_size, self._frame_count(FADE_SECONDS), occluded_share),
            codes=files.read("codes"),
            visibility=files.read("visibility"),
        )

    def _describe(self, views: Sequence[View], timeline: Timeline, folder: Path) -> NDArray[np.float64]:
        """Compute the descriptors of views, float64 (len(views), 128)."""
        with self._stage("identify", folder) as runner:
            positions: dict[int, list[int]] = {}
            for position, (index, _) in enumerate(views):
                positions.setdefault(runner.number(index), []).append(position)
            clip, tasks, total = self.source, list[DescriptionTask](), 0
            for number, own in sorted(positions.items()):
                path, own_views = runner.path(number, ".npy"), tuple(views[position] for position in own)
                if not path.exists():
                    frames = range(min(index for index, _ in own_views), max(index for index, _ in own_views) + 1)
                    tasks.append(DescriptionTask(clip, own_views, timeline.around(frames), path))
                    total += len({index for index, _ in own_views})
            if tasks:
                runner.run("identify", describe_segment, tasks, self.progress, total)
            descriptors = np.zeros((len(views), SIZE))
            for number, own in positions.items():
                descriptors[own] = np.load(runner.path(number, ".npy"))
            return descriptors

    @cached_property
    def source(self) -> FrameSource:
        """The clip for the tasks of all stages; in this process, one reader that they share."""
        return ContinuedClip(self.clip) if self.runner.engine is None else self.clip

    def source_of_last_pass(self) -> FrameSource:
        """Return `source` for the last pass over the clip, of which no further frames are kept in memory."""
        if isinstance(self.source, ContinuedClip):
            self.source.stop_keeping()
        return self.source

    @contextmanager
    def _stage(self, name: str, entry: Path) -> Iterator[SegmentRunner]:
        """Yield a runner whose folder is that of a stage: in its own folder, else in `entry` until the stage ends."""
        temporary = entry / name
        folder = self.runner.folder / name if self.runner.folder else temporary
        folder.mkdir(exist_ok=True)
        yield replace(self.runner, folder=folder)
        shutil.rmtree(temporary, ignore_errors=True)

    def quads(self, track: Track) -> NDArray[np.float64]:
        """Compute the stabilised crop quads of a track: float64 (N, 4, 2) in pixels of the frame."""
        if self.options.smoothing_method == "published":
            return published_quads(track)
        return stable_quads(track, QUAD_SIGMA_FACTOR * self.options.smooth)

    def landmarks(self, track: Track) -> NDArray[np.float64]:
        """Stabilise the landmarks of a track: float64 (N, 84, 2) in pixels of the frame."""
        if self.options.smoothing_method == "published":
            return published_landmarks(track)
        return stable_landmarks(track, LANDMARK_SIGMA_FACTOR * self.options.smooth)

    def _frame_count(self, seconds: float | Fraction) -> int:
        """Convert a duration to a number of frames at the clip's average rate."""
        return round(seconds * (self.clip.info.average_rate or DEFAULT_RATE))

    def _cache_key(self) -> dict[str, Any]:
        """Return everything that tracking depends on."""
        return {
            "analysis": VERSION,
            "clip": [file_key(path) for path in self.clip.info.files],
            "layer": self.clip.info.layer,
            "detector": self.detector.name,
            "max_gap": self._frame_count(self.options.max_gap),
        }


def _distribute(segment: EncodedSegment, files: Sequence[TrackFiles], estimators: Sequence[OcclusionEstimator]) -> None:
    """Write the codes of a segment to the files of its tracks, and give its features to their estimators."""
    rows = zip(segment.tracks.tolist(), segment.offsets.tolist(), segment.codes, segment.features, strict=True)
    for track, offset, code, features in rows:
        files[track].write("codes", offset, code)
        estimators[track].add(offset, features)
