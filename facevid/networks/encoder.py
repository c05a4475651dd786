"""The pSp encoder (Richardson et al., CVPR 2021) and the e4e encoder (Tov et al., SIGGRAPH 2021).

Both have the same architecture: an IR-SE body computes features at three resolutions, a feature pyramid joins them,
and for each layer of the W+ code a small head maps one of the three feature maps to that layer's code.
"""

import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.layers import EqualizedLinear
from facevid.networks.shapes import Shapes, count_indexed, power_of_two, shape_at

PUBLISHED_BLOCKS = {24: (3, 4, 14, 3), 49: (3, 13, 30, 3), 50: (3, 8, 36, 3)}
"""Number of blocks in each stage of the published bodies (IR-SE 50, 100, 152), keyed by the total number of blocks."""

COARSE_LAYERS = 3
"""Heads 0 to 2 read the coarsest features (pSp, figure 2)."""

MIDDLE_LAYERS = 7
"""Heads 3 to 6 read the middle features; the heads from this one on read the finest (pSp, figure 2)."""

MAX_INPUT = 2048
"""Largest accepted input side in pixels: bounds the memory that a damaged file can make the loader allocate."""

MAX_LAYERS = 64
"""Largest accepted number of W+ layers; a 1024 px generator has 18."""

MAX_BLOCKS = 200
"""Largest accepted number of residual blocks; IR-SE 152 has 50."""


@dataclass(frozen=True)
class EncoderSizes:
    """Sizes of an encoder.

    Attributes:
        input_size: side of the input in pixels.
        stem: number of channels of the input layer.
        stages: number of channels and number of blocks of each stage.
        layers: number of layers of the W+ code.
        width: length of the code of one layer.
        e4e: whether heads 1, 2, ... give offsets from the code of head 0, as in e4e. Shapes do not show it.
    """

    input_size: int
    stem: int
    stages: tuple[tuple[int, int], ...]
    layers: int
    width: int
    e4e: bool


def encoder_sizes(shapes: Shapes, e4e: bool) -> EncoderSizes:
    """Infer the sizes from the shapes of a state dict.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape, or the stages cannot be inferred.
    """
    stem = shape_at(shapes, "input_layer.0.weight", 4)[0]
    stages = _stages(shapes)
    layers = count_indexed(shapes, r"styles\.(\d+)\.linear\.weight", limit=MAX_LAYERS)
    halvings = sum(re.fullmatch(r"styles\.0\.convs\.\d+\.weight", name) is not None for name in shapes)
    input_size = power_of_two(2 ** min(halvings + len(stages), 32), "the encoder's input", MAX_INPUT)
    return EncoderSizes(input_size, stem, stages, layers, shape_at(shapes, "styles.0.linear.weight", 2)[0], e4e)


def _stages(shapes: Shapes) -> tuple[tuple[int, int], ...]:
    """Return the number of channels and blocks of each stage.

    A stage starts where the number of channels changes. If neighbouring stages have the same number of channels, the
    block counts of the published bodies are used.
    """
    blocks = count_indexed(shapes, r"body\.(\d+)\.res_layer\.1\.weight", limit=MAX_BLOCKS)
    starts = [i for i in range(blocks) if i == 0 or f"body.{i}.shortcut_layer.0.weight" in shapes]
    block_counts = PUBLISHED_BLOCKS.get(blocks)
    if block_counts is not None:
        published_starts = [sum(block_counts[:stage]) for stage in range(len(block_counts))]
        starts = published_starts if set(starts) <= set(published_starts) else starts
    if len(starts) < 3:
        raise ValueError(
            f"the encoder body of {blocks} blocks changes width too rarely: {len(starts)} stages found, 3 needed"
        )
    ends = [*starts[1:], blocks]
    widths = [shape_at(shapes, f"body.{start}.res_layer.1.weight", 4)[0] for start in starts]
    return tuple((width, end - start) for width, start, end in zip(widths, starts, ends, strict=True))


class Encoder(nn.Module):
    """Maps faces to W+ codes relative to the average code. Parameters are named as `encoder.*` in published files."""

    def __init__(self, sizes: EncoderSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, sizes.stem, 3, padding=1, bias=False), nn.BatchNorm2d(sizes.stem), nn.PReLU(sizes.stem)
        )
        blocks: list[nn.Module] = []
        inputs = sizes.stem
        for width, count in sizes.stages:
            blocks += [_Block(inputs, width, stride=2), *(_Block(width, width, stride=1) for _ in range(count - 1))]
            inputs = width
        self.body = nn.Sequential(*blocks)
        features = sizes.stages[-1][0]
        halvings = (sizes.input_size >> len(sizes.stages)).bit_length() - 1
        self.styles = nn.ModuleList(
            _StyleHead(features, sizes.width, halvings + (layer >= COARSE_LAYERS) + (layer >= MIDDLE_LAYERS))
            for layer in range(sizes.layers)
        )
        self.latlayer1 = nn.Conv2d(sizes.stages[-2][0], features, 1)
        self.latlayer2 = nn.Conv2d(sizes.stages[-3][0], features, 1)

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (N, 3, S, S), RGB in [-1, 1], to codes (N, L, D). The caller adds the average code."""
        fine, middle, coarse = self._features(faces)
        middle = _upsample_as(coarse, middle) + self.latlayer1(middle)
        fine = _upsample_as(middle, fine) + self.latlayer2(fine)
        features = [coarse] * COARSE_LAYERS + [middle] * (MIDDLE_LAYERS - COARSE_LAYERS)
        features += [fine] * (self.sizes.layers - len(features))
        codes = torch.stack([head(x) for head, x in zip(self.styles, features, strict=False)], dim=1)
        if self.sizes.e4e:
            codes = torch.cat([codes[:, :1], codes[:, :1] + codes[:, 1:]], dim=1)
        return codes

    def _features(self, faces: Tensor) -> list[Tensor]:
        """Return the outputs of the last three stages, finest first."""
        x = self.input_layer(faces)
        outputs = []
        blocks = iter(self.body)
        for _, count in self.sizes.stages:
            for _ in range(count):
                x = next(blocks)(x)
            outputs.append(x)
        return outputs[-3:]


def _upsample_as(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)


class _SqueezeExcite(nn.Module):
    """Squeeze-and-excitation (Hu et al., CVPR 2018), reduction 16."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(1, channels // 16)
        self.fc1 = nn.Conv2d(channels, squeezed, 1, bias=False)
        self.fc2 = nn.Conv2d(squeezed, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True))))
        return x * torch.sigmoid(gate)


class _Block(nn.Module):
    """IR-SE residual block (ArcFace, Deng et al., CVPR 2019)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.shortcut_layer: nn.Module | None = None
        if inputs != outputs:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            _SqueezeExcite(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        step = self.stride
        shortcut = x[:, :, ::step, ::step] if self.shortcut_layer is None else self.shortcut_layer(x)
        result: Tensor = self.res_layer(x) + shortcut
        return result


class _StyleHead(nn.Module):
    """Convolutions of stride 2 that reduce the features to one pixel, then a linear layer (map2style in pSp)."""

    def __init__(self, features: int, width: int, halvings: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(halvings):
            layers += [nn.Conv2d(features if i == 0 else width, width, 3, 2, padding=1), nn.LeakyReLU(0.01)]
        self.convs = nn.Sequential(*layers)
        self.linear = EqualizedLinear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        code: Tensor = self.linear(self.convs(x).flatten(1))
        return code
