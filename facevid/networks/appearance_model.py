"""A linear appearance model: maps the shape, colour and band energies of a face to whitened codes and back.

After the active appearance models of Cootes, Edwards and Taylor (ECCV 1998). A code has one layer for each part of the
appearance. Its numbers are coefficients of principal components in units of their standard deviation, so a short step
in code space gives a plausible face.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facevid.networks.shapes import Shapes, shape_at

PARTS = ("shape", "colour", "energies")
"""Names of the layers of a code, in order."""

LOW = 0
"""Row of `limits` that holds the minimum of each number."""

HIGH = 1
"""Row of `limits` that holds the maximum of each number."""

MIN_SQUARED_LENGTH = 1e-12
"""Lower bound of a component's squared length: avoids division by zero for unused components, which are all zero."""


@dataclass(frozen=True)
class AppearanceModelSizes:
    """Sizes of an appearance model.

    Attributes:
        width: number of coefficients in one layer of a code.
        numbers: number of values in each of `PARTS`.
        detail: number of octave bands of the mean detail, and its side in pixels.
    """

    width: int
    numbers: tuple[int, int, int]
    detail: tuple[int, int]


def appearance_model_sizes(shapes: Shapes) -> AppearanceModelSizes:
    """Infer the sizes from the shapes of `<part>.basis` and `detail`.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    bases = [shape_at(shapes, f"{part}.basis", 2) for part in PARTS]
    count, side, _ = shape_at(shapes, "detail", 3)
    return AppearanceModelSizes(bases[0][0], (bases[0][1], bases[1][1], bases[2][1]), (count, side))


class _Components(nn.Module):
    """Principal components of one part of the appearance.

    Attributes:
        mean: float32 (P,).
        basis: float32 (D, P), orthogonal rows; the length of a row is the standard deviation of its component.
        limits: float32 (2, P), minimum and maximum of each value; edits are clamped to this range.
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
        """Map values (N, P) to codes (N, D)."""
        squared_lengths: Tensor = torch.linalg.vecdot(self.basis, self.basis).clamp(min=MIN_SQUARED_LENGTH)
        codes: Tensor = (values - self.mean) @ self.basis.T / squared_lengths
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes (N, D) to values (N, P)."""
        return self.mean + codes @ self.basis


class AppearanceModel(nn.Module):
    """Encodes appearances to codes and decodes codes to appearances.

    Attributes:
        detail: float32 (B, S, S), the mean over faces of each octave band of the luminance, normalised by the band's
            local energy, in the frame of the mean face. Generated pictures take their facial features from it.
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
        """Map the parts of appearances, one (N, P) tensor each, to codes (N, 3, D)."""
        return torch.stack([self._part(name).encode(x) for name, x in zip(PARTS, parts, strict=True)], dim=1)

    def decode(self, codes: Tensor) -> list[Tensor]:
        """Map codes (N, 3, D) to the parts of appearances, one (N, P) tensor each."""
        return [self._part(name).decode(codes[:, layer]) for layer, name in enumerate(PARTS)]

    def limits(self) -> list[Tensor]:
        """Return the minimum and maximum of each value, (2, P) for each part; those of colour exclude lighting."""
        return [self._part(name).limits for name in PARTS]
