"""Smiles: how far they move the landmarks of faces whose lips stay closed, and the folds they make; and how they end.

A smile does not open lips in the plate, which shows nothing behind them: `mouth` does. Where it ends, they close.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.augmentation import Batch
from facevid.training.exemplars.prototype import (
    Faces,
    Prototype,
    around_mouth,
    lower_face,
    mean_difference,
    pairs_of_kinds,
    placed,
    without_broad_light,
)
from facevid.training.exemplars.serious import Serious, find_serious
from facevid.training.face_data import FaceData
from facevid.training.mouth import mouth_gap

KINDS = [{"male": male, "glasses": False} for male in (True, False)]
LOOKED_AT = 6
"""How many times as many faces are looked at, to find some with closed lips."""
CLOSED = 0.06
"""Gap between lips, in distances between the eyes, up to which they are closed."""
SHAPE, FOLDS = 2.5, 1.6
"""How many times the mean differences an edit makes: with closed lips, most smile slightly, and features
draw three quarters of the way."""


@dataclass(frozen=True)
class Smiles:
    """Smiles, and their end.

    Attributes:
        more: what edits above 0 make of faces that do not smile.
        folds: of a smile.
        less: what edits below 0 make of those that do.
    """

    more: Prototype
    folds: Prototype
    less: Serious

    def put_on(self, faces: Batch, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Make faces smile, or look serious."""
        ends = strengths < 0
        pictures, told = self.more.put_on(faces, strengths.clamp(min=0))
        if ends.any():
            serious = self._serious(faces.pictures[ends], -strengths[ends])
            pictures[ends], told[ends] = self.folds.put_on(replace(faces, pictures=serious), strengths[ends])
        return pictures, told

    def _serious(self, pictures: Tensor, sizes: Tensor) -> Tensor:
        light = (pictures + 1) / 2
        landmarks = placed(self.more.predictor, light)
        views = light.permute(0, 2, 3, 1).cpu().numpy()
        ended = [self.less.put_on(*each) for each in zip(views, landmarks, sizes.tolist(), strict=True)]
        return torch.from_numpy(np.stack(ended)).permute(0, 3, 1, 2).to(pictures.device).clamp(0, 1) * 2 - 1


def find_smiles(data: FaceData, count: int) -> Smiles | None:
    """Compare at most `count` smiling faces of each kind with as many others."""
    predictor = LandmarkPredictor()
    pairs = pairs_of_kinds(data, "smile", LOOKED_AT * count, KINDS, predictor)
    closed = [(_closed(smiling, count), _closed(others, count)) for smiling, others in pairs]
    difference = mean_difference(closed)
    if difference is None:
        return None
    side = len(difference.light)
    region = lower_face(difference.landmarks, side)
    change = FOLDS * without_broad_light(difference.light, region)
    folds = Prototype(change, region, difference.landmarks, predictor)
    more = replace(folds, shift=SHAPE * difference.shift, told=around_mouth(difference.landmarks, side))
    ends = [(serious, smiling) for (smiling, _), (_, serious) in zip(pairs, closed, strict=True)]
    return Smiles(more, folds, find_serious(ends))


def _closed(faces: Faces, count: int) -> Faces:
    return faces.only(np.flatnonzero(mouth_gap(faces.landmarks) <= CLOSED)[:count])
