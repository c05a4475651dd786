"""Batches of faces with random augmentation: geometry, colour, and masking."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.training.common.config import FaceModelConfig, FaceTrainingConfig
from facevid.training.common.face_data import FaceData

QUAD_MARGIN = 1.5 / 128
"""Width of the excluded rim of a valid quadrilateral, as a fraction of the crop's side: resampling blurs it with black.
"""

BLACK = -1.0
"""Value of black in pictures in [-1, 1]."""

OVAL_SHARPNESS = 12.0
"""Slope of the edge of an oval mask: the mask falls from 0.95 to 0.05 over half of the oval's radius."""

VALID_THRESHOLD = 0.99
"""Smallest value of a resampled mask that counts as valid: excludes pixels that are interpolated with black."""

Oval = tuple[float, float, float, float]
"""Centre x, centre y, half width and half height, as fractions of the side of an FFHQ crop."""

FACE_OVAL: Oval = (0.5, 0.6, 0.3, 0.36)
"""Oval that contains the face in an FFHQ crop."""

FEATURE_OVALS: tuple[Oval, ...] = ((0.375, 0.472, 0.09, 0.07), (0.625, 0.472, 0.09, 0.07), (0.5, 0.745, 0.16, 0.09))
"""Ovals that contain the left eye, the right eye and the mouth in an FFHQ crop: alignment fixes their positions."""


@dataclass(frozen=True)
class Batch:
    """An augmented batch of faces.

    Attributes:
        pictures: float32 (N, 3, R, R), RGB in [-1, 1], black outside the mask.
        mask: float32 (N, 1, R, R), 1 where the picture is valid, else 0.
        labels: int8 (N, 40), CelebA's attributes: 1 yes, 0 no, -1 unknown.
    """

    pictures: Tensor
    mask: Tensor
    labels: Tensor


def sample_batch(data: FaceData, config: FaceTrainingConfig, count: int, generator: torch.Generator) -> Batch:
    """Sample `count` faces by their sampling weights and augment them: flip, affine jitter, colour jitter, mask."""
    rows = torch.multinomial(data.sampling_weights, count, replacement=True, generator=generator)
    pictures = to_float(data.pictures[rows])
    corners = torch.where(
        _random_bool(count, config.masked, generator)[:, None, None],
        _other_corners(data, rows, generator),
        data.corners[rows],
    )
    mask = quad_mask(corners, pictures.shape[-1])
    grid = _affine_grid(config, count, pictures.shape[-1], generator)
    pictures = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    mask = F.grid_sample(mask, grid, mode="bilinear", padding_mode="border", align_corners=False)
    mask = (mask > VALID_THRESHOLD).float()
    pictures = _colour_jittered(pictures, config, generator)
    return Batch(apply_mask(pictures, mask), mask, data.labels[rows])


def to_float(pictures: Tensor) -> Tensor:
    """Convert uint8 pictures to float32 in [-1, 1]."""
    return pictures.float() / 127.5 - 1


def apply_mask(pictures: Tensor, mask: Tensor) -> Tensor:
    """Set pictures (N, 3, R, R) to black where the mask (N, 1, R, R) is 0."""
    return pictures * mask + BLACK * (1 - mask)


def quad_mask(corners: Tensor, side: int) -> Tensor:
    """Rasterise quadrilaterals, without a rim of `QUAD_MARGIN`.

    Args:
        corners: (N, 4, 2), x and y as fractions of the side, in the order of `CORNERS_COLUMN`.
        side: side of the masks in pixels.

    Returns:
        float32 (N, 1, side, side), 1 inside and 0 outside.
    """
    centres = (torch.arange(side, device=corners.device) + 0.5) / side
    points = torch.stack([centres.expand(side, side), centres[:, None].expand(side, side)], dim=-1)
    edges = corners.roll(-1, dims=1) - corners
    lengths = edges.norm(dim=-1).clamp(min=1e-6)
    to_points = points[None, None] - corners[:, :, None, None]
    cross = edges[..., None, None, 0] * to_points[..., 1] - edges[..., None, None, 1] * to_points[..., 0]
    inside = -cross / lengths[..., None, None] > QUAD_MARGIN
    mask: Tensor = inside.all(dim=1, keepdim=True).float()
    return mask


def weight_map(config: FaceModelConfig, side: int, device: str) -> Tensor:
    """Return the loss weight of each pixel of an FFHQ crop: higher inside the face, highest at eyes and mouth.

    Returns:
        float32 (1, 1, side, side).
    """
    weights = torch.full((side, side), config.outside, device=device)
    weights += (config.face - config.outside) * oval_mask(FACE_OVAL, side, device)
    for oval in FEATURE_OVALS:
        weights += config.feature_spots * oval_mask(oval, side, device)
    return weights[None, None]


def oval_mask(oval: Oval, side: int, device: str) -> Tensor:
    """Rasterise an oval with a soft edge: float32 (side, side), 1 inside, 0.5 on the outline, 0 outside."""
    x, y, half_width, half_height = oval
    centres = (torch.arange(side, device=device) + 0.5) / side
    radius = (((centres - x) / half_width).square()[None] + ((centres - y) / half_height).square()[:, None]).sqrt()
    return torch.sigmoid((1 - radius) * OVAL_SHARPNESS)


def _other_corners(data: FaceData, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Return corners of randomly chosen other pictures; a partly black picture keeps its own corners."""
    others = torch.randint(len(data.corners), (len(rows),), device=rows.device, generator=generator)
    whole = (data.corners[rows] < 0).any(dim=(1, 2))
    return torch.where(whole[:, None, None], data.corners[others], data.corners[rows])


def _random_bool(count: int, probability: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, device=generator.device, generator=generator) < probability


def _random_uniform(count: int, limit: float, generator: torch.Generator) -> Tensor:
    """Return `count` random numbers, uniform in [-limit, limit]."""
    return (torch.rand(count, device=generator.device, generator=generator) * 2 - 1) * limit


def _affine_grid(config: FaceTrainingConfig, count: int, side: int, generator: torch.Generator) -> Tensor:
    """Return random sampling grids (N, side, side, 2) that rotate, scale, flip and shift pictures."""
    angle = _random_uniform(count, math.radians(config.turn), generator)
    scale = 1 + _random_uniform(count, config.scale, generator)
    flip = torch.where(_random_bool(count, 0.5, generator), -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    x_shift, y_shift = (_random_uniform(count, config.shift * 2, generator) for _ in range(2))
    top = torch.stack([cos * flip, -sin, x_shift], dim=1)
    bottom = torch.stack([sin * flip, cos, y_shift], dim=1)
    return F.affine_grid(torch.stack([top, bottom], dim=1), [count, 3, side, side], align_corners=False)


def _colour_jittered(pictures: Tensor, config: FaceTrainingConfig, generator: torch.Generator) -> Tensor:
    count = len(pictures)
    limits = (config.brightness, config.contrast, config.saturation)
    brightness, contrast, saturation = (
        _random_uniform(count, limit, generator)[:, None, None, None] for limit in limits
    )
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + (pictures - grey) * (1 + saturation)
    return (pictures * (1 + contrast) + brightness).clamp(-1, 1)
