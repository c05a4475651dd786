"""Faces altered in ways that edits alter them, so that the way back is known: the unaltered picture.

No picture shows a person before and after an edit. But a picture whose mouth or eyes were taken from another one, whose
features were bent to other places, or whose colours were changed is what the true picture might have been before an
edit: the face's code says what to change, and the rest of the person is there to be kept.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.training.augmentation import FACE, Batch, cover
from facevid.training.recipe import FeatureRecipe

REGIONS = (((0.5, 0.745, 0.18, 0.11), 3), ((0.5, 0.472, 0.30, 0.11), 3), ((0.5, 0.72, 0.33, 0.24), 2), (FACE, 1))
"""Mouth, eyes with glasses, beard, and the whole face: centre and half axes of ovals in an FFHQ crop, in shares of its
side, and how often each is swapped."""
STRETCH = 0.2
"""How much these half axes are varied."""
OVERLAP = 0.1
"""Share of faces that are both swapped and bent."""
BENDS = 5
"""Points across and down between which a bend is smooth."""


@dataclass(frozen=True)
class _Draw:
    """Random numbers on one device."""

    generator: torch.Generator

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, device=self.generator.device, generator=self.generator)

    def around(self, *shape: int) -> Tensor:
        """Draw from -1 to 1."""
        return self.uniform(*shape) * 2 - 1

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.generator.device, generator=self.generator)


def altered(batch: Batch, recipe: FeatureRecipe, random: torch.Generator) -> Tensor:
    """Alter faces, (N, 3, R, R) in [-1, 1], and leave some as they are; black where nothing is known."""
    draw, count = _Draw(random), len(batch.pictures)
    kind = draw.uniform(count)[:, None, None, None]
    swapped = (kind < recipe.swapped).float()
    moved = ((kind > recipe.swapped - OVERLAP) & (kind < recipe.swapped - OVERLAP + recipe.moved)).float()
    recoloured = (draw.uniform(count, 1, 1, 1) < recipe.recoloured).float()
    pictures = batch.pictures
    pictures = pictures + swapped * (_with_others_features(pictures, batch.mask, draw) - pictures)
    pictures, mask = _bent(pictures, batch.mask, moved * recipe.bend, draw)
    pictures = pictures + recoloured * (_recoloured(pictures, recipe.tint, draw) - pictures)
    return cover(pictures, mask)


def _with_others_features(pictures: Tensor, mask: Tensor, draw: _Draw) -> Tensor:
    """Set a part of the next face of the batch into each, in the colours of the part that was there."""
    donors, weights = pictures.roll(1, dims=0), _regions(len(pictures), pictures.shape[-1], draw)
    weights = weights * mask * mask.roll(1, dims=0)
    mean, deviation = _statistics(pictures, weights)
    donors_mean, donors_deviation = _statistics(donors, weights)
    matched = (donors - donors_mean) * (deviation / donors_deviation).clamp(0.5, 2) + mean
    return pictures + weights * (matched.clamp(-1, 1) - pictures)


def _regions(count: int, side: int, draw: _Draw) -> Tensor:
    """Draw one oval for each face, (N, 1, side, side): 1 within, falling smoothly to 0 outside."""
    device = draw.generator.device
    often = torch.tensor([float(weight) for _, weight in REGIONS], device=device)
    chosen = torch.multinomial(often, count, replacement=True, generator=draw.generator)
    ovals = torch.tensor([oval for oval, _ in REGIONS], device=device)[chosen]
    ovals = ovals * (1 + draw.around(count, 4) * torch.tensor([0.03, 0.03, STRETCH, STRETCH], device=device))
    centres = (torch.arange(side, device=device) + 0.5) / side
    x, y, half_width, half_height = (values[:, None] for values in ovals.T)
    across, down = ((centres - x) / half_width).square(), ((centres - y) / half_height).square()
    radius = (across[:, None, :] + down[:, :, None]).sqrt()
    return torch.sigmoid((1 - radius) * 10)[:, None]


def _statistics(pictures: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    total = weights.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = (pictures * weights).sum(dim=(2, 3), keepdim=True) / total
    variance = ((pictures - mean).square() * weights).sum(dim=(2, 3), keepdim=True) / total
    return mean, (variance + 1e-3).sqrt()


def _bent(pictures: Tensor, mask: Tensor, bend: Tensor, draw: _Draw) -> tuple[Tensor, Tensor]:
    count, side = len(pictures), pictures.shape[-1]
    shifts = draw.normal(count, 2, BENDS, BENDS) * draw.uniform(count, 1, 1, 1) * bend
    shifts = F.interpolate(shifts, size=(side, side), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    still = torch.eye(2, 3, device=pictures.device).expand(count, 2, 3)
    grid = F.affine_grid(still, [count, 3, side, side], align_corners=False) + shifts
    bent = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    known = F.grid_sample(mask, grid, padding_mode="border", align_corners=False) > 0.99
    return bent, known.float()


def _recoloured(pictures: Tensor, tint: float, draw: _Draw) -> Tensor:
    count = len(pictures)
    contrast, shift = 1 + draw.around(count, 1, 1, 1) * 2 * tint, draw.around(count, 3, 1, 1) * tint
    return (pictures * contrast + shift).clamp(-1, 1)
