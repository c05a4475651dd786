"""A discriminator of patches, which tells photographs of faces from generated ones (PatchGAN, Isola et al., CVPR 2017).

Its layers are spectrally normalised (Miyato et al., ICLR 2018): its answers cannot change faster than the picture, and
so it teaches from its first steps on.
"""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (32, 64, 96, 128)
"""Channels at the picture's side, and after each halving."""


class Discriminator(nn.Module):
    """Pictures in, how much each patch looks photographed out."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, WIDTHS[0])]
        for narrow, wide in pairwise(WIDTHS):
            layers += [nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(narrow, wide, 4, stride=2, padding=1))]
        layers += [nn.LeakyReLU(0.2), _convolution(WIDTHS[-1], WIDTHS[-1])]
        layers += [nn.LeakyReLU(0.2), _convolution(WIDTHS[-1], 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Judge pictures (N, 3, R, R), RGB in [-1, 1]: (N, 1, R / 8, R / 8), high for photographs."""
        answers: Tensor = self.layers(pictures)
        return answers.float()


def discriminator_loss(photographs: Tensor, generated: Tensor, weights: Tensor) -> Tensor:
    """Return the hinge loss of answers (N, 1, h, w): photographs from 1, generated ones up to -1 cost nothing.

    Args:
        weights: (N, 1, R, R), of the pictures' pixels.
    """
    costs = F.relu(1 - photographs) + F.relu(1 + generated)
    return _weighed(costs, weights)


def adversarial_loss(generated: Tensor, weights: Tensor) -> Tensor:
    """Return how far generated faces are from being taken for photographs; may be negative."""
    return _weighed(-generated, weights)


def _weighed(values: Tensor, weights: Tensor) -> Tensor:
    weights = F.interpolate(weights, size=values.shape[-2:], mode="area")
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)


def _convolution(inputs: int, outputs: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, 3, padding=1))
