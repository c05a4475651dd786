"""Selection of the faces to edit: the largest, all, by number, or by a reference picture (`--face ref.jpg`)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import Tracking
from facevid.errors import NoFaceError, UsageError
from facevid.faces.detector import Detector
from facevid.faces.identity import FaceDescriber
from facevid.faces.tracking import Track
from facevid.options import Faces
from facevid.video import open_clip

SAME_PERSON_AS_REFERENCE = 0.6
"""Largest distance between the descriptors of a reference picture and of the person in it; dlib's own threshold. It is
less strict than `faces.people.SAME_PERSON`: pictures taken elsewhere differ more than two shots of one clip, and the
user knows that the person is in the clip."""


def select_tracks(tracking: Tracking, wanted: Faces, detector: Detector, source: Path) -> list[Track]:
    """Select tracks to edit.

    Args:
        tracking: of the clip.
        wanted: as `TrackingOptions.faces`.
        detector: finds the face in a reference picture.
        source: the clip's path, for messages.

    Raises:
        NoFaceError: the clip has no face, or not the person in the reference picture, or that picture has no face.
        InputError: the reference picture cannot be read.
        UsageError: a number in `wanted` belongs to no person, or the reference picture shows several faces.
    """
    if not tracking.tracks:
        searched = f"{tracking.frame_count} frames" if tracking.frame_count > 1 else "the picture"
        raise NoFaceError(
            f"{source}: no face found in {searched}; check with `facevid inspect`, or try another --detector"
        )
    if wanted == "all":
        return list(tracking.tracks)
    if wanted == "largest":
        return largest_tracks(list(tracking.tracks), tracking.shots)
    if isinstance(wanted, Path):
        descriptor = describe_reference(wanted, detector)
        wanted = (find_person(wanted, descriptor, source, tracking.descriptors),)
    unknown = sorted(set(wanted) - {track.person for track in tracking.tracks})
    if unknown:
        raise UsageError(f"{source} has no face {unknown[0]}; its faces are 0 to {len(tracking.descriptors) - 1}")
    return [track for person in dict.fromkeys(wanted) for track in tracking.tracks if track.person == person]


def largest_tracks(tracks: Sequence[Track], shots: Iterable[range]) -> list[Track]:
    """Select, in each shot, the tracks of the person whose face has the largest area, summed over the shot's frames."""
    selected = []
    for shot in shots:
        in_shot = [track for track in tracks if track.first in shot]
        areas: dict[int, float] = {}
        for track in in_shot:
            areas[track.person] = areas.get(track.person, 0.0) + _total_area(track)
        if in_shot:
            largest = max(areas, key=areas.__getitem__)
            selected += [track for track in in_shot if track.person == largest]
    return selected


def describe_reference(path: Path, detector: Detector) -> NDArray[np.float64]:
    """Compute the descriptor of the only face in a still picture: float64 (128,).

    Raises:
        InputError: the picture cannot be read.
        NoFaceError: it shows no face.
        UsageError: it shows several faces, or the file is not a still picture.
    """
    clip = open_clip(path)
    if not clip.info.is_still:
        raise UsageError(f"--face {path}: not a still picture; export one frame that shows the face well")
    (picture,) = (frame.rgb() for frame in clip.frames())
    faces = detector.detect(picture)
    if not faces:
        raise NoFaceError(f"--face {path}: no face found in the picture; use one that shows the face from the front")
    if len(faces) > 1:
        raise UsageError(f"--face {path}: {len(faces)} faces in the picture; crop it to one face")
    return FaceDescriber().describe(picture, faces[0].landmarks)


def find_person(reference: Path, descriptor: NDArray[np.float64], source: Path, people: NDArray[np.float64]) -> int:
    """Return the number of the person in a clip who matches a reference picture best.

    Args:
        reference: path of the picture, for messages.
        descriptor: (128,), of the face in it.
        source: path of the clip, for messages.
        people: (P, 128), a descriptor for each person of the clip, NaN where unknown.

    Raises:
        NoFaceError: no person is close enough.
    """
    distances = np.linalg.norm(people - descriptor, axis=1)
    if np.isnan(distances).all():
        raise NoFaceError(
            f"{source}: all faces are too small or turned too far to compare with --face {reference}; "
            "give a number from `facevid inspect`"
        )
    nearest = int(np.nanargmin(distances))
    if distances[nearest] > SAME_PERSON_AS_REFERENCE:
        raise NoFaceError(
            f"{source}: no face matches --face {reference}: the closest, face {nearest}, is at distance "
            f"{distances[nearest]:.2f}, above the limit of {SAME_PERSON_AS_REFERENCE}; "
            "`facevid inspect` shows all faces"
        )
    return nearest


def _total_area(track: Track) -> float:
    """Sum the areas of a track's boxes, in square pixels."""
    left, top, right, bottom = track.boxes.T
    return float(((right - left) * (bottom - top)).sum())
