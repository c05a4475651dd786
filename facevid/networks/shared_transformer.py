"""One latent transformer for several attributes, which takes their strengths as its input.

It replaces the separate networks of Yao et al. (ICCV 2021), with the same training losses.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facevid.networks.shapes import Shapes, count_indexed, shape_at

MAX_ATTRIBUTES = 256
"""Largest plausible number of attributes; CelebA has 40."""


@dataclass(frozen=True)
class SharedTransformerSizes:
    """Sizes of a shared transformer.

    Attributes:
        layers: number of layers of the code.
        width: length of the code of one layer.
        features: number of features of each layer.
        attributes: number of attributes.
    """

    layers: int
    width: int
    features: int
    attributes: int


def shared_transformer_sizes(shapes: Shapes) -> SharedTransformerSizes:
    """Infer the sizes from the shapes of `gains`, `attributes` and `analysis.<layer>.weight`.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    layers = count_indexed(shapes, r"analysis\.(\d+)\.weight", limit=64)
    features, width = shape_at(shapes, "analysis.0.weight", 2)
    (attributes,) = shape_at(shapes, "attributes", 1)
    if attributes > MAX_ATTRIBUTES:
        raise ValueError(f"there are {attributes} attributes; at most {MAX_ATTRIBUTES} are expected")
    return SharedTransformerSizes(layers, width, features, attributes)


class SharedTransformer(nn.Module):
    """The step T(w, s) of w1 = w0 + T(w0, s), for the strengths s of all attributes.

    In each layer of the code, s sets the gains of linear features of the code, which are then mapped back to the code:

        T(w, s) = V ((G s) * (U w)) + B s

    U and V are shared by all attributes. This step is linear in s, as a T(w) is in the strength a: several attributes
    at once are the sum of their steps, all computed from the same code. Outside of training, each strength is first
    multiplied by a scale, which can differ for the two directions of an attribute.

    Attributes:
        attributes: int64 (A,), indices of the attributes among CelebA's.
        scales: float32 (2, A), the scales of strengths below and above 0; training is without them.
    """

    attributes: Tensor
    scales: Tensor

    def __init__(self, sizes: SharedTransformerSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.analysis = nn.ModuleList(nn.Linear(sizes.width, sizes.features, bias=False) for _ in range(sizes.layers))
        self.synthesis = nn.ModuleList(nn.Linear(sizes.features, sizes.width, bias=False) for _ in range(sizes.layers))
        self.gains = nn.Parameter(torch.zeros(sizes.layers, sizes.features, sizes.attributes))
        self.steps = nn.Parameter(torch.zeros(sizes.layers, sizes.width, sizes.attributes))
        self.register_buffer("attributes", torch.tensor(range(sizes.attributes)))
        self.register_buffer("scales", torch.ones(2, sizes.attributes))

    def forward(self, codes: Tensor, strengths: Tensor, layers: range | None = None) -> Tensor:
        """Compute the step T(w, s).

        Args:
            codes: W+ codes (N, L, D).
            strengths: (N or 1, A).
            layers: layers of the code to compute the step of; None for all.

        Returns:
            (N, len(layers), D).
        """
        scales = torch.where(strengths < 0, self.scales[0], self.scales[1])
        return self.trained_step(codes, strengths * scales, layers)

    def trained_step(self, codes: Tensor, strengths: Tensor, layers: range | None = None) -> Tensor:
        """Compute the step as in training, without the scales; arguments and result as for `forward`."""
        selected = range(self.sizes.layers) if layers is None else layers
        steps = []
        for layer in selected:
            gated = (strengths @ self.gains[layer].T) * self.analysis[layer](codes[:, layer])
            steps.append(self.synthesis[layer](gated) + strengths @ self.steps[layer].T)
        return torch.stack(steps, dim=1)
