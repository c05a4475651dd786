"""What is learned of a clip before any edit: its shots and tracks, and for each chosen track quads and W+ codes.

Both halves are cached: tracking depends on the clip and the detector, encoding also on the model and the smoothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facevid.batches import batches
from facevid.cache import cached, identity
from facevid.errors import NoFaceError, UsageError
from facevid.faces.alignment import crop
from facevid.faces.flow import landmark_flow
from facevid.faces.identity import choose_views, describe_tracklets
from facevid.faces.landmarks import Detector, Face
from facevid.faces.people import find_people
from facevid.faces.presence import presence
from facevid.faces.published_stabilisation import published_landmarks, published_quads
from facevid.faces.stabilisation import stable_landmarks, stable_quads
from facevid.faces.tracking import Track, Tracklet, find_tracklets, largest_tracks
from facevid.options import ComputeOptions, Faces, TrackingOptions
from facevid.progress import Progress, silent
from facevid.reference import describe_reference, person_like
from facevid.video import Clip, Frame
from facevid.video.cuts import CutDetector

if TYPE_CHECKING:
    from facevid.models import FaceModel

VERSION = 3
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
        descriptors: float64 (people, 128), of the person of each number; NaN of those never seen well enough.
    """

    pts: NDArray[np.int64]
    cuts: tuple[int, ...]
    tracks: tuple[Track, ...]
    descriptors: NDArray[np.float64]

    @property
    def frame_count(self) -> int:
        """Frames decoded."""
        return len(self.pts)

    @property
    def shots(self) -> list[range]:
        """The frames of each shot."""
        return shots_between(self.cuts, self.frame_count)


@dataclass(frozen=True)
class EncodedTrack:
    """A track, aligned and encoded.

    Attributes:
        track: the face's landmarks.
        quads: float64 (N, 4, 2), steady; corners as from `faces.alignment.ffhq_quad`.
        landmarks: float64 (N, 68, 2) in pixels of the frame, steady.
        presence: float32 (N,), how much of an edit each frame takes, 0 to 1.
        codes: float32 (N, L, D) W+ codes, not smoothed; a memory map.
        features: float32 (N, K, S, S) feature codes, likewise; None where the model has none.
    """

    track: Track
    quads: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    presence: NDArray[np.float32]
    codes: NDArray[np.float32]
    features: NDArray[np.float32] | None = None


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
            frames = self.progress("track", self.clip.frames(), self.clip.info.frame_count)
            observed = _observe(frames, self.detector)
            max_gap, shots = self._frames(self.options.max_gap), shots_between(observed.cuts, len(observed.pts))
            tracklets = find_tracklets(observed.faces, observed.cuts, max_gap)
            people = find_people(tracklets, self._describe(tracklets), shots, max_gap)
            pts = np.array(observed.pts, dtype=np.int64)
            _save(folder / "tracking.npz", Tracking(pts, observed.cuts, people.tracks, people.descriptors))

        return _load(cached(self._depends_on(), fill) / "tracking.npz")

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
        """Align the tracks' faces and encode them, or fetch what was encoded before."""
        quads = [self.quads(track) for track in tracks]

        def fill(folder: Path) -> None:
            files = [_CodeFiles(folder, track) for track in tracks]
            crops = batches(_crops(self.clip.frames(), tracks, quads, model.crop_size), compute.batch_size)
            for batch in self.progress("encode", crops, sum(map(len, tracks))):
                for name, values in _encoded(model, np.stack([item.picture for item in batch])).items():
                    for item, value in zip(batch, values, strict=True):
                        files[item.track].write(name, item.offset, value)

        encoding = {
            "tracks": [[track.number, track.first] for track in tracks],
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
                **_CodeFiles(folder, track).read(),
            )
            for track, quad in zip(tracks, quads, strict=True)
        ]

    def _describe(self, tracklets: Sequence[Tracklet]) -> NDArray[np.float64]:
        """Describe the tracklets' faces, in a pass over the clip that ends with the last one needed."""
        views = choose_views(tracklets)
        seen = {view.frame for view in views}
        count = max(seen, default=-1) + 1
        frames = self.progress("identify", islice(self.clip.frames(), count), count) if count else []
        return describe_tracklets(((f.index, f.rgb()) for f in frames if f.index in seen), views, len(tracklets))

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
            "max_gap": self._frames(self.options.max_gap),
        }


@dataclass(frozen=True)
class _Crop:
    track: int
    offset: int
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class _Observed:
    pts: list[int]
    cuts: tuple[int, ...]
    faces: list[list[Face]]


def shots_between(cuts: Sequence[int], frame_count: int) -> list[range]:
    """Give the frames of each shot of a clip."""
    return [range(a, b) for a, b in pairwise((0, *cuts, frame_count))]


def _observe(frames: Iterable[Frame], detector: Detector) -> _Observed:
    cuts, pts, observed = CutDetector(), [], []
    previous: NDArray[np.uint8] | None = None
    for frame in frames:
        picture = frame.rgb()
        cuts.add(picture)
        pts.append(frame.pts)
        faces = detector.detect(picture)
        if previous is not None:
            faces = [replace(face, flow=landmark_flow(previous, picture, face.landmarks)) for face in faces]
        observed.append(faces)
        previous = picture
    return _Observed(pts, cuts.cuts(), observed)


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


class _CodeFiles:
    """A track's codes and feature codes on disk, each an array of one entry a frame."""

    def __init__(self, folder: Path, track: Track) -> None:
        self._paths = {name: folder / f"{name}_{track.number}_{track.first}.npy" for name in ("codes", "features")}
        self._frames = len(track)
        self._maps: dict[str, np.memmap[Any, Any]] = {}

    def write(self, name: str, offset: int, value: NDArray[np.floating]) -> None:
        if name not in self._maps:
            shape = (self._frames, *value.shape)
            self._maps[name] = np.lib.format.open_memmap(self._paths[name], "w+", value.dtype, shape)
        self._maps[name][offset] = value

    def read(self) -> dict[str, NDArray[Any]]:
        return {name: np.load(path, mmap_mode="r") for name, path in self._paths.items() if path.is_file()}


def _encoded(model: "FaceModel", faces: NDArray[np.uint8]) -> dict[str, NDArray[np.floating]]:
    found: dict[str, NDArray[np.floating]] = {"codes": model.encode(faces).cpu().numpy()}
    features = model.encode_features(faces)
    return found if features is None else found | {"features": features.cpu().numpy()}


def _save(path: Path, tracking: Tracking) -> None:
    arrays = {
        f"{name}_{index}": getattr(track, name)
        for index, track in enumerate(tracking.tracks)
        for name in ("number", "first", "landmarks", "detected", "scores", "flow")
    }
    cuts = np.array(tracking.cuts, dtype=int)
    np.savez(path, pts=tracking.pts, cuts=cuts, descriptors=tracking.descriptors, **arrays)


def _load(path: Path) -> Tracking:
    with np.load(path) as data:
        tracks = tuple(
            Track(
                int(data[f"number_{index}"]),
                int(data[f"first_{index}"]),
                data[f"landmarks_{index}"],
                data[f"detected_{index}"],
                data[f"scores_{index}"],
                data[f"flow_{index}"],
            )
            for index in range(sum(name.startswith("first_") for name in data))
        )
        return Tracking(data["pts"], tuple(data["cuts"].tolist()), tracks, data["descriptors"])
