"""What is learned of a clip before any edit: its shots and tracks, and for each chosen track quads and W+ codes.

Both halves are cached: tracking depends on the clip and the detector, encoding also on the model and the smoothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facevid.batches import batches
from facevid.cache import cached, identity
from facevid.errors import NoFaceError, UsageError
from facevid.faces.alignment import crop
from facevid.faces.flow import landmark_flow
from facevid.faces.landmarks import Detector, Face
from facevid.faces.presence import presence
from facevid.faces.published_stabilisation import published_landmarks, published_quads
from facevid.faces.stabilisation import stable_landmarks, stable_quads
from facevid.faces.tracking import Track, largest_tracks, track_faces
from facevid.options import ComputeOptions, TrackingOptions
from facevid.progress import Progress, silent
from facevid.video import Clip, Frame
from facevid.video.cuts import CutDetector

if TYPE_CHECKING:
    from facevid.models import FaceModel

VERSION = 2
"""Raised whenever the same clip would be analysed to other numbers, so that old entries of the cache are not used."""

USUAL_RATE = Fraction(25)
"""Frames a second assumed of a clip that does not say."""

QUADS, LANDMARKS = 3.0, 0.5
"""Sigma of the Gaussian that quads and landmarks are steadied with, in the sigma that the user chose."""

FADE = Fraction(1, 4)
"""Seconds over which an edit comes and goes where a face is found, lost, or turns away."""


@dataclass(frozen=True)
class Tracking:
    """All faces of a clip.

    Attributes:
        pts: int64 (frames,), every frame's timestamp, in units of the clip's time base.
        cuts: indices of the frames that begin a shot, the first frame aside.
        tracks: in order of appearance.
    """

    pts: NDArray[np.int64]
    cuts: tuple[int, ...]
    tracks: tuple[Track, ...]

    @property
    def frame_count(self) -> int:
        """Frames decoded."""
        return len(self.pts)

    @property
    def shots(self) -> list[range]:
        """The frames of each shot."""
        return [range(a, b) for a, b in pairwise((0, *self.cuts, self.frame_count))]


@dataclass(frozen=True)
class EncodedTrack:
    """A track, aligned and encoded.

    Attributes:
        track: the face's landmarks.
        quads: float64 (N, 4, 2), steady; corners as from `faces.alignment.ffhq_quad`.
        landmarks: float64 (N, 68, 2) in pixels of the frame, steady.
        presence: float32 (N,), how much of an edit each frame takes, 0 to 1.
        codes: float32 (N, L, D) W+ codes, not smoothed; a memory map.
    """

    track: Track
    quads: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    presence: NDArray[np.float32]
    codes: NDArray[np.float32]


@dataclass(frozen=True)
class Analysis:
    """The analysis of one clip."""

    clip: Clip
    detector: Detector
    options: TrackingOptions
    progress: Progress = silent

    def track(self) -> Tracking:
        """Find all faces of the clip and follow them, or fetch what was found before.

        Raises:
            InputError: the clip cannot be decoded to its end.
        """

        def fill(folder: Path) -> None:
            frames = self.progress("track", self.clip.frames(), self.clip.info.frame_count)
            observed = list(_observe(frames, self.detector))
            tracks = track_faces(((seen.faces, seen.cut) for seen in observed), self._frames(self.options.max_gap))
            pts = np.array([seen.pts for seen in observed], dtype=np.int64)
            cuts = tuple(index for index, seen in enumerate(observed) if seen.cut)
            _save(folder / "tracking.npz", Tracking(pts, cuts, tuple(tracks)))

        return _load(cached(self._depends_on(), fill) / "tracking.npz")

    def choose(self, tracking: Tracking) -> list[Track]:
        """Choose the tracks to edit, as the options say.

        Raises:
            NoFaceError: the clip has none.
            UsageError: a number that no track has.
        """
        path, wanted = self.clip.info.path, self.options.faces
        if not tracking.tracks:
            seen = f"{tracking.frame_count} frames" if tracking.frame_count > 1 else "the picture"
            raise NoFaceError(
                f"{path}: no face found in {seen}; check with `facevid inspect`, or try another --detector"
            )
        if wanted == "all":
            return list(tracking.tracks)
        if wanted == "largest":
            return largest_tracks(list(tracking.tracks), tracking.shots)
        unknown = sorted(set(wanted) - {track.number for track in tracking.tracks})
        if unknown:
            raise UsageError(f"{path} has no face {unknown[0]}; its faces are 0 to {len(tracking.tracks) - 1}")
        return [tracking.tracks[number] for number in dict.fromkeys(wanted)]

    def encode(
        self, tracking: Tracking, tracks: list[Track], model: "FaceModel", compute: ComputeOptions
    ) -> list[EncodedTrack]:
        """Align the tracks' faces and encode them, or fetch what was encoded before."""
        quads = [self.quads(track) for track in tracks]

        def fill(folder: Path) -> None:
            maps = [
                np.lib.format.open_memmap(
                    _codes_file(folder, track), "w+", np.float32, (len(track), model.layers, model.width)
                )
                for track in tracks
            ]
            crops = batches(_crops(self.clip.frames(), tracks, quads, model.crop_size), compute.batch_size)
            for batch in self.progress("encode", crops, sum(map(len, tracks))):
                codes = model.encode(np.stack([item.picture for item in batch])).cpu().numpy()
                for item, code in zip(batch, codes, strict=True):
                    maps[item.track][item.offset] = code

        encoding = {
            "tracks": [track.number for track in tracks],
            "smooth": self.options.smooth,
            "recipe": self.options.recipe,
            "model": model.fingerprint,
            "precision": compute.precision,
        }
        folder = cached(self._depends_on() | encoding, fill)
        return [
            EncodedTrack(
                track,
                quad,
                self.landmarks(track),
                self._presence(tracking, track),
                np.load(_codes_file(folder, track), mmap_mode="r"),
            )
            for track, quad in zip(tracks, quads, strict=True)
        ]

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

    def _presence(self, tracking: Tracking, track: Track) -> NDArray[np.float32]:
        shot = next(shot for shot in tracking.shots if track.first in shot)
        return presence(track, shot, (self.clip.info.height, self.clip.info.width), self._frames(FADE))

    def _frames(self, seconds: float | Fraction) -> int:
        return round(seconds * (self.clip.info.average_rate or USUAL_RATE))

    def _depends_on(self) -> dict[str, Any]:
        """Name all that the tracks depend on."""
        return {
            "analysis": VERSION,
            "clip": [identity(path) for path in self.clip.info.files],
            "detector": self.detector.name,
            "max_gap": self.options.max_gap,
        }


