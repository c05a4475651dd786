"""Face descriptors: close for pictures of one person, far apart for different people.

The descriptor is dlib's (King, "High quality face recognition with deep metric learning", 2017).

Euclidean distances measured for this project:
- between means over up to five pictures: the same person in two halves of a clip, or in a wide and a close shot, up to
  0.40; two people from 0.43, most above 0.6;
- between single portraits of 26 people, neutral and smiling: the same person up to 0.29, two people from 0.48.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from facevid.faces.alignment import crop, ffhq_quad, landmarks_in_crop, quad_side
from facevid.faces.descriptor import DescriptorNetwork
from facevid.faces.detector import Face
from facevid.faces.dlib_detector import face_chip
from facevid.faces.pose import yaw
from facevid.faces.tracking import Tracklet

SIZE = 128
"""Number of components of a descriptor; fixed by dlib's network."""

MIN_VIEWS = 5
"""Number of views of a short tracklet, or one for each detection if it has fewer. Each takes 15 ms on one core."""

DETECTIONS_PER_VIEW = 50
"""A long tracklet gets one view for each run of this many detections, which costs 0.3 ms a frame."""

MIN_SIDE = 40.0
"""Smallest side of the quad, in pixels, of a view. At 32, the descriptor of a portrait is as far from that of the same
portrait at full size as from those of other people."""

MAX_YAW = 36.0
"""Largest estimated yaw of a view, in degrees, to either side: landmarks of faces turned further are unreliable."""

CROP_SIDE = 256
"""Side, in pixels, of the crop from which a descriptor is computed; the network resamples 150 pixels from it."""

View = tuple[int, Face]
"""A detection chosen to compute a descriptor from: the index of its frame, and the face."""


class FaceDescriber:
    """Computes face descriptors.

    Raises:
        ModelError: dlib's weights are missing or damaged.
    """

    def __init__(self) -> None:
        self._network = DescriptorNetwork()

    def describe(self, picture: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the descriptor of a face in a picture.

        Args:
            picture: uint8 (H, W, 3) RGB.
            landmarks: (68, 2) or (84, 2) in pixels of the picture.

        Returns:
            float64 (128,).
        """
        quad = ffhq_quad(landmarks)
        return self.describe_crop(crop(picture, quad, CROP_SIDE), landmarks_in_crop(landmarks, quad, CROP_SIDE))

    @torch.inference_mode()
    def describe_crop(self, face: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the descriptor of an aligned face.

        Args:
            face: uint8 (S, S, 3) RGB, an FFHQ crop.
            landmarks: (68, 2) or (84, 2) in pixels of the crop.

        Returns:
            float64 (128,).
        """
        chip = torch.from_numpy(face_chip(face, landmarks)).permute(2, 0, 1)[None].float() / 127.5 - 1
        descriptors, _ = self._network.describe(chip)
        return np.asarray(descriptors[0].numpy(), np.float64)


def choose_views(tracklet: Tracklet) -> list[int]:
    """Choose detections of a tracklet, spread over its length, in which the face is large, frontal and still.

    The detections are divided into equal parts, and the best one of each part is chosen.

    Returns:
        Positions in `tracklet.faces`; none for a part whose faces are all too small or turned too far.
    """
    landmarks = np.stack([face.landmarks for face in tracklet.faces])
    sides, turned = quad_side(ffhq_quad(landmarks)), np.abs(yaw(landmarks))
    centres = landmarks.mean(axis=1)
    speed = np.linalg.norm(np.diff(centres, axis=0, prepend=centres[:1]), axis=1)
    quality = sides * np.cos(np.radians(turned)) / (1 + 10 * speed / sides)
    quality[(sides < MIN_SIDE) | (turned > MAX_YAW)] = 0
    count = min(max(MIN_VIEWS, len(landmarks) // DETECTIONS_PER_VIEW), len(landmarks))
    parts = np.array_split(np.arange(len(landmarks)), count)
    best = (int(part[quality[part].argmax()]) for part in parts)
    return [entry for entry in best if quality[entry] > 0]
