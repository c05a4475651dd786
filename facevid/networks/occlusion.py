"""The occlusion network: the probability that each pixel of a crop shows something in front of the face.

A small U-Net (Ronneberger et al., MICCAI 2015). The pixel coordinates are additional input channels, because FFHQ
alignment puts every face in the same place of the crop.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.convolution_layer import convolution_layer
from facevid.networks.shapes import Shapes, shape_at

INPUT_SIDE = 128
"""Side of the input crop, in pixels."""

OUTPUT_SIDE = 64
"""Side of the output map, in pixels: half the input side."""

VERTICAL_SHIFT = 4
"""Input pixels by which the crop is moved up for test-time augmentation; a whole number of output pixels."""

COORDINATE_CHANNELS = 2
"""Channels that hold the x and y coordinate of each pixel."""


@dataclass(frozen=True)
class OcclusionNetworkSizes:
    """Number of channels at 1/2, 1/4, 1/8 and 1/16 of the input side."""

    widths: tuple[int, int, int, int] = (16, 28, 44, 56)


def occlusion_network_sizes(shapes: Shapes) -> OcclusionNetworkSizes:
    """Infer the sizes from the shapes of a state dict.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    half, quarter, eighth, sixteenth = (shape_at(shapes, f"down.{level}.0.0.weight", 4)[0] for level in range(4))
    return OcclusionNetworkSizes((half, quarter, eighth, sixteenth))


class OcclusionNetwork(nn.Module):
    """Maps crops to occlusion logits."""

    def __init__(self, sizes: OcclusionNetworkSizes) -> None:
        super().__init__()
        self.sizes = sizes
        widths = (3 + COORDINATE_CHANNELS, *sizes.widths)
        self.down = nn.ModuleList(
            nn.Sequential(convolution_layer(inputs, width, stride=2), convolution_layer(width, width))
            for inputs, width in zip(widths, sizes.widths, strict=False)
        )
        self.up = nn.ModuleList(
            convolution_layer(deeper + width, width)
            for width, deeper in zip(sizes.widths[-2::-1], sizes.widths[:0:-1], strict=True)
        )
        self.to_hidden = nn.Conv2d(sizes.widths[0], 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute the occlusion logits of FFHQ crops.

        Args:
            pictures: (N, 3, INPUT_SIDE, INPUT_SIDE), RGB in [-1, 1].

        Returns:
            (N, 1, OUTPUT_SIDE, OUTPUT_SIDE), positive where the face is occluded, negative elsewhere.
        """
        x = torch.cat([pictures, _coordinates(pictures).expand(len(pictures), -1, -1, -1)], dim=1)
        skip_connections = []
        for block in self.down:
            x = block(x)
            skip_connections.append(x)
        x = skip_connections.pop()
        for merge in self.up:
            upsampled = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = merge(torch.cat([upsampled, skip_connections.pop()], dim=1))
        logits: Tensor = self.to_hidden(x)
        return logits


def occlusion_probability(network: OcclusionNetwork, pictures: Tensor) -> Tensor:
    """Compute occlusion probabilities, averaged over the crop and a mirrored crop that is moved up.

    This test-time augmentation reduces flicker: a single evaluation can find a microphone in one frame and miss it in
    the next, although the two frames hardly differ.

    Args:
        network: the occlusion network.
        pictures: (N, 3, INPUT_SIDE, INPUT_SIDE), RGB in [-1, 1].

    Returns:
        float32 (N, OUTPUT_SIDE, OUTPUT_SIDE) in [0, 1].
    """
    output_shift = VERTICAL_SHIFT * OUTPUT_SIDE // INPUT_SIDE
    shifted = F.pad(pictures[:, :, VERTICAL_SHIFT:], (0, 0, 0, VERTICAL_SHIFT), mode="replicate")
    inputs = torch.cat([pictures, shifted.flip(-1)])
    logits = network(inputs.contiguous(memory_format=torch.channels_last))
    plain, augmented = logits.float().sigmoid()[:, 0].chunk(2)
    aligned = F.pad(augmented.flip(-1)[:, :-output_shift], (0, 0, output_shift, 0), mode="replicate")
    return torch.lerp(plain, aligned, 0.5)


def _coordinates(pictures: Tensor) -> Tensor:
    """Return the x and y coordinate of each pixel, in [-1, 1]: (1, 2, H, W)."""
    height, width = pictures.shape[-2:]
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height, device=pictures.device),
        torch.linspace(-1, 1, width, device=pictures.device),
        indexing="ij",
    )
    return torch.stack([x, y])[None].to(pictures.dtype)
