"""A feature code beside W+, after the Feature-Style encoder (Yao et al., ECCV 2022): what a code cannot hold.

The generator's features at a middle resolution get a map added that this network reads off the face. The original
replaces those features by the encoder's and moves them by the generator's own change when the code is edited: F +
G(w1) - G(w0). Here the encoder gives F - G(w0), so that the generator's features of an edited code need no other.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.shapes import Shapes, count_indexed, shape_at


@dataclass(frozen=True)
class FeatureEncoderSizes:
    """Widths of the stages, each halving the side; channels of the feature code; channels of the generator there."""

    widths: tuple[int, ...]
    code: int
    generator: int


def feature_encoder_sizes(shapes: Shapes) -> FeatureEncoderSizes:
    """Read the sizes off a state dict. Raises ValueError where they make no feature encoder."""
    stages = count_indexed(shapes, r"stages\.(\d+)\.down\.weight", limit=8)
    widths = tuple(shape_at(shapes, f"stages.{i}.down.weight", 4)[0] for i in range(stages))
    generator, code = shape_at(shapes, "to_generator.weight", 4)[:2]
    return FeatureEncoderSizes(widths, code, generator)


class FeatureEncoder(nn.Module):
    """Faces to feature codes, and feature codes to what the generator adds."""

    def __init__(self, sizes: FeatureEncoderSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.stages = nn.Sequential(*(_Stage(a, b) for a, b in pairwise((3, *sizes.widths))))
        self.to_code = nn.Conv2d(sizes.widths[-1], sizes.code, 1)
        self.to_generator = nn.Conv2d(sizes.code, sizes.generator, 1, bias=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (N, 3, R, R), RGB in [-1, 1], to feature codes (N, K, R / 2^stages, R / 2^stages)."""
        code: Tensor = self.to_code(self.stages(faces))
        return code


class _Stage(nn.Module):
    """Half the side, then two residual blocks."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(inputs, outputs, 4, 2, padding=1)
        self.blocks = nn.Sequential(_Block(outputs), _Block(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(self.down(x))
        return y


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(self.norm(x)))))
