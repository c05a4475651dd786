"""StyleGAN2's discriminator (Karras et al., CVPR 2020): the residual one, with the deviation over the batch.

Only training needs it, so its parameters carry names of our own.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.layers import EqualizedLinear, scaled_leaky_relu

BATCH_GROUP = 4
"""Pictures whose deviation from each other is told to the last layers (Karras et al. 2018, section 3)."""


class _Convolution(nn.Module):
    """Equalized convolution; halves the side where asked, after a low-pass filter."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, *, halve: bool = False, activate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if activate else None
        self.scale = 1 / math.sqrt(inputs * size * size)
        self.halve = halve
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(row, row), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        size = self.weight.shape[-1]
        if self.halve:
            kernel = self.kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4)
            x = F.conv2d(x, kernel, padding=2 if size == 3 else 1, groups=x.shape[1])
        x = F.conv2d(x, self.weight * self.scale, stride=2 if self.halve else 1, padding=0 if self.halve else size // 2)
        return x if self.bias is None else scaled_leaky_relu(x + self.bias.to(x.dtype)[:, None, None])


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = _Convolution(inputs, inputs, 3)
        self.second = _Convolution(inputs, outputs, 3, halve=True)
        self.skip = _Convolution(inputs, outputs, 1, halve=True, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = (self.second(self.first(x)) + self.skip(x)) / math.sqrt(2)
        return result


class Discriminator(nn.Module):
    """Tells pictures from generated ones. `channels`: at the full resolution, at half of it, ... down to 4 px."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.from_rgb = _Convolution(3, channels[0], 1)
        self.blocks = nn.ModuleList(_Block(inputs, outputs) for inputs, outputs in pairwise(channels))
        self.last = _Convolution(channels[-1] + 1, channels[-1], 3)
        self.hidden = EqualizedLinear(channels[-1] * 16, channels[-1])
        self.out = EqualizedLinear(channels[-1], 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits (N,), high for real, and the features of every block, largest first.

        Args:
            pictures: (N, 3, R, R), RGB in [-1, 1].
        """
        x = self.from_rgb(pictures)
        features = []
        for block in self.blocks:
            x = block(x)
            features.append(x)
        x = self.last(torch.cat([x, _deviation(x)], dim=1))
        x = scaled_leaky_relu(self.hidden(x.flatten(1)))
        logits: Tensor = self.out(x)[:, 0]
        return logits.float(), features


def _deviation(x: Tensor) -> Tensor:
    """Return the mean deviation of each picture's features from those of its group, as a channel (N, 1, H, W)."""
    count, _, height, width = x.shape
    size = math.gcd(count, BATCH_GROUP)
    groups = x.float().reshape(size, -1, *x.shape[1:])
    deviation = (groups.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return deviation.to(x.dtype).repeat(size)[:, None, None, None].expand(count, 1, height, width)
