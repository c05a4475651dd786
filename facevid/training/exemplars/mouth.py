"""Open mouths: how far they move the landmarks of a closed one, and, drawn, what shows between the lips: teeth, dark.

The mean of what shows in many has no teeth and no dark, but one pale blot.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.matte import mouth_matte
from facevid.compositing.shape import parted
from facevid.compositing.warp import landmark_warp, warped
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.augmentation import Batch, to_light
from facevid.training.exemplars.prototype import (
    around_mouth,
    column,
    known_to_have,
    landmark_shift,
    light_on,
    moved,
    placed,
    whole,
)
from facevid.training.face_data import FaceData
from facevid.training.mouth import mouth_gap

CANDIDATES = 800
"""Most faces of a kind that are looked at."""
CLOSED, OPEN = 0.05, (0.16, 0.3)
"""Gaps between the lips, in distances between the eyes, of those that are compared."""
UPPER_EDGE, LOWER_EDGE = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]
"""Landmarks along the edges of an open mouth, from corner to corner."""
ROW, SPAN = 0.48, (0.1, 0.9)
"""How far down an open mouth its upper teeth reach, and from where to where across, in shares of it."""
TEETH, DARK = (1.05, 0.93, 0.86), (0.2, 0.09, 0.08)
"""Their light, and that below and beside them, in shares of that on the face."""
FINER = 8
"""How many times finer than the picture's pixels they are drawn."""


@dataclass(frozen=True)
class OpenMouth:
    """An open mouth.

    Attributes:
        inside: float32 (R, R, 3), the light between the lips, in shares of that on the face.
        landmarks: float32 (68, 2) of the face that it is drawn for, as indices of pixels.
        shift: float32 (68, 2), how far an edit of strength 1 moves the landmarks.
        predictor: places landmarks.
    """

    inside: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    shift: NDArray[np.float32]
    predictor: LandmarkPredictor

    def put_on(self, faces: Batch, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Part the lips of faces."""
        light = (faces.pictures + 1) / 2
        side = light.shape[-1]
        before = placed(self.predictor, light)
        after = before + column(strengths) * self.shift
        insides = [warped(self.inside, landmark_warp(each, self.landmarks, side)) for each in after]
        shown = [mouth_matte(to, side) * parted(own, to, side) for own, to in zip(before, after, strict=True)]
        told = [around_mouth(each, side) for each in after]
        inside, shows, where = (
            torch.from_numpy(np.stack(each).astype(np.float32)).to(light.device) for each in (insides, shown, told)
        )
        opened = moved(light, before, after)
        lit = light_on(light).mean(dim=1, keepdim=True)
        opened += shows[:, None] * (inside.permute(0, 3, 1, 2) * lit - opened)
        return (opened * 2 - 1).clamp(-1, 1), where[:, None]


def find_open_mouths(data: FaceData, count: int) -> OpenMouth | None:
    """Compare at most `count` open mouths with as many closed ones, of smiling faces and of others."""
    predictor = LandmarkPredictor()
    shifts, opened = [], []
    for smiles in (True, False):
        rows = whole(data.corners) & known_to_have(data.labels, "smile", has=smiles)
        pictures = data.pictures[rows][:CANDIDATES]
        landmarks = placed(predictor, to_light(pictures))
        gaps = mouth_gap(landmarks)
        wide = landmarks[(gaps > OPEN[0]) & (gaps < OPEN[1])][:count]
        closed = landmarks[gaps <= CLOSED][:count]
        if len(wide) and len(closed):
            shifts.append(landmark_shift(wide.mean(axis=0), closed.mean(axis=0)))
            opened.append(wide)
    if not shifts:
        return None
    mean = np.concatenate(opened).mean(axis=0)
    return OpenMouth(_drawn(mean, data.pictures.shape[-1]), mean, np.mean(shifts, axis=0), predictor)


def _drawn(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw a row of teeth before the dark, (side, side, 3)."""
    across = np.linspace(*SPAN, 40)
    upper, lower = _along(landmarks[UPPER_EDGE], across), _along(landmarks[LOWER_EDGE], across)
    row = np.concatenate([upper, (upper + ROW * (lower - upper))[::-1]])
    picture = np.full((FINER * side, FINER * side, 3), DARK, np.float32)
    cv2.fillPoly(picture, [np.rint((row + 0.5) * FINER - 0.5).astype(np.int32)], TEETH)
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _along(line: NDArray[np.float32], shares: NDArray[np.floating]) -> NDArray[np.float32]:
    """Find points of a line, (N, 2), at shares of its number of points."""
    places = shares * (len(line) - 1)
    return np.stack([np.interp(places, range(len(line)), each) for each in line.T], axis=-1).astype(np.float32)
