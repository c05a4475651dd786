"""The latent classifier: logits of CelebA's 40 attributes from a W+ code (Yao et al., ICCV 2021)."""

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.shapes import Shapes, count_indexed, shape_at


@dataclass(frozen=True)
class LatentClassifierSizes:
    """Widths from the flattened code to the logits; (9216, 2048, 512, 40) in the published network."""

    widths: tuple[int, ...]


def latent_classifier_sizes(shapes: Shapes) -> LatentClassifierSizes:
    """Infer the sizes from the shapes of `fcs.<i>.weight`.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    count = count_indexed(shapes, r"fcs\.(\d+)\.weight", limit=16)
    outputs = [shape_at(shapes, f"fcs.{i}.weight", 2)[0] for i in range(count)]
    return LatentClassifierSizes((shape_at(shapes, "fcs.0.weight", 2)[1], *outputs))


class LatentClassifier(nn.Module):
    """Linear layers with a leaky ReLU of slope 0.2 between them."""

    def __init__(self, sizes: LatentClassifierSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.fcs = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes.widths))

    def forward(self, codes: Tensor) -> Tensor:
        """Map W+ codes (N, L, D) to logits (N, 40) of CelebA's attributes, in CelebA's order."""
        x = codes.flatten(1)
        for layer in self.fcs[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
        logits: Tensor = self.fcs[-1](x)
        return logits
