"""Losses between pictures (N, 3, H, W) in [-1, 1], with a weight for each pixel, and between network features."""

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 4
"""Number of resolutions that `pixel_loss` compares: full size and three halvings."""


def pixel_loss(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean absolute difference, averaged over `SCALES` resolutions.

    Args:
        a: pictures (N, 3, H, W).
        b: pictures of the same shape.
        weights: (N, 1, H, W) or (1, 1, H, W), at least 0; 0 excludes a pixel.
    """
    total = a.new_zeros(())
    difference, weights = (a - b) * (weights > 0), weights.expand(len(a), -1, -1, -1)
    for scale in range(SCALES):
        if scale:
            difference, weights = F.avg_pool2d(difference, 2), F.avg_pool2d(weights, 2)
        total = total + _weighted_mean(difference.abs(), weights)
    return total / SCALES


def gradient_loss(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean absolute difference of the horizontal gradients plus that of the vertical gradients.

    The arguments are those of `pixel_loss`. A gradient has the smaller weight of its two pixels.
    """
    difference = a - b
    horizontal = (difference[..., :, 1:] - difference[..., :, :-1]).abs()
    vertical = (difference[..., 1:, :] - difference[..., :-1, :]).abs()
    horizontal_weights = torch.minimum(weights[..., :, 1:], weights[..., :, :-1])
    vertical_weights = torch.minimum(weights[..., 1:, :], weights[..., :-1, :])
    return _weighted_mean(horizontal, horizontal_weights) + _weighted_mean(vertical, vertical_weights)


def feature_loss(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Return the mean absolute difference of features, averaged over layers.

    Each layer is normalised by the mean absolute value of `b` in that layer.
    """
    parts = [
        (x.float() - y.float()).abs().mean() / y.float().abs().mean().clamp(min=1e-6) for x, y in zip(a, b, strict=True)
    ]
    return torch.stack(parts).mean()


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Average values (N, C, H, W) over channels, then over pixels with weights (N or 1, 1, H, W)."""
    return (values.mean(dim=1, keepdim=True) * weights).sum() / weights.expand(len(values), -1, -1, -1).sum().clamp(
        min=1e-6
    )
