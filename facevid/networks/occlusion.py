"""An occlusion network: which pixels of a crop show something before the face.

A small U-Net (Ronneberger et al., MICCAI 2015). It sees where in the crop a pixel is, too: FFHQ's alignment puts every
face in the same place.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.shapes import Shapes, shape_at

INPUT_SIDE, OUTPUT_SIDE = 128, 64
"""Of the crop that it sees, and of what it tells, in pixels."""

RAISED = 4
"""Pixels of its input by which a crop is raised for a second look; a whole number of those of its output."""


@dataclass(frozen=True)
class OcclusionNetworkSizes:
    """Widths at a half, a quarter, an eighth and a sixteenth of the input's side."""

    widths: tuple[int, int, int, int] = (16, 28, 44, 56)


def occlusion_network_sizes(shapes: Shapes) -> OcclusionNetworkSizes:
    """Read the sizes off a state dict. Raises ValueError where they make no occlusion network."""
    half, quarter, eighth, sixteenth = (shape_at(shapes, f"down.{level}.0.0.weight", 4)[0] for level in range(4))
    return OcclusionNetworkSizes((half, quarter, eighth, sixteenth))


class OcclusionNetwork(nn.Module):
    """Crops to logits of what is before the face."""

    def __init__(self, sizes: OcclusionNetworkSizes) -> None:
        super().__init__()
        self.sizes = sizes
        widths = (5, *sizes.widths)
        self.down = nn.ModuleList(
            nn.Sequential(_layer(before, width, stride=2), _layer(width, width))
            for before, width in zip(widths, sizes.widths, strict=False)
        )
        self.up = nn.ModuleList(
            _layer(deeper + width, width)
            for width, deeper in zip(sizes.widths[-2::-1], sizes.widths[:0:-1], strict=True)
        )
        self.to_hidden = nn.Conv2d(sizes.widths[0], 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Look at FFHQ crops.

        Args:
            pictures: (N, 3, INPUT_SIDE, INPUT_SIDE), RGB in [-1, 1].

        Returns:
            (N, 1, OUTPUT_SIDE, OUTPUT_SIDE), above 0 where something is before the face, below 0 elsewhere.
        """
        seen = torch.cat([pictures, _places(pictures).expand(len(pictures), -1, -1, -1)], dim=1)
        levels = []
        for level in self.down:
            seen = level(seen)
            levels.append(seen)
        upper = levels.pop()
        for merge in self.up:
            doubled = F.interpolate(upper, scale_factor=2, mode="bilinear", align_corners=False)
            upper = merge(torch.cat([doubled, levels.pop()], dim=1))
        logits: Tensor = self.to_hidden(upper)
        return logits


def occlusion_probability(network: OcclusionNetwork, pictures: Tensor) -> Tensor:
    """Tell how likely something is before faces: the mean of two looks, one of them at the crop mirrored and raised.

    A single look is sure of a microphone in one frame and blind to it in the next, which hardly differs.

    Args:
        network: what looks.
        pictures: as for the network.

    Returns:
        float32 (N, OUTPUT_SIDE, OUTPUT_SIDE), 0 to 1.
    """
    rows = RAISED * OUTPUT_SIDE // INPUT_SIDE
    raised = F.pad(pictures[:, :, RAISED:], (0, 0, 0, RAISED), mode="replicate")
    looks = torch.cat([pictures, raised.flip(-1)])
    seen, other = network(looks.contiguous(memory_format=torch.channels_last)).float().sigmoid()[:, 0].chunk(2)
    lowered = F.pad(other.flip(-1)[:, :-rows], (0, 0, rows, 0), mode="replicate")
    return torch.lerp(seen, lowered, 0.5)


def _layer(inputs: int, width: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _places(pictures: Tensor) -> Tensor:
    """Say of each pixel where it is across and down, -1 to 1: (1, 2, H, W)."""
    height, width = pictures.shape[-2:]
    down, across = torch.meshgrid(
        torch.linspace(-1, 1, height, device=pictures.device),
        torch.linspace(-1, 1, width, device=pictures.device),
        indexing="ij",
    )
    return torch.stack([across, down])[None].to(pictures.dtype)
