"""What is learned of a clip before any edit: its shots and tracks, and for each chosen track quads and W+ codes.

Both halves are cached: tracking depends on the clip and the detector, encoding also on the model and the smoothing.
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
from facevid.analysis.reference import describe_reference, person_like
from facevid.analysis.tracking import Tracking, load_tracking, observe, save_tracking, shots_between
from facevid.compositing.appearance import SIDE
from facevid.errors import NoFaceError, UsageError
from facevid.faces.identity import View, choose_views, describe_views
from facevid.faces.landmarks import Detector
from facevid.faces.people import find_people
from facevid.faces.published_stabilisation import published_landmarks, published_quads
from facevid.faces.splitting import split_by_looks
from facevid.faces.stabilisation import stable_landmarks, stable_quads
from facevid.faces.tracking import Track, find_tracklets, largest_tracks
from facevid.options import ComputeOptions, Faces, TrackingOptions
from facevid.utils.batches import batches
from facevid.utils.cache import cached, identity
from facevid.utils.progress import Progress, silent
from facevid.video import Clip
from facevid.video.reader.memory import trimmed

if TYPE_CHECKING:
    from facevid.models import FaceModel

VERSION = 11
"""Raised whenever the same clip would be analysed to other numbers, so that old entries of the cache are not used."""

USUAL_RATE = Fraction(25)
"""Frames a second assumed of a clip that does not say."""

QUADS, LANDMARKS = 3.0, 0.5
"""Sigma of the Gaussian that quads and landmarks are steadied with, in the sigma that the user chose."""

FADE = Fraction(1, 4)
"""Seconds over which an edit comes and goes where a face is found, lost, or turns away."""


@dataclass(frozen=True)
class Analysis:
    """The analysis of one clip."""

    clip: Clip
    detector: Detector
    options: TrackingOptions
    progress: Progress = silent

    def track(self) -> Tracking:
        """Find all faces of the clip, follow them and tell who is who, or fetch what was found before.

        Raises:
            InputError: the clip cannot be decoded to its end.
            ModelError: the weights of dlib's face descriptor are missing.
        """

        def fill(folder: Path) -> None:
            frames = self.progress("track", trimmed(self.clip.frames()), self.clip.info.frame_count)
            observed = observe(frames, self.detector)
            max_gap, shots = self._frames(self.options.max_gap), shots_between(observed.cuts, len(observed.pts))
            tracklets = find_tracklets(observed.faces, observed.cuts, max_gap)
            views = choose_views(tracklets)
            tracklets, descriptors = split_by_looks(tracklets, views, self._describe(views))
            people = find_people(tracklets, descriptors, shots, max_gap)
            pts = np.array(observed.pts, dtype=np.int64)
            save_tracking(folder / "tracking.npz", Tracking(pts, observed.cuts, people.tracks, people.descriptors))

        return load_tracking(cached(self._depends_on(), fill) / "tracking.npz")

    def choose(self, tracking: Tracking, wanted: Faces) -> list[Track]:
        """Choose tracks to edit: `wanted` is as in `TrackingOptions`.

        Raises:
            NoFaceError: the clip has none, or not the one in the reference picture, or that picture has none.
            InputError: the reference picture cannot be read.
            UsageError: a number that nobody has, or a reference picture of several people.
        """
        path = self.clip.info.path
        if not tracking.tracks:
            seen = f"{tracking.frame_count} frames" if tracking.frame_count > 1 else "the picture"
            raise NoFaceError(
                f"{path}: no face found in {seen}; check with `facevid inspect`, or try another --detector"
            )
        if wanted == "all":
            return list(tracking.tracks)
        if wanted == "largest":
            return largest_tracks(list(tracking.tracks), tracking.shots)
        if isinstance(wanted, Path):
            wanted = (person_like(wanted, describe_reference(wanted, self.detector), path, tracking.descriptors),)
        unknown = sorted(set(wanted) - {track.number for track in tracking.tracks})
        if unknown:
            raise UsageError(f"{path} has no face {unknown[0]}; its faces are 0 to {len(tracking.descriptors) - 1}")
        return [track for number in dict.fromkeys(wanted) for track in tracking.tracks if track.number == number]

    def encode(
        self, tracking: Tracking, tracks: list[Track], model: "FaceModel", compute: ComputeOptions
    ) -> list[EncodedTrack]:
        """Align the tracks' faces, encode them and find what is before them, or fetch what was found before."""
        quads = [self.quads(track) for track in tracks]

        def fill(folder: Path) -> None:
            files = [TrackFiles(folder, track) for track in tracks]
            estimators = [
                OcclusionEstimator(each.path("occlusion"), len(track))
                for each, track in zip(files, tracks, strict=True)
            ]
            landmarks = [self.landmarks(track) for track in tracks]
            found = batches(
                crops(trimmed(self.clip.frames()), tracks, quads, landmarks, model.crop_size), compute.batch_size
            )
            for batch in self.progress("encode", found, sum(map(len, tracks))):
                pictures = np.stack([item.picture for item in batch])
                points = np.stack([item.landmarks for item in batch])
                codes = model.encode(pictures, points).cpu().numpy()
                probabilities = model.occlusion_probability(pictures).cpu().numpy()
                for item, code, probability in zip(batch, codes, probabilities, strict=True):
                    files[item.track].write("codes", item.offset, code)
                    estimators[item.track].add(item.offset, item.picture, probability)
            for track, quad, each, estimator in zip(tracks, quads, files, estimators, strict=True):
                visible = each.create("visibility", np.uint8, SIDE, SIDE)
                np.save(each.path("hidden"), estimator.visibility(track.landmarks, quad, visible, self.progress))

        encoding = {
            "tracks": [[track.number, track.first] for track in tracks],
            "smooth": self.options.smooth,
            "recipe": self.options.recipe,
            "model": model.fingerprint,
            "occlusion": model.occlusion_fingerprint,
            "crop_size": model.crop_size,
            "precision": compute.precision,
        }
        folder = cached(self._depends_on() | encoding, fill)
        return [
            self._encoded_track(tracking, track, quad, TrackFiles(folder, track))
            for track, quad in zip(tracks, quads, strict=True)
        ]

    def _encoded_track(
        self, tracking: Tracking, track: Track, quads: NDArray[np.float64], files: TrackFiles
    ) -> EncodedTrack:
        return EncodedTrack(
            track=track,
            quads=quads,
            landmarks=self.landmarks(track),
            edit_weights=self._presence(tracking, track, files.read("hidden")[:]),
            codes=files.read("codes"),
            visibility=files.read("visibility"),
        )

    def _describe(self, views: Sequence[View]) -> NDArray[np.float64]:
        """Describe the faces in view, in a pass over the clip that ends with the last one needed."""
        seen = {view.frame for view in views}
        count = max(seen, default=-1) + 1
        frames = self.progress("identify", islice(trimmed(self.clip.frames()), count), count) if count else []
        return describe_views(((f.index, f.rgb()) for f in frames if f.index in seen), views)

    def quads(self, track: Track) -> NDArray[np.float64]:
        """Place the crop over each of a track's faces, float64 (N, 4, 2), steadied as the options say."""
        if self.options.recipe == "published":
            return published_quads(track)
        return stable_quads(track, QUADS * self.options.smooth)

    def landmarks(self, track: Track) -> NDArray[np.float64]:
        """Steady a track's landmarks as the options say: float64 (N, 68, 2) in pixels of the frame."""
        if self.options.recipe == "published":
            return published_landmarks(track)
        return stable_landmarks(track, LANDMARKS * self.options.smooth)

    def _presence(self, tracking: Tracking, track: Track, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        shot = next(shot for shot in tracking.shots if track.first in shot)
        return edit_weights(track, shot, self.clip.info.square_size[::-1], self._frames(FADE), hidden)

    def _frames(self, seconds: float | Fraction) -> int:
        return round(seconds * (self.clip.info.average_rate or USUAL_RATE))

    def _depends_on(self) -> dict[str, Any]:
        """Name all that the tracks depend on."""
        return {
            "analysis": VERSION,
            "clip": [identity(path) for path in self.clip.info.files],
            "layer": self.clip.info.layer,
            "detector": self.detector.name,
            "max_gap": self._frames(self.options.max_gap),
        }
