"""The landmark network: the points of MediaPipe's face mesh in a crop of a face, and whether the crop shows a face."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.convolution_layer import convolution_layer
from facevid.networks.shapes import Shapes, shape_at

INPUT_SIDE = 128
"""Side of the input crop, in pixels."""

POINT_COUNT = 478
"""Number of points: the 468 of MediaPipe's face mesh and the ten of its irises, in MediaPipe's order."""

REDUCTION = 16
"""Input pixels to one pixel of the deepest feature map."""

BLOCK_COUNTS = (0, 1, 2, 3)
"""Number of residual blocks at 1/2, 1/4, 1/8 and 1/16 of the input side."""

LOCAL_LEVEL = 1
"""Index of the feature map from which points are corrected: that at 1/4 of the input side."""

LOCAL_PLACES = (
    (0.0, 0.0),
    (-0.05, 0.0),
    (0.05, 0.0),
    (0.0, -0.05),
    (0.0, 0.05),
)
"""x and y of the places around a point where features are sampled, relative to it, in sides of the crop."""

CORRECTIONS = 2
"""Number of corrections of the points, each from features around the points of the one before."""


@dataclass(frozen=True)
class LandmarkNetworkSizes:
    """Sizes of the network.

    Attributes:
        widths: number of channels at 1/2, 1/4, 1/8 and 1/16 of the input side.
        summary: number of channels of the deepest feature map that the points are computed from.
        shape: number of values that describe a face; the points are a linear function of them.
        local: number of channels of the features around a point from which it is corrected.
    """

    widths: tuple[int, int, int, int] = (16, 32, 64, 96)
    summary: int = 40
    shape: int = 144
    local: int = 12


def landmark_network_sizes(shapes: Shapes) -> LandmarkNetworkSizes:
    """Infer the sizes from the shapes of a state dict.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    half, quarter, eighth, sixteenth = (shape_at(shapes, f"down.{level}.0.weight", 4)[0] for level in range(4))
    summary, shape = shape_at(shapes, "summary.weight", 4)[0], shape_at(shapes, "shape.weight", 2)[0]
    local = shape_at(shapes, "local.weight", 4)[0]
    return LandmarkNetworkSizes((half, quarter, eighth, sixteenth), summary, shape, local)


class LandmarkNetwork(nn.Module):
    """Maps crops to points and a confidence.

    A few values that describe the whole face give the points. Then each point is corrected by a linear function of the
    features around it, which show where an edge is more precisely than the whole face does. (Xiong and De la Torre,
    CVPR 2013, correct landmarks by such functions of fixed features.)
    """

    def __init__(self, sizes: LandmarkNetworkSizes) -> None:
        super().__init__()
        self.sizes = sizes
        kernels, inputs = (5, 3, 3, 3), (3, *sizes.widths)
        self.down = nn.ModuleList(
            convolution_layer(before, width, kernel, stride=2)
            for before, width, kernel in zip(inputs, sizes.widths, kernels, strict=False)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(_Residual(width) for _ in range(count)))
            for width, count in zip(sizes.widths, BLOCK_COUNTS, strict=True)
        )
        self.summary = nn.Conv2d(sizes.widths[-1], sizes.summary, 1)
        self.shape = nn.Linear(sizes.summary * (INPUT_SIDE // REDUCTION) ** 2, sizes.shape)
        self.to_points = nn.Linear(sizes.shape, POINT_COUNT * 2)
        self.to_confidence = nn.Linear(sizes.shape, 1)
        self.local = nn.Conv2d(sizes.widths[LOCAL_LEVEL], sizes.local, 1)
        self.correction = nn.Parameter(torch.zeros(POINT_COUNT, 2, sizes.local, len(LOCAL_PLACES)))
        self.register_buffer("_places", torch.tensor(LOCAL_PLACES), persistent=False)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Compute points and confidences.

        Args:
            crops: (N, 3, INPUT_SIDE, INPUT_SIDE), RGB in [-1, 1].

        Returns:
            The points, float32 (N, POINT_COUNT, 2), x and y as fractions of the crop's side, from its top left corner;
            and the logits of the confidence, float32 (N,), positive for a face.
        """
        x, levels = crops, []
        for down, blocks in zip(self.down, self.blocks, strict=True):
            x = blocks(down(x))
            levels.append(x)
        summary = torch.relu(self.summary(x)).flatten(1)
        # The points need more precision than bfloat16 has.
        with torch.autocast(crops.device.type, enabled=False):
            shape = torch.relu(self.shape(summary.to(self.shape.weight.dtype)))
            points: Tensor = self.to_points(shape).unflatten(1, (POINT_COUNT, 2)) + 0.5
            confidence: Tensor = self.to_confidence(shape)[:, 0]
            features = self.local(levels[LOCAL_LEVEL].to(self.local.weight.dtype))
            for _ in range(CORRECTIONS):
                points = points + self._corrections(features, points.detach())
        return points, confidence

    def _corrections(self, features: Tensor, points: Tensor) -> Tensor:
        """Compute the corrections of points (N, POINT_COUNT, 2) from features (N, local, S, S) around them."""
        places = (points[:, :, None] + self.get_buffer("_places")) * 2 - 1
        sampled = F.grid_sample(features, places, padding_mode="border", align_corners=False)
        return torch.einsum("ncpk,pdck->npd", sampled, self.correction)


class _Residual(nn.Module):
    """A convolution that is added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = convolution_layer(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layer(x)
        return result
