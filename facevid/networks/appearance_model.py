"""A linear appearance model: shape, colour and energies of a face, and whitened codes of them.

After the active appearance models of Cootes, Edwards and Taylor (ECCV 1998). A code has one layer for each part of the
appearance; its numbers are principal components in units of their standard deviations, so that a short step in code
space is a natural one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facevid.networks.shapes import Shapes, shape_at

PARTS = ("shape", "colour", "energies")
"""The layers of a code, in order."""

LOW, HIGH = 0, 1
"""Rows of `limits`."""


@dataclass(frozen=True)
class AppearanceModelSizes:
    """Sizes of an appearance model.

    Attributes:
        width: numbers of a layer of a code.
        numbers: how many numbers each of `PARTS` has.
        detail: bands, and side in pixels, of the mean detail.
    """

    width: int
    numbers: tuple[int, int, int]
    detail: tuple[int, int]


def appearance_model_sizes(shapes: Shapes) -> AppearanceModelSizes:
    """Read the sizes off `<part>.basis`. Raises ValueError where they make no appearance model."""
    bases = [shape_at(shapes, f"{part}.basis", 2) for part in PARTS]
    count, side, _ = shape_at(shapes, "detail", 3)
    return AppearanceModelSizes(bases[0][0], (bases[0][1], bases[1][1], bases[2][1]), (count, side))


class _Components(nn.Module):
    """Principal components of one part.

    Attributes:
        mean: float32 (P,).
        basis: float32 (D, P), orthogonal rows, each as long as its component's standard deviation.
        limits: float32 (2, P), the least and the most that each number is taken to by an edit.
    """

    def __init__(self, width: int, numbers: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("basis", torch.zeros(width, numbers))
        self.register_buffer("limits", torch.zeros(2, numbers))

    mean: Tensor
    basis: Tensor
    limits: Tensor

    def encode(self, values: Tensor) -> Tensor:
        """Take values (N, P) to codes (N, D)."""
        size = self.basis.square().sum(dim=1).clamp(min=1e-12)
        return (values - self.mean) @ (self.basis / size[:, None]).T

    def decode(self, codes: Tensor) -> Tensor:
        """Take codes (N, D) to values (N, P)."""
        return self.mean + codes @ self.basis


class AppearanceModel(nn.Module):
    """Encodes appearances and decodes codes.

    Attributes:
        detail: float32 (B, S, S), for each octave band of the luminance the mean over faces of the band in units of its
            local energy, in the frame of the mean face: what generated pictures take their features from.
    """

    def __init__(self, sizes: AppearanceModelSizes) -> None:
        super().__init__()
        self.sizes = sizes
        for part, numbers in zip(PARTS, sizes.numbers, strict=True):
            self.add_module(part, _Components(sizes.width, numbers))
        count, side = sizes.detail
        self.register_buffer("detail", torch.zeros(count, side, side))

    detail: Tensor

    def _part(self, name: str) -> _Components:
        module = self.get_submodule(name)
        assert isinstance(module, _Components)
        return module

    def encode(self, parts: Sequence[Tensor]) -> Tensor:
        """Take the parts of appearances, (N, P) each, to codes (N, 3, D)."""
        return torch.stack([self._part(name).encode(x) for name, x in zip(PARTS, parts, strict=True)], dim=1)

    def decode(self, codes: Tensor) -> list[Tensor]:
        """Take codes (N, 3, D) to the parts of appearances, (N, P) each."""
        return [self._part(name).decode(codes[:, layer]) for layer, name in enumerate(PARTS)]

    def limits(self) -> list[Tensor]:
        """Return for each part the least and the most of each number, (2, P); of colour, without light."""
        return [self._part(name).limits for name in PARTS]
