"""Editors: codes and a strength in, edited codes out; transformers, directions and components alike."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from facevid.networks import LatentTransformer


class Editor(Protocol):
    """Moves W+ codes (N, L, D) by a strength, (1, 1, 1) or (N, 1, 1): 1 is the full edit, 0 changes nothing."""

    def __call__(self, codes: Tensor, strength: Tensor) -> Tensor:
        """Return the edited codes, a new tensor of the same shape."""
        ...


@dataclass(frozen=True)
class TransformerEditor:
    """w + a T(w) on `layers`, the other layers kept (Yao et al., ICCV 2021, equation 1 and section 4.1)."""

    network: LatentTransformer
    layers: range

    def __call__(self, codes: Tensor, strength: Tensor) -> Tensor:
        """See `Editor`."""
        edited = codes.clone()
        edited[:, self.layers.start : self.layers.stop] += strength * self.network(codes, self.layers)
        return edited


@dataclass(frozen=True)
class DirectionEditor:
    """w + a d (InterFaceGAN, Shen et al., CVPR 2020, section 3.1), d of shape (L, D), or (1, D) for the same on each.

    A GANSpace component is one too: the component times its standard deviation (Härkönen et al., NeurIPS 2020),
    on some `layers` or on all.
    """

    direction: Tensor
    layers: range | None = None

    def __call__(self, codes: Tensor, strength: Tensor) -> Tensor:
        """See `Editor`."""
        step = (strength * self.direction).expand_as(codes)
        if self.layers is None:
            return codes + step
        edited = codes.clone()
        chosen = slice(self.layers.start, self.layers.stop)
        edited[:, chosen] += step[:, chosen]
        return edited


@dataclass(frozen=True)
class Components:
    """GANSpace's principal components of w: `directions` (K, 1 or L, D) of unit length, `deviations` (K,)."""

    directions: Tensor
    deviations: Tensor

    def editor(self, number: int, layers: range | None) -> DirectionEditor:
        """Return component `number`'s editor: strength 1 is one standard deviation."""
        return DirectionEditor(self.directions[number] * self.deviations[number], layers)


def project(direction: Tensor, held: list[Tensor]) -> Tensor:
    """Remove from a direction what it shares with others, keeping its length, so that moving along it changes none.

    InterFaceGAN's conditional manipulation: n1 - (n1 . n2) n2, and for several the projection onto the plane that is
    normal to all of them. All are (L, D) or (1, D). Raises ValueError where nothing is left.
    """
    shape = torch.broadcast_shapes(direction.shape, *(other.shape for other in held))
    wanted = direction.expand(shape).double().flatten()
    basis, _ = torch.linalg.qr(torch.stack([other.expand(shape).double().flatten() for other in held], dim=1))
    rest = wanted - basis @ (basis.T @ wanted)
    if rest.norm() < 1e-6 * wanted.norm():
        raise ValueError("the direction lies in the plane of those to be held")
    return (rest * (wanted.norm() / rest.norm())).reshape(shape).to(direction.dtype)
