"""A person named by a picture: `--face ref.jpg`."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.errors import NoFaceError, UsageError
from facevid.faces.identity import FaceDescriber
from facevid.faces.landmarks import Detector
from facevid.video import open_clip

SAME_PERSON = 0.6
"""Distance of descriptors below which a person of the clip is the one in the picture; dlib's own threshold. Pictures
taken elsewhere differ more than two shots of a clip do, and whoever gives one knows that the person is there."""


def describe_reference(path: Path, detector: Detector) -> NDArray[np.float64]:
    """Describe the one face in a still picture; gives (128,).

    Raises:
        InputError: the picture cannot be read.
        NoFaceError: it has no face.
        UsageError: it has several, or is no still picture.
    """
    clip = open_clip(path)
    if not clip.info.is_still:
        raise UsageError(f"--face {path} is no still picture; export the frame that shows the face best")
    (picture,) = (frame.rgb() for frame in clip.frames())
    faces = detector.detect(picture)
    if not faces:
        raise NoFaceError(f"--face {path}: no face found in the picture; give one that shows the face from the front")
    if len(faces) > 1:
        raise UsageError(f"--face {path}: {len(faces)} faces in the picture; cut out the one that is meant")
    return FaceDescriber().describe(picture, faces[0].landmarks)


def person_like(reference: Path, descriptor: NDArray[np.float64], source: Path, people: NDArray[np.float64]) -> int:
    """Find the person of `source` who is nearest to the one in the `reference` picture.

    Args:
        reference: the picture.
        descriptor: (128,), of the face in it.
        source: the clip.
        people: (P, 128), a descriptor for each of its people, NaN where unknown.

    Raises:
        NoFaceError: nobody is near enough.
    """
    distances = np.linalg.norm(people - descriptor, axis=1)
    if np.isnan(distances).all():
        raise NoFaceError(f"{source}: no face is seen well enough to compare it with --face {reference}; give a number")
    nearest = int(np.nanargmin(distances))
    if distances[nearest] > SAME_PERSON:
        raise NoFaceError(
            f"{source}: nobody looks like --face {reference}: the nearest, face {nearest}, is at a distance of "
            f"{distances[nearest]:.2f}, and one person stays below {SAME_PERSON}; `facevid inspect` shows who is there"
        )
    return nearest
