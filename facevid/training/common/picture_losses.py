"""Losses between pictures (N, 3, H, W) in [-1, 1], weighed by pixel; and between features."""

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 4


def pixel_loss(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Return the weighed mean absolute difference, averaged over the full size and three halvings.

    Args:
        a, b: (N, 3, H, W).
        weights: (N, 1, H, W), 0 where a picture says nothing.
    """
    total = a.new_zeros(())
    difference, weights = (a - b) * (weights > 0), weights.expand(len(a), -1, -1, -1)
    for scale in range(SCALES):
        if scale:
            difference, weights = F.avg_pool2d(difference, 2), F.avg_pool2d(weights, 2)
        total = total + _weighed(difference.abs(), weights)
    return total / SCALES


def gradient_loss(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Return the weighed mean absolute difference of neighbouring pixels' differences, across and down."""
    difference = a - b
    across = (difference[..., :, 1:] - difference[..., :, :-1]).abs()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs()
    across_weights = torch.minimum(weights[..., :, 1:], weights[..., :, :-1])
    down_weights = torch.minimum(weights[..., 1:, :], weights[..., :-1, :])
    return _weighed(across, across_weights) + _weighed(down, down_weights)


def feature_loss(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Return the mean absolute difference of features, each layer in shares of its own mean size."""
    parts = [
        (x.float() - y.float()).abs().mean() / y.float().abs().mean().clamp(min=1e-6) for x, y in zip(a, b, strict=True)
    ]
    return torch.stack(parts).mean()


def _weighed(values: Tensor, weights: Tensor) -> Tensor:
    """Average over channels, then over pixels by their weights."""
    return (values.mean(dim=1, keepdim=True) * weights).sum() / weights.expand(len(values), -1, -1, -1).sum().clamp(
        min=1e-6
    )