@dataclass(frozen=True)
class _Crop:
    track: int
    offset: int
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class _Observation:
    pts: int
    cut: bool
    faces: list[Face]


def _observe(frames: Iterable[Frame], detector: Detector) -> Iterator[_Observation]:
    cuts, previous = CutDetector(), None
    for frame in frames:
        picture = frame.rgb()
        faces, cut = detector.detect(picture), cuts.is_cut(picture)
        if previous is not None and not cut:
            faces = [replace(face, flow=landmark_flow(previous, picture, face.landmarks)) for face in faces]
        yield _Observation(frame.pts, cut, faces)
        previous = picture


def _crops(
    frames: Iterable[Frame], tracks: list[Track], quads: list[NDArray[np.float64]], size: int
) -> Iterator[_Crop]:
    for frame in frames:
        present = [i for i, track in enumerate(tracks) if track.first <= frame.index <= track.last]
        if present:
            picture = frame.rgb()
        for i in present:
            offset = frame.index - tracks[i].first
            yield _Crop(i, offset, crop(picture, quads[i][offset], size))


def _codes_file(folder: Path, track: Track) -> Path:
    return folder / f"codes_{track.number}.npy"


def _save(path: Path, tracking: Tracking) -> None:
    arrays = {
        f"{name}_{track.number}": getattr(track, name)
        for track in tracking.tracks
        for name in ("first", "landmarks", "detected", "scores", "flow")
    }
    np.savez(path, pts=tracking.pts, cuts=np.array(tracking.cuts, dtype=int), **arrays)


def _load(path: Path) -> Tracking:
    with np.load(path) as data:
        count = sum(name.startswith("first_") for name in data)
        tracks = tuple(
            Track(
                number,
                int(data[f"first_{number}"]),
                data[f"landmarks_{number}"],
                data[f"detected_{number}"],
                data[f"scores_{number}"],
                data[f"flow_{number}"],
            )
            for number in range(count)
        )
        return Tracking(data["pts"], tuple(data["cuts"].tolist()), tracks)
