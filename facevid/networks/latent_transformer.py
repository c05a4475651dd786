"""The latent transformer: one attribute's step in W+ (Yao, Newson, Gousseau, Hellier, ICCV 2021)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facevid.networks.layers import EqualizedLinear
from facevid.networks.shapes import Shapes, count_indexed, shape_at


@dataclass(frozen=True)
class LatentTransformerSizes:
    """`layers` codes of `width` numbers."""

    layers: int
    width: int


def latent_transformer_sizes(shapes: Shapes) -> LatentTransformerSizes:
    """Read the sizes off `dense.<layer>.weight`. Raises ValueError where they make no latent transformer."""
    layers = count_indexed(shapes, r"dense\.(\d+)\.weight", limit=64)
    return LatentTransformerSizes(layers, shape_at(shapes, "dense.0.weight", 2)[0])


class LatentTransformer(nn.Module):
    """T of equation 1: w1 = w0 + a T(w0). One equalized linear layer for each layer of the code."""

    def __init__(self, sizes: LatentTransformerSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.dense = nn.ModuleList(EqualizedLinear(sizes.width, sizes.width) for _ in range(sizes.layers))

    def forward(self, codes: Tensor, layers: range | None = None) -> Tensor:
        """Map W+ codes (N, L, D) to their step T(w), same shape; with `layers`, only theirs: (N, len(layers), D)."""
        chosen = range(self.sizes.layers) if layers is None else layers
        return torch.stack([self.dense[layer](codes[:, layer]) for layer in chosen], dim=1)
