"""The Feature-Style encoder (Yao et al., ECCV 2022): maps a face to a W+ code and to features of the generator.

A residual network of four stages (IResNet, ArcFace, Deng et al., CVPR 2019) computes features at four resolutions. The
code is a linear map of their averages. A content layer maps the output of stage 3 to features that replace those of the
generator before its convolution 5 (`FEATURE_CONVOLUTION` of `networks.stylegan2`).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.encoder import MAX_BLOCKS, MAX_LAYERS
from facevid.networks.shapes import Shapes, count_indexed, shape_at

INPUT_SIZE = 256
"""Side of the input in pixels, as published. Shapes do not show it."""

POOLED_SIDE = 3
"""The outputs of each stage are averaged to this many rows and columns."""

STAGES = 4
"""Number of stages, each of which halves the side."""


@dataclass(frozen=True)
class FeatureStyleEncoderSizes:
    """Sizes of a Feature-Style encoder.

    Attributes:
        stem: number of channels of the input layer.
        stages: number of channels and number of blocks of each stage.
        content: number of channels of the features.
        layers: number of layers of the W+ code.
        width: length of the code of one layer.
    """

    stem: int
    stages: tuple[tuple[int, int], ...]
    content: int
    layers: int
    width: int

    @property
    def input_size(self) -> int:
        """Side of the input in pixels."""
        return INPUT_SIZE


def feature_style_encoder_sizes(shapes: Shapes) -> FeatureStyleEncoderSizes:
    """Infer the sizes from the shapes of a state dict.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    blocks = [count_indexed(shapes, rf"block_{i}\.(\d+)\.conv1\.weight", MAX_BLOCKS) for i in range(1, STAGES + 1)]
    channels = [shape_at(shapes, f"block_{i}.0.conv1.weight", 4)[0] for i in range(1, STAGES + 1)]
    return FeatureStyleEncoderSizes(
        stem=shape_at(shapes, "conv.0.weight", 4)[0],
        stages=tuple(zip(channels, blocks, strict=True)),
        content=shape_at(shapes, "content_layer.1.weight", 4)[0],
        layers=count_indexed(shapes, r"styles\.(\d+)\.weight", limit=MAX_LAYERS),
        width=shape_at(shapes, "styles.0.weight", 2)[0],
    )


class FeatureStyleEncoder(nn.Module):
    """Maps faces to W+ codes relative to the average code, and to features. Parameters are named as published."""

    def __init__(self, sizes: FeatureStyleEncoderSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.conv = nn.Sequential(
            nn.Conv2d(3, sizes.stem, 3, padding=1, bias=False), nn.BatchNorm2d(sizes.stem), nn.PReLU(sizes.stem)
        )
        (one, _), (two, _), (three, _), _ = sizes.stages
        self.block_1 = _stage(sizes.stem, *sizes.stages[0])
        self.block_2 = _stage(one, *sizes.stages[1])
        self.block_3 = _stage(two, *sizes.stages[2])
        self.block_4 = _stage(three, *sizes.stages[3])
        self.content_layer = nn.Sequential(
            nn.BatchNorm2d(three),
            nn.Conv2d(three, sizes.content, 3, padding=1, bias=False),
            nn.BatchNorm2d(sizes.content),
            nn.PReLU(sizes.content),
            nn.Conv2d(sizes.content, sizes.content, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(sizes.content),
        )
        averages = POOLED_SIDE**2 * sum(channels for channels, _ in sizes.stages)
        self.styles = nn.ModuleList(nn.Linear(averages, sizes.width) for _ in range(sizes.layers))

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (N, 3, S, S), RGB in [-1, 1], to codes (N, L, D). The caller adds the average code."""
        x, averages = self.conv(faces), []
        for stage in (self.block_1, self.block_2, self.block_3, self.block_4):
            x = stage(x)
            averages.append(F.adaptive_avg_pool2d(x, POOLED_SIDE))
        flat = torch.cat(averages, dim=1).flatten(1)
        return torch.stack([style(flat) for style in self.styles], dim=1)

    def features(self, faces: Tensor) -> Tensor:
        """Map faces (N, 3, S, S), RGB in [-1, 1], to features (N, C, S / 16, S / 16) of the generator."""
        x = self.block_3(self.block_2(self.block_1(self.conv(faces))))
        features: Tensor = self.content_layer(x)
        return features


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    rest = (_Block(outputs, outputs, stride=1) for _ in range(blocks - 1))
    return nn.Sequential(_Block(inputs, outputs, stride=2), *rest)


class _Block(nn.Module):
    """Residual block of IResNet. Its shortcut is a convolution where it halves the side."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        result: Tensor = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x)))))) + shortcut
        return result
