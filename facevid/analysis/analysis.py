"""Analysis of a clip before any edit: its cuts and tracks, and the quads, codes and occlusion of selected tracks.

Both parts are cached: tracking depends on the clip and the detector, encoding also on the model and the smoothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.edit_weights import edit_weights
from facevid.analysis.encoded import EncodedTrack, TrackFiles, crops
from facevid.analysis.occlusion import OcclusionEstimator
from facevid.analysis.selection import select_tracks
from facevid.analysis.tracking import Tracking, detect_faces, load_tracking, save_tracking, track_faces
from facevid.analysis.usual_appearance import MASK_SIDE
from facevid.faces.detector import Detector
from facevid.faces.identity import View, describe_views
from facevid.faces.published_stabilisation import published_landmarks, published_quads
from facevid.faces.stabilisation import stable_landmarks, stable_quads
from facevid.faces.tracking import Track
from facevid.options import ComputeOptions, Faces, TrackingOptions
from facevid.utils.batches import batches
from facevid.utils.cache import cached_folder, file_key
from facevid.utils.progress import Progress, no_progress
from facevid.video import Clip
from facevid.video.reader.memory import trim_heap

if TYPE_CHECKING:
    from facevid.models import FaceModel

VERSION = 12
"""Version of the analysis, a part of the cache key. Increase it with every change that alters results."""

USUAL_RATE = Fraction(25)
"""Frame rate, in frames a second, assumed for a clip without one: a still or a container that does not declare it."""

QUAD_SIGMA_FACTOR = 3.0
"""Sigma of the Gaussian over quads, as a multiple of `TrackingOptions.smooth`. Large: quads follow the head alone."""

LANDMARK_SIGMA_FACTOR = 0.5
"""Sigma of the Gaussian over landmarks, as a multiple of `TrackingOptions.smooth`. Small: lips and eyelids are fast."""

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
    """

    clip: Clip
    detector: Detector
    options: TrackingOptions
    progress: Progress = no_progress

    def track(self) -> Tracking:
        """Detect and track all faces of the clip and identify its people, or load the cached result.

        Raises:
            InputError: the clip cannot be decoded to its end.
            ModelError: the weights of dlib's face descriptor are missing.
        """

        def fill(folder: Path) -> None:
            frames = self.progress("track", trim_heap(self.clip.frames()), self.clip.info.frame_count)
            faces, pts, cuts = detect_faces(frames, self.detector)
            max_gap = self._frame_count(self.options.max_gap)
            save_tracking(folder / "tracking.npz", track_faces(faces, pts, cuts, max_gap, self._describe))

        return load_tracking(cached_folder(self._cache_key(), fill) / "tracking.npz")

    def select(self, tracking: Tracking, wanted: Faces) -> list[Track]:
        """Select tracks to edit.

        Args:
            tracking: of the clip.
            wanted: as `TrackingOptions.faces`.

        Raises:
            NoFaceError: the clip has no face, or not the person in the reference picture, or that picture has no face.
            InputError: the reference picture cannot be read.
            UsageError: a number in `wanted` belongs to no person, or the reference picture shows several faces.
        """
        return select_tracks(tracking, wanted, self.detector, self.clip.info.path)

    def encode(
        self, tracking: Tracking, tracks: Sequence[Track], model: "FaceModel", compute: ComputeOptions
    ) -> list[EncodedTrack]:
        """Align and encode the faces of tracks and estimate their occlusion, or load the cached result."""
        quads = [self.quads(track) for track in tracks]

        def fill(folder: Path) -> None:
            self._encode_to(folder, tracks, quads, model, compute.batch_size)

        encoding = {
            "tracks": [[track.person, track.first] for track in tracks],
            "smooth": self.options.smooth,
            "smoothing_method": self.options.smoothing_method,
            "model": model.fingerprint,
            "occlusion": model.occlusion_fingerprint,
            "crop_size": model.crop_size,
            "precision": compute.precision,
        }
        folder = cached_folder(self._cache_key() | encoding, fill)
        return [
            self._encoded_track(tracking, track, quad, TrackFiles(folder, track))
            for track, quad in zip(tracks, quads, strict=True)
        ]

    def _encode_to(
        self,
        folder: Path,
        tracks: Sequence[Track],
        quads: list[NDArray[np.float64]],
        model: "FaceModel",
        batch_size: int,
    ) -> None:
        """Write the codes, the visibility and the occluded share ("hidden") of tracks to `folder`."""
        files = [TrackFiles(folder, track) for track in tracks]
        estimators = [
            OcclusionEstimator(each.path("occlusion"), len(track)) for each, track in zip(files, tracks, strict=True)
        ]
        landmarks = [self.landmarks(track) for track in tracks]
        faces = crops(trim_heap(self.clip.frames()), tracks, quads, landmarks, model.crop_size)
        for batch in self.progress("encode", batches(faces, batch_size), sum(map(len, tracks))):
            pictures = np.stack([face.picture for face in batch])
            codes = model.encode(pictures, np.stack([face.landmarks for face in batch])).cpu().numpy()
            probabilities = model.occlusion_probability(pictures).cpu().numpy()
            for face, code, probability in zip(batch, codes, probabilities, strict=True):
                files[face.track].write("codes", face.offset, code)
                estimators[face.track].add(face.offset, face.picture, probability)
        for track, quad, each, estimator in zip(tracks, quads, files, estimators, strict=True):
            visibility = each.create("visibility", np.uint8, MASK_SIDE, MASK_SIDE)
            np.save(each.path("hidden"), estimator.estimate(track.landmarks, quad, visibility, self.progress))

    def _encoded_track(
        self, tracking: Tracking, track: Track, quads: NDArray[np.float64], files: TrackFiles
    ) -> EncodedTrack:
        shot = next(shot for shot in tracking.shots if track.first in shot)
        frame_size = self.clip.info.square_size[::-1]
        occluded_share = files.read("hidden")[:]
        return EncodedTrack(
            track=track,
            quads=quads,
            landmarks=self.landmarks(track),
            edit_weights=edit_weights(track, shot, frame_size, self._frame_count(FADE_SECONDS), occluded_share),
            codes=files.read("codes"),
            visibility=files.read("visibility"),
        )

    def _describe(self, views: Sequence[View]) -> NDArray[np.float64]:
        """Compute the descriptors of views, in a pass over the clip that ends with the last frame needed."""
        needed = {index for index, _ in views}
        count = max(needed, default=-1) + 1
        frames = self.progress("identify", islice(trim_heap(self.clip.frames()), count), count) if count else []
        return describe_views(((f.index, f.rgb()) for f in frames if f.index in needed), views)

    def quads(self, track: Track) -> NDArray[np.float64]:
        """Compute the stabilised crop quads of a track: float64 (N, 4, 2) in pixels of the frame."""
        if self.options.smoothing_method == "published":
            return published_quads(track)
        return stable_quads(track, QUAD_SIGMA_FACTOR * self.options.smooth)

    def landmarks(self, track: Track) -> NDArray[np.float64]:
        """Stabilise the landmarks of a track: float64 (N, 68, 2) in pixels of the frame."""
        if self.options.smoothing_method == "published":
            return published_landmarks(track)
        return stable_landmarks(track, LANDMARK_SIGMA_FACTOR * self.options.smooth)

    def _frame_count(self, seconds: float | Fraction) -> int:
        """Convert a duration to a number of frames at the clip's average rate."""
        return round(seconds * (self.clip.info.average_rate or USUAL_RATE))

    def _cache_key(self) -> dict[str, Any]:
        """Return everything that tracking depends on."""
        return {
            "analysis": VERSION,
            "clip": [file_key(path) for path in self.clip.info.files],
            "layer": self.clip.info.layer,
            "detector": self.detector.name,
            "max_gap": self._frame_count(self.options.max_gap),
        }
