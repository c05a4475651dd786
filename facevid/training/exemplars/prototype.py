"""What an edit makes of any face, drawn once, for the shape of a mean face, and how it is brought to others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.warp import landmark_warp, warped
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.latents.attributes import attribute_of
from facevid.training.augmentation import Batch, to_light
from facevid.training.face_data import FaceData

DARKEST = 0.03
"""Least light that is divided by, of 1."""
AT_LEAST = 256
"""Side in pixels at which landmarks are placed."""
FOREHEAD = 0.45
"""How far above the brows faces are compared, in distances from brows to the base of the nose."""


class Exemplars(Protocol):
    """Knows what an edit should make of a face."""

    def gains(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Say how many times lighter faces get, (N, 3, R, R), and where, (N, 1, R, R): 1 there, 0 elsewhere."""
        ...


FindExemplars = Callable[[FaceData, int], Exemplars | None]
"""Finds what so many of the faces have; None where none has it."""


@dataclass(frozen=True)
class Prototype:
    """One change for all faces.

    Attributes:
        change: float32 (R, R), the logarithm of how many times lighter an edit of strength 1 makes a face.
        region: float32 (R, R), 1 where it shows, falling smoothly to 0.
        landmarks: float32 (68, 2) of the face that both are drawn for, as indices of pixels.
        predictor: places landmarks.
        carriers: numbers of the landmarks that both move with.
    """

    change: NDArray[np.float32]
    region: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    predictor: LandmarkPredictor
    carriers: Sequence[int] = range(68)

    def gains(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Bring the change to each face's landmarks."""
        drawn, carriers = np.dstack([self.change, self.region]), [*self.carriers]
        targets = placed(self.predictor, (batch.pictures + 1) / 2)[:, carriers]
        moved = [warped(drawn, landmark_warp(target, self.landmarks[carriers], len(drawn))) for target in targets]
        change, where = torch.from_numpy(np.stack(moved)).permute(0, 3, 1, 2).to(batch.mask.device).split(1, dim=1)
        where = where.clamp(0, 1)
        return (change * where).exp().expand(-1, 3, -1, -1), where


@dataclass(frozen=True)
class MeanDifference:
    """How faces that have something differ from others, on average, wherever landmarks are the same.

    After the prototypes of Burt and Perrett (Proceedings of the Royal Society B, 1995): brought to one shape and
    averaged, faces lose what is a person's own, and keep what they share.

    Attributes:
        light: float32 (R, R), the logarithm of how many times lighter they are.
        landmarks: float32 (68, 2) of the mean face, as indices of pixels.
    """

    light: NDArray[np.float32]
    landmarks: NDArray[np.float32]


def mean_difference(
    data: FaceData,
    attribute: str,
    count: int,
    kinds: Sequence[Mapping[str, bool]],
    predictor: LandmarkPredictor,
) -> MeanDifference | None:
    """Compare faces with an attribute to those without.

    Args:
        data: the faces; only those that show the whole crop are taken.
        attribute: by its everyday name.
        count: most faces to average of each kind, with it and without.
        kinds: what faces are to have or lack beside, if that is known, so that they differ in the attribute alone; a
            kind that there are no faces of is left out.
        predictor: places landmarks.

    Returns:
        the mean over all kinds; None where there are no faces of any.
    """
    pairs = [[_faces(data, count, attribute, has, kind) for has in (True, False)] for kind in kinds]
    pairs = [pair for pair in pairs if all(len(faces) for faces in pair)]
    if not pairs:
        return None
    points = [[placed(predictor, to_light(faces)) for faces in pair] for pair in pairs]
    landmarks = np.concatenate([each for pair in points for each in pair]).mean(axis=0)
    differences = []
    for pair, own in zip(pairs, points, strict=True):
        having, lacking = (_mean_light(faces, each, landmarks) for faces, each in zip(pair, own, strict=True))
        differences.append(having - lacking)
    return MeanDifference(np.mean(differences, axis=0), landmarks)


def placed(predictor: LandmarkPredictor, light: Tensor) -> NDArray[np.float32]:
    """Place the landmarks of faces (N, 3, R, R) in [0, 1]: (N, 68, 2) as indices of pixels."""
    faces = (light * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    side = light.shape[-1]
    large = max(AT_LEAST, side)
    larger = [np.asarray(cv2.resize(face, (large, large)), np.uint8) for face in faces]
    return (np.stack([predictor.place_in_crop(face) for face in larger]) + 0.5) * np.float32(side / large) - 0.5


def known_to_have(labels: Tensor, attribute: str, *, has: bool = True) -> Tensor:
    """Tell which faces' labels, (N, 40), say that they have an attribute, or lack it."""
    meant = attribute_of(attribute)
    assert meant.index is not None
    return labels[:, meant.index] == int((meant.sign > 0) == has)


def whole(data: FaceData) -> Tensor:
    """Tell which pictures show all of the crop, bool (N,)."""
    return (data.corners < 0).any(dim=2).any(dim=1)


def _faces(data: FaceData, most: int, attribute: str, has: bool, kind: Mapping[str, bool]) -> Tensor:
    others = [known_to_have(data.labels, name, has=not each) for name, each in kind.items()]
    of_kind = whole(data) & ~torch.stack(others).any(dim=0)
    return data.pictures[of_kind & known_to_have(data.labels, attribute, has=has)][:most]


def _mean_light(pictures: Tensor, landmarks: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring faces to the target's landmarks, and average the logarithm of their light."""
    grey = (to_light(pictures).mean(dim=1) + DARKEST).log().cpu().numpy()
    warps = (landmark_warp(target, own, grey.shape[-1]) for own in landmarks)
    return np.mean([warped(face, warp) for face, warp in zip(grey, warps, strict=True)], axis=0)
