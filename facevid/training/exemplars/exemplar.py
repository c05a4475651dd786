"""Exemplars of one attribute, and the one that suits a face."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.latents.attributes import attribute_of
from facevid.models.model import FaceModel
from facevid.training.augmentation import Batch, oval_mask
from facevid.training.face_data import FaceData

GLANCE = 16
"""Side in pixels at which faces are compared."""
DARKEST = 0.03
"""Least light that is divided by, of 1."""
CHEEKS = ((0.35, 0.60, 0.06, 0.05), (0.65, 0.60, 0.06, 0.05))
"""Ovals in an FFHQ crop: centre and half axes, in shares of its side."""


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
        ratios: float32 (2K, C, R, R), how many times lighter the attribute makes each.
        region: float32 (1, 1, R, R), 1 where it shows, falling smoothly to 0.
        glances: float32 (2K, R, R), what the generator makes of their codes.
    """

    ratios: Tensor
    region: Tensor
    glances: Tensor

    def gains(self, batch: Batch, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Move the exemplar most like each face as its picture was moved."""
        count = len(generated)
        ratios = self.ratios[self._nearest(generated, batch.grid)].expand(-1, 3, -1, -1)
        regions = self.region.expand(count, -1, -1, -1)
        moved = F.grid_sample(torch.cat([ratios, regions], dim=1), batch.grid, align_corners=False)
        where = moved[:, 3:]
        return 1 + where * (moved[:, :3] - 1), where

    def _nearest(self, faces: Tensor, grid: Tensor) -> Tensor:
        candidates = self.glances.expand(len(faces), -1, -1, -1)
        moved = F.grid_sample(candidates, grid, padding_mode="border", align_corners=False)
        return (glance(moved) - glance(faces.mean(dim=1, keepdim=True))).square().mean(dim=(2, 3)).argmin(dim=1)


def chosen(model: FaceModel, pictures: Tensor, ratios: Tensor, region: Tensor) -> ChosenExemplars:
    """Make exemplars of uint8 pictures (K, 3, R, R) and what the attribute does to them, (K, C, R, R)."""
    both = torch.cat([pictures, pictures.flip(-1)])
    generated = model.generate(model.encode(both.permute(0, 2, 3, 1)))
    return ChosenExemplars(torch.cat([ratios, ratios.flip(-1)]), region, generated.mean(dim=1))


def glance(pictures: Tensor) -> Tensor:
    """See pictures (N, C, R, R) small, each channel's mean taken off."""
    small = F.interpolate(pictures, size=(GLANCE, GLANCE), mode="area")
    return small - small.mean(dim=(2, 3), keepdim=True)


def wearers(data: FaceData, attribute: str) -> Tensor:
    """Take the pictures, uint8 (N, 3, R, R), that are whole and known to have an attribute."""
    whole = (data.corners < 0).any(dim=2).any(dim=1)
    return data.pictures[whole & known_to_have(data.labels, attribute)]


def known_to_have(labels: Tensor, attribute: str) -> Tensor:
    """Tell which faces' labels, (N, 40), say that they have an attribute."""
    meant = attribute_of(attribute)
    assert meant.index is not None
    return labels[:, meant.index] == int(meant.sign > 0)


def oval(shape: tuple[float, float, float, float], like: Tensor) -> Tensor:
    """Draw an oval for pictures (N, C, R, R): (1, 1, R, R)."""
    return oval_mask(shape, like.shape[-1], str(like.device))[None, None]


def mean_light(light: Tensor, weights: Tensor) -> Tensor:
    """Average light (N, C, R, R) where the weights (N or 1, 1, R, R) say: (N, C, 1, 1)."""
    total = weights.sum(dim=(2, 3), keepdim=True).clamp(min=1e-3)
    return (light * weights).sum(dim=(2, 3), keepdim=True) / total
