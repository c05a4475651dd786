"""Layers shared by several networks: the equalized linear layer and StyleGAN2's activation."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAKY_SLOPE = 0.2
"""Slope of the leaky ReLU for negative inputs (StyleGAN2)."""


def scaled_leaky_relu(x: Tensor) -> Tensor:
    """Apply a leaky ReLU of slope 0.2, scaled by sqrt(2) to keep the variance (StyleGAN2, Karras et al. 2020)."""
    return F.leaky_relu(x, LEAKY_SLOPE) * math.sqrt(2.0)


class EqualizedLinear(nn.Module):
    """Linear layer with the equalized learning rate of Karras et al. 2018 (section 4.1).

    The stored weight (out, in) is multiplied at run time by `lr_mul / sqrt(in)`, the stored bias (out,) by `lr_mul`.
    """

    def __init__(self, inputs: int, outputs: int, lr_mul: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs).normal_(std=1 / lr_mul))
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_mul))
        self.lr_mul = lr_mul
        self.scale = lr_mul / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        return F.linear(x, self.weight * self.scale, self.bias * self.lr_mul)
