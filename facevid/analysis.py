"""What is learned of a clip before any edit: its shots and tracks, and for each chosen track quads and W+ codes.

Both halves are cached: tracking depends on the clip and the detector, encoding also on the model and the smoothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facevid.batches import batches
from facevid.cache import cached, identity
from facevid.errors import NoFaceError, UsageError
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.landmarks import Detector, Face
from facevid.faces.presence import presence
from facevid.faces.tracking import Track, largest_tracks, track_faces
from facevid.latents.smoothing import smooth
from facevid.options import ComputeOptions, TrackingOptions
from facevid.progress import Progress, silent
from facevid.video import Clip, Frame
from facevid.video.cuts import CutDetector
from facevid.visibility import Sight

if TYPE_CHECKING:
    from facevid.models import FaceModel

VERSION = 1
"""Raised whenever the same clip would be analysed to other numbers, so that old entries of the cache are not used."""

OCCLUSION_VERSION = 1
"""The same for what is before faces, which is found with the codes."""

USUAL_RATE = Fraction(25)
"""Frames a second assumed of a clip that does not say."""

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
        quads: float64 (N, 4, 2), smoothed over time; corners as from `faces.alignment.ffhq_quad`.
        presence: float32 (N,), how much of an edit each frame takes, 0 to 1.
        codes: float32 (N, L, D) W+ codes, not smoothed; a memory map.
        visibility: uint8 (N, V, V) in the crop's space, 1 where the face is to be seen and 0 where something is before
            it, a memory map; None where nobody looked.
    """

    track: Track
    quads: NDArray[np.floating]
    presence: NDArray[np.float32]
    codes: NDArray[np.float32]
    visibility: NDArray[np.uint8] | None = None


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
        """Align the tracks' faces, encode them and find what is before them, or fetch what was found before."""
        quads = [smooth(ffhq_quad(track.landmarks), self.options.smooth) for track in tracks]

        def fill(folder: Path) -> None:
            maps = [
                np.lib.format.open_memmap(
                    _codes_file(folder, track), "w+", np.float32, (len(track), model.layers, model.width)
                )
                for track in tracks
            ]
            sights = [Sight(folder / f"sight_{track.number}.npy", len(track)) for track in tracks]
            crops = batches(_crops(self.clip.frames(), tracks, quads, model.crop_size), compute.batch_size)
            for batch in self.progress("encode", crops, sum(map(len, tracks))):
                codes = model.encode(np.stack([item.picture for item in batch])).cpu().numpy()
                for item, code in zip(batch, codes, strict=True):
                    maps[item.track][item.offset] = code
                    sights[item.track].add(item.offset, item.picture)
            for track, quad, codes, sight in zip(tracks, quads, maps, sights, strict=True):
                reconstruct = partial(_reconstructions, model, codes, compute.batch_size)
                visible, hidden = sight.visibility(track.landmarks, quad, reconstruct, self.progress)
                np.save(_visibility_file(folder, track), visible)
                np.save(_hidden_file(folder, track), hidden)

        encoding = {
            "tracks": [track.number for track in tracks],
            "smooth": self.options.smooth,
            "model": model.fingerprint,
            "precision": compute.precision,
            "occlusion": OCCLUSION_VERSION,
        }
        folder = cached(self._depends_on() | encoding, fill)
        return [
            EncodedTrack(
                track,
                quad,
                self._presence(tracking, track, np.load(_hidden_file(folder, track))),
                np.load(_codes_file(folder, track), mmap_mode="r"),
                np.load(_visibility_file(folder, track), mmap_mode="r"),
            )
            for track, quad in zip(tracks, quads, strict=True)
        ]

    def _presence(self, tracking: Tracking, track: Track, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        shot = next(shot for shot in tracking.shots if track.first in shot)
        return presence(track, shot, (self.clip.info.height, self.clip.info.width), self._frames(FADE), hidden)

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
    cuts = CutDetector()
    for frame in frames:
        picture = frame.rgb()
        yield _Observation(frame.pts, cuts.is_cut(picture), detector.detect(picture))


def _crops(
    frames: Iterable[Frame], tracks: list[Track], quads: list[NDArray[np.floating]], size: int
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


def _visibility_file(folder: Path, track: Track) -> Path:
    return folder / f"visibility_{track.number}.npy"


def _hidden_file(folder: Path, track: Track) -> Path:
    return folder / f"hidden_{track.number}.npy"


def _reconstructions(
    model: "FaceModel", codes: NDArray[np.float32], batch_size: int, offsets: NDArray[np.intp]
) -> Iterator[NDArray[np.uint8]]:
    """Generate the faces of some codes, one uint8 (S, S, 3) RGB after another."""
    for batch in batches(offsets, batch_size):
        generated = model.generate(codes[batch]).permute(0, 2, 3, 1)
        yield from ((generated + 1) * 127.5).clamp(0, 255).byte().cpu().numpy()


def _save(path: Path, tracking: Tracking) -> None:
    arrays = {
        f"{name}_{track.number}": getattr(track, name)
        for track in tracking.tracks
        for name in ("first", "landmarks", "detected", "scores")
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
            )
            for number in range(count)
        )
        return Tracking(data["pts"], tuple(data["cuts"].tolist()), tracks)
