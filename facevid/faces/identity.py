"""Who a face is: dlib's descriptor (King, "High quality face recognition with deep metric learning", 2017), the output
of a network that is near for pictures of one person and far for others.

Euclidean distances measured here, between means of up to five pictures: one person in two halves of a clip, or in a
wide and a close shot, up to 0.40; two people from 0.43, most above 0.6. Of single portraits, neutral and smiling, of 26
people: one person up to 0.29, two people from 0.48.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dlib
import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import crop, ffhq_quad, landmarks_in_crop, quad_side
from facevid.faces.dlib_detector import weights_path
from facevid.faces.pose import yaw
from facevid.faces.tracking import Tracklet

SIZE = 128
"""Numbers of a descriptor."""

VIEWS, FRAMES_A_VIEW = 5, 50
"""Pictures that a tracklet is described by, and frames for each of which a long one gets another; each picture takes
0.1 s on one core."""

MIN_SIDE = 40.0
"""Side of the quad, in pixels, below which a descriptor tells little: at 32, portraits come as far from themselves at
full size as from others."""

MAX_YAW = 36.0
"""Estimated yaw in degrees, from which a descriptor tells little: landmarks cannot follow a face turned further."""

CROP_SIDE = 256
"""Side in pixels of the crop that is described; the network itself sees 150 of a tighter one."""


class FaceDescriber:
    """Describes faces. Not safe to share between threads.

    Raises:
        ModelError: dlib's weights are missing.
    """

    def __init__(self) -> None:
        path = weights_path("dlib_face_recognition_resnet_model_v1.dat")
        self._network: Any = dlib.face_recognition_model_v1(str(path))

    def describe(self, picture: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Describe the face with `landmarks` (68, 2), in pixels of `picture`, uint8 (H, W, 3) RGB; gives (128,)."""
        quad = ffhq_quad(landmarks)
        return self.describe_crop(crop(picture, quad, CROP_SIDE), landmarks_in_crop(landmarks, quad, CROP_SIDE))

    def describe_crop(self, face: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Describe an FFHQ crop, uint8 (S, S, 3) RGB, from its landmarks (68, 2) in its own pixels; gives (128,)."""
        points = [dlib.point(round(x), round(y)) for x, y in landmarks.tolist()]
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, len(face) - 1, len(face) - 1), points)
        return np.array(self._network.compute_face_descriptor(face, shape))


@dataclass(frozen=True)
class View:
    """A picture to describe a tracklet by.

    Attributes:
        tracklet: index of the tracklet.
        frame: index of the frame.
        landmarks: float32 (68, 2) in pixels of the frame.
    """

    tracklet: int
    frame: int
    landmarks: NDArray[np.float32]


def choose_views(tracklets: Sequence[Tracklet]) -> list[View]:
    """Choose where each tracklet's face is large, frontal and still, spread over its length.

    A tracklet whose face is always too small, or turned too far, has none.
    """
    return [
        View(number, tracklet.indices[entry], tracklet.faces[entry].landmarks)
        for number, tracklet in enumerate(tracklets)
        for entry in _best_entries(np.stack([face.landmarks for face in tracklet.faces]))
    ]


def describe_views(pictures: Iterable[tuple[int, NDArray[np.uint8]]], views: Sequence[View]) -> NDArray[np.float64]:
    """Describe the face in each view.

    Args:
        pictures: index and picture, uint8 (H, W, 3) RGB, of at least the frames that are in view.
        views: as from `choose_views`.

    Returns:
        (len(views), 128).
    """
    by_frame: dict[int, list[int]] = {}
    for place, view in enumerate(views):
        by_frame.setdefault(view.frame, []).append(place)
    describer = FaceDescriber()
    looks = np.zeros((len(views), SIZE))
    for index, picture in pictures:
        for place in by_frame.get(index, ()):
            looks[place] = describer.describe(picture, views[place].landmarks)
    return looks


def _best_entries(landmarks: NDArray[np.float32]) -> list[int]:
    """Choose the best of each part of a tracklet's landmarks (N, 68, 2), if it is good enough."""
    sides, turned = quad_side(ffhq_quad(landmarks)), np.abs(yaw(landmarks))
    centres = landmarks.mean(axis=1)
    speed = np.linalg.norm(np.diff(centres, axis=0, prepend=centres[:1]), axis=1)
    quality = sides * np.cos(np.radians(turned)) / (1 + 10 * speed / sides)
    quality[(sides < MIN_SIDE) | (turned > MAX_YAW)] = 0
    count = min(max(VIEWS, len(landmarks) // FRAMES_A_VIEW), len(landmarks))
    parts = np.array_split(np.arange(len(landmarks)), count)
    best = (int(part[quality[part].argmax()]) for part in parts)
    return [entry for entry in best if quality[entry] > 0]
