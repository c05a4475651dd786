"""Batches of faces, each seen a little differently every time."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.training.common.face_data import FaceData
from facevid.training.common.recipe import PictureRecipe, Recipe

MARGIN = 1.5 / 128
"""Width of the rim of a picture's quadrilateral, in shares of the side, that is left out: it is blurred with black."""
BLACK = -1.0

FACE = (0.5, 0.6, 0.3, 0.36)
"""Centre and half axes of the oval that holds a face in an FFHQ crop, in shares of its side."""
SPOTS = ((0.375, 0.472, 0.09, 0.07), (0.625, 0.472, 0.09, 0.07), (0.5, 0.745, 0.16, 0.09))
"""The same of eyes and mouth: FFHQ's alignment puts them there."""


@dataclass(frozen=True)
class Batch:
    """Faces as the networks see them.

    Attributes:
        pictures: float32 (N, 3, R, R), RGB in [-1, 1], black where they say nothing.
        mask: float32 (N, 1, R, R), 1 where there is picture, else 0.
        labels: int8 (N, 40).
    """

    pictures: Tensor
    mask: Tensor
    labels: Tensor


def draw_batch(data: FaceData, recipe: PictureRecipe, count: int, generator: torch.Generator) -> Batch:
    """Draw `count` faces by the shares of their sets: flipped or not, moved, coloured, and some covered."""
    rows = torch.multinomial(data.shares, count, replacement=True, generator=generator)
    pictures = to_float(data.pictures[rows])
    corners = torch.where(
        _chance(count, recipe.masked, generator)[:, None, None],
        _other_corners(data, rows, generator),
        data.corners[rows],
    )
    mask = quad_mask(corners, pictures.shape[-1])
    grid = _grid(recipe, count, pictures.shape[-1], generator)
    mode = {"mode": "bilinear", "align_corners": False}
    pictures = F.grid_sample(pictures, grid, padding_mode="reflection", **mode)  # type: ignore[arg-type]
    mask = (F.grid_sample(mask, grid, padding_mode="border", **mode) > 0.99).float()  # type: ignore[arg-type]
    pictures = _coloured(pictures, recipe, generator)
    return Batch(cover(pictures, mask), mask, data.labels[rows])


def to_float(pictures: Tensor) -> Tensor:
    """Turn uint8 pictures into float32 in [-1, 1]."""
    return pictures.float() / 127.5 - 1


def cover(pictures: Tensor, mask: Tensor) -> Tensor:
    """Blacken pictures where the mask is 0."""
    return pictures * mask + BLACK * (1 - mask)


def quad_mask(corners: Tensor, side: int) -> Tensor:
    """Draw quadrilaterals (N, 4, 2), in shares of the side, as masks (N, 1, side, side): 1 inside, a rim left out."""
    centres = (torch.arange(side, device=corners.device) + 0.5) / side
    points = torch.stack([centres.expand(side, side), centres[:, None].expand(side, side)], dim=-1)
    edges = corners.roll(-1, dims=1) - corners
    lengths = edges.norm(dim=-1).clamp(min=1e-6)
    to_points = points[None, None] - corners[:, :, None, None]
    cross = edges[..., None, None, 0] * to_points[..., 1] - edges[..., None, None, 1] * to_points[..., 0]
    inside = -cross / lengths[..., None, None] > MARGIN
    return inside.all(dim=1, keepdim=True).float()


def weight_map(recipe: Recipe, side: int, device: str) -> Tensor:
    """Weigh the pixels of an FFHQ crop, float32 (1, 1, side, side): the face's oval much, eyes and mouth most."""
    weights = torch.full((side, side), recipe.outside, device=device)
    weights += (recipe.face - recipe.outside) * oval_mask(FACE, side, device)
    for spot in SPOTS:
        weights += recipe.feature_spots * oval_mask(spot, side, device)
    return weights[None, None]


def oval_mask(oval: tuple[float, float, float, float], side: int, device: str) -> Tensor:
    """Draw an oval, its centre and half axes in shares of the side: 1 within, falling smoothly to 0 outside."""
    x, y, half_width, half_height = oval
    centres = (torch.arange(side, device=device) + 0.5) / side
    radius = (((centres - x) / half_width).square()[None] + ((centres - y) / half_height).square()[:, None]).sqrt()
    return torch.sigmoid((1 - radius) * 12)


def _other_corners(data: FaceData, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Take the corners of other pictures drawn at random among all: in sets of tight pictures, tight ones."""
    drawn = torch.randint(len(data.corners), (len(rows),), device=rows.device, generator=generator)
    whole = (data.corners[rows] < 0).any(dim=(1, 2))  # a tight picture has nothing outside its own corners
    return torch.where(whole[:, None, None], data.corners[drawn], data.corners[rows])


def _chance(count: int, share: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, device=generator.device, generator=generator) < share


def _uniform(count: int, reach: float, generator: torch.Generator) -> Tensor:
    return (torch.rand(count, device=generator.device, generator=generator) * 2 - 1) * reach


def _grid(recipe: PictureRecipe, count: int, side: int, generator: torch.Generator) -> Tensor:
    angle = _uniform(count, math.radians(recipe.turn), generator)
    scale = 1 + _uniform(count, recipe.scale, generator)
    flip = torch.where(_chance(count, 0.5, generator), -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    across, down = (_uniform(count, recipe.shift * 2, generator) for _ in range(2))
    top = torch.stack([cos * flip, -sin, across], dim=1)
    bottom = torch.stack([sin * flip, cos, down], dim=1)
    return F.affine_grid(torch.stack([top, bottom], dim=1), [count, 3, side, side], align_corners=False)


def _coloured(pictures: Tensor, recipe: PictureRecipe, generator: torch.Generator) -> Tensor:
    count = len(pictures)
    reaches = (recipe.brightness, recipe.contrast, recipe.saturation)
    brightness, contrast, saturation = (_uniform(count, reach, generator)[:, None, None, None] for reach in reaches)
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + (pictures - grey) * (1 + saturation)
    return (pictures * (1 + contrast) + brightness).clamp(-1, 1)
