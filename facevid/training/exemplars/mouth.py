"""Open mouths: how far they move the landmarks of a closed one, and what shows between the lips: a row of teeth."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.matte import INNER_LIPS, filled, mouth_matte
from facevid.compositing.shape import parted
from facevid.compositing.warp import landmark_warp, warped
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.augmentation import Batch, to_light
from facevid.training.exemplars.prototype import (
    DARKEST,
    Faces,
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
SHOWN = 25
"""Mouths whose insides are averaged: those with the whitest teeth."""
UPPER = 0.55
"""Share of an open mouth's height in which its teeth show."""


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
        faces = Faces(pictures, placed(predictor, to_light(pictures)))
        gaps = mouth_gap(faces.landmarks)
        wide, closed = (
            faces.only(np.flatnonzero(each)[:count]) for each in ((gaps > OPEN[0]) & (gaps < OPEN[1]), gaps <= CLOSED)
        )
        if len(wide.pictures) and len(closed.pictures):
            shifts.append(landmark_shift(wide.landmarks.mean(axis=0), closed.landmarks.mean(axis=0)))
            opened.append(wide)
    if not shifts:
        return None
    inside, landmarks = _inside(opened)
    return OpenMouth(inside, landmarks, np.mean(shifts, axis=0), predictor)


def _inside(opened: list[Faces]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Average the logarithms of what shows in mouths with white teeth; say for which landmarks."""
    landmarks = np.concatenate([faces.landmarks for faces in opened])
    light = to_light(torch.cat([faces.pictures for faces in opened]))
    logs = ((light + DARKEST) / light_on(light).mean(dim=1, keepdim=True)).log()
    target, side = landmarks.mean(axis=0), light.shape[-1]
    pictures = logs.permute(0, 2, 3, 1).cpu().numpy()
    brought = np.stack(
        [warped(each, landmark_warp(target, own, side)) for each, own in zip(pictures, landmarks, strict=True)]
    )
    rows, columns = np.nonzero(filled(target[INNER_LIPS], side) > 0.9)
    upper = rows < rows.min() + UPPER * np.ptp(rows) if len(rows) else np.zeros(0, bool)
    seen = brought[:, rows, columns]
    whiteness = seen[:, upper].min(axis=-1).mean(axis=1) - seen[:, ~upper].mean(axis=(1, 2)) / 2
    return np.exp(brought[np.argsort(-whiteness)[:SHOWN]].mean(axis=0)), target
