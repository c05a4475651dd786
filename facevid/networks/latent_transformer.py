"""The latent transformer: moves W+ codes along one attribute (Yao, Newson, Gousseau, Hellier, ICCV 2021)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facevid.networks.layers import EqualizedLinear
from facevid.networks.shapes import Shapes, count_indexed, shape_at


@dataclass(frozen=True)
class LatentTransformerSizes:
    """Sizes of a latent transformer.

    Attributes:
        layers: number of layers of the W+ code.
        width: length of the code of one layer.
    """

    layers: int
    width: int


def latent_transformer_sizes(shapes: Shapes) -> LatentTransformerSizes:
    """Infer the sizes from the shapes of `dense.<layer>.weight`.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    layers = count_indexed(shapes, r"dense\.(\d+)\.weight", limit=64)
    return LatentTransformerSizes(layers, shape_at(shapes, "dense.0.weight", 2)[0])


class LatentTransformer(nn.Module):
    """T in equation 1, w1 = w0 + a T(w0): one equalized linear layer for each layer of the code."""

    def __init__(self, sizes: LatentTransformerSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.dense = nn.ModuleList(EqualizedLinear(sizes.width, sizes.width) for _ in range(sizes.layers))

    def forward(self, codes: Tensor, layers: range | None = None) -> Tensor:
        """Compute the step T(w).

        Args:
            codes: W+ codes (N, L, D).
            layers: layers of the code to compute the step of; None for all.

        Returns:
            (N, len(layers), D).
        """
        selected = range(self.sizes.layers) if layers is None else layers
        return torch.stack([self.dense[layer](codes[:, layer]) for layer in selected], dim=1)
