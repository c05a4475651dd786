"""Exemplars of one attribute, the one that suits a face, and how it is brought to the face's shape."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.warp import landmark_warp, warped
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.latents.attributes import attribute_of
from facevid.models.model import FaceModel
from facevid.training.augmentation import Batch, oval_mask, to_light
from facevid.training.face_data import FaceData

GLANCE = 16
"""Side in pixels at which faces are compared."""
DARKEST = 0.03
"""Least light that is divided by, of 1."""
CHEEKS = ((0.35, 0.60, 0.06, 0.05), (0.65, 0.60, 0.06, 0.05))
"""Ovals in an FFHQ crop: centre and half axes, in shares of its side."""
AT_LEAST = 256
"""Side in pixels at which landmarks are placed."""


class Exemplars(Protocol):
    """Knows what an edit should make of a face."""

    def gains(self, batch: Batch, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Say how many times lighter a face gets, and where.

        Args:
            batch: the faces.
            generated: (N, 3, R, R), what the generator makes of their edited codes, RGB in [-1, 1].

        Returns:
            (N, 3, R, R), 1 where nothing changes, and (N, 1, R, R), 1 where the attribute shows, 0 elsewhere.
        """
        ...


FindExemplars = Callable[[FaceModel, FaceData, int], Exemplars | None]
"""Finds so many exemplars among the faces; None where none has the attribute."""


@dataclass(frozen=True)
class ChosenExemplars:
    """Faces that have an attribute, and their mirror images, of which the one most like a face is chosen for it.

    Attributes:
        ratios: float32 (2K, R, R, 3), how many times lighter the attribute makes each.
        regions: float32 (2K, R, R), 1 where it shows, falling smoothly to 0.
        landmarks: float32 (2K, 68, 2), as indices of pixels.
        glances: float32 (2K, 1, G, G), what the generator makes of their codes, seen small.
        predictor: places landmarks.
    """

    ratios: NDArray[np.float32]
    regions: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    glances: Tensor
    predictor: LandmarkPredictor

    def gains(self, batch: Batch, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Bring the exemplar most like each face to the face's landmarks."""
        distances = (glance(generated)[:, None] - self.glances[None]).square().mean(dim=(2, 3, 4))
        landmarks = placed(self.predictor, (batch.pictures + 1) / 2)
        nearest = distances.argmin(dim=1).tolist()
        moved = np.stack([self._moved(number, target) for number, target in zip(nearest, landmarks, strict=True)])
        ratios, where = torch.from_numpy(moved).permute(0, 3, 1, 2).to(generated.device).split((3, 1), dim=1)
        return 1 + where * (ratios - 1), where

    def _moved(self, number: int, target: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fit an exemplar to landmarks (68, 2): its ratios and its region, (R, R, 4)."""
        ratios, region = self.ratios[number], self.regions[number]
        warp = landmark_warp(target, self.landmarks[number], len(region))
        return warped(np.dstack([ratios, region]), warp).clip(0, None)


@dataclass(frozen=True)
class Prototype:
    """One change for all faces, drawn for the shape of a mean face.

    Attributes:
        change: float32 (R, R), the logarithm of how many times lighter an edit of strength 1 makes a face.
        region: float32 (R, R), 1 where it shows, falling smoothly to 0.
        landmarks: float32 (68, 2) of that face, as indices of pixels.
        carriers: numbers of the landmarks that both move with.
        predictor: places landmarks.
    """

    change: NDArray[np.float32]
    region: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    carriers: list[int]
    predictor: LandmarkPredictor

    def gains(self, batch: Batch, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Bring the change to each face's landmarks."""
        drawn, source = np.dstack([self.change, self.region]), self.landmarks[self.carriers]
        targets = placed(self.predictor, (batch.pictures + 1) / 2)[:, self.carriers]
        moved = np.stack([warped(drawn, landmark_warp(target, source, len(drawn))) for target in targets])
        change, where = torch.from_numpy(moved).permute(0, 3, 1, 2).to(generated.device).split(1, dim=1)
        where = where.clamp(0, 1)
        return (change * where).exp().expand(-1, 3, -1, -1), where


def chosen(
    model: FaceModel,
    pictures: Tensor,
    ratios: Tensor,
    region: Callable[[NDArray[np.float32], int], NDArray[np.float32]],
) -> ChosenExemplars:
    """Make exemplars.

    Args:
        model: generates them.
        pictures: uint8 (K, 3, R, R).
        ratios: float32 (K, 1 or 3, R, R), what the attribute does to their light.
        region: draws where it shows, (R, R), around landmarks, (68, 2), of a face R pixels wide.
    """
    both = torch.cat([pictures, pictures.flip(-1)])
    generated = model.generate(model.encode(both.permute(0, 2, 3, 1)))
    predictor = LandmarkPredictor()
    landmarks = placed(predictor, to_light(both))
    regions = np.stack([region(points, both.shape[-1]) for points in landmarks])
    of_both = torch.cat([ratios, ratios.flip(-1)]).expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
    return ChosenExemplars(of_both.cpu().numpy(), regions, landmarks, glance(generated), predictor)


def placed(predictor: LandmarkPredictor, light: Tensor) -> NDArray[np.float32]:
    """Place the landmarks of faces (N, 3, R, R) in [0, 1]: (N, 68, 2) as indices of pixels."""
    faces = (light * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    side = light.shape[-1]
    large = max(AT_LEAST, side)
    larger = [np.asarray(cv2.resize(face, (large, large)), np.uint8) for face in faces]
    return (np.stack([predictor.place_in_crop(face) for face in larger]) + 0.5) * np.float32(side / large) - 0.5


def glance(pictures: Tensor) -> Tensor:
    """See pictures (N, 3, R, R) small and grey, the mean taken off: (N, 1, G, G)."""
    small = F.interpolate(pictures.mean(dim=1, keepdim=True), size=(GLANCE, GLANCE), mode="area")
    return small - small.mean(dim=(2, 3), keepdim=True)


def wearers(data: FaceData, attribute: str) -> Tensor:
    """Take the pictures, uint8 (N, 3, R, R), that are whole and known to have an attribute."""
    return data.pictures[whole(data) & known_to_have(data.labels, attribute)]


def whole(data: FaceData) -> Tensor:
    """Tell which pictures show all of the crop, bool (N,)."""
    return (data.corners < 0).any(dim=2).any(dim=1)


def known_to_have(labels: Tensor, attribute: str, *, has: bool = True) -> Tensor:
    """Tell which faces' labels, (N, 40), say that they have an attribute, or lack it."""
    meant = attribute_of(attribute)
    assert meant.index is not None
    return labels[:, meant.index] == int((meant.sign > 0) == has)


def oval(shape: tuple[float, float, float, float], like: Tensor) -> Tensor:
    """Draw an oval for pictures (N, C, R, R): (1, 1, R, R)."""
    return oval_mask(shape, like.shape[-1], str(like.device))[None, None]


def mean_light(light: Tensor, weights: Tensor) -> Tensor:
    """Average light (N, C, R, R) where the weights (N or 1, 1, R, R) say: (N, C, 1, 1)."""
    total = weights.sum(dim=(2, 3), keepdim=True).clamp(min=1e-3)
    return (light * weights).sum(dim=(2, 3), keepdim=True) / total
