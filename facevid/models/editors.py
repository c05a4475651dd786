"""Editors of codes: latent transformers, directions and components, with one interface, and their lookup by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from facevid.edits.attributes import METHODS, Attribute, AttributeRequest, parse_attribute, unknown_attribute
from facevid.errors import UsageError
from facevid.networks import LatentTransformer, SharedTransformer


class Editor(Protocol):
    """Edits codes (N, L, D) by a strength, (1, 1, 1) or (N, 1, 1): 1 is the full edit, 0 changes nothing."""

    def __call__(self, codes: Tensor, strength: Tensor) -> Tensor:
        """Return the edited codes, a new tensor of the same shape."""
        ...


@dataclass(frozen=True)
class TransformerEditor:
    """Latent transformer, w + a T(w) on `layers`; other layers are unchanged.

    Yao et al., ICCV 2021, equation 1 and section 4.1.
    """

    network: LatentTransformer
    layers: range

    def __call__(self, codes: Tensor, strength: Tensor) -> Tensor:
        """See `Editor`."""
        edited = codes.clone()
        edited[:, self.layers.start : self.layers.stop] += strength * self.network(codes, self.layers)
        return edited


@dataclass(frozen=True)
class SharedTransformerEditor:
    """One attribute of a shared transformer, w + T(w, a e_k) on `layers`; other layers are unchanged.

    Attributes:
        network: the transformer of several attributes.
        number: position k of the attribute among the network's.
        layers: layers to edit.
    """

    network: SharedTransformer
    number: int
    layers: range

    def __call__(self, codes: Tensor, strength: Tensor) -> Tensor:
        """See `Editor`."""
        strengths = codes.new_zeros(len(strength), self.network.sizes.attributes)
        strengths[:, self.number] = strength[:, 0, 0]
        edited = codes.clone()
        edited[:, self.layers.start : self.layers.stop] += self.network(codes, strengths, self.layers)
        return edited


@dataclass(frozen=True)
class DirectionEditor:
    """Linear direction, w + a d, on `layers` or on all layers.

    InterFaceGAN, Shen et al., CVPR 2020, section 3.1. A GANSpace component (Härkönen et al., NeurIPS 2020) is a
    direction too: the component times its standard deviation.

    Attributes:
        direction: d, (L, D), or (1, D) for the same direction on each layer.
        layers: layers to edit, None for all.
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
    """Principal components of codes, as in GANSpace.

    Attributes:
        directions: components of unit length, (K, 1 or L, D).
        deviations: standard deviation of the codes along each component, (K,).
    """

    directions: Tensor
    deviations: Tensor

    def editor(self, number: int, layers: range | None) -> DirectionEditor:
        """Return the editor of component `number`, for which strength 1 is one standard deviation."""
        return DirectionEditor(self.directions[number] * self.deviations[number], layers)


@dataclass(frozen=True)
class NamedEditor:
    """An editor with its attribute and method.

    Strength +1 moves a code towards `attribute.name` if `attribute.sign` is 1, away from it if it is -1.
    """

    attribute: Attribute
    method: str
    editor: TransformerEditor | SharedTransformerEditor | DirectionEditor


def find_editor(
    text: str, editors: Sequence[NamedEditor], components: Components | None, layer_count: int
) -> tuple[Editor, int]:
    """Find the editor that `NAME` or `METHOD:NAME` names.

    Args:
        text: as `parse_attribute` takes it.
        editors: the transformers and directions of a model.
        components: its GANSpace components; None if it has none.
        layer_count: number of layers L of its codes.

    Returns:
        The editor, and the sign to multiply the strength by.

    Raises:
        UsageError: the model has no such editor.
    """
    request = parse_attribute(text)
    if request.method == "ganspace":
        return _component_editor(request, components, layer_count), 1
    named_editor = _named_editor(text, request.attribute, request.method, editors)
    sign = named_editor.attribute.sign * request.attribute.sign
    if not request.held:
        return named_editor.editor, sign
    direction, *held = (_direction(text, attribute, editors) for attribute in (request.attribute, *request.held))
    try:
        return DirectionEditor(project(direction, held)), sign
    except ValueError as error:
        raise UsageError(f'"{text}": {error}; hold fewer attributes') from error


def _named_editor(text: str, attribute: Attribute, method: str | None, editors: Sequence[NamedEditor]) -> NamedEditor:
    matches = [e for e in editors if e.attribute.name == attribute.name and method in (None, e.method)]
    if not matches:
        names = [e.attribute.everyday for e in editors if method in (None, e.method)]
        raise unknown_attribute(text, attribute.everyday, names)
    return min(matches, key=lambda e: METHODS.index(e.method))


def _direction(text: str, attribute: Attribute, editors: Sequence[NamedEditor]) -> Tensor:
    editor = _named_editor(text, attribute, "direction", editors).editor
    assert isinstance(editor, DirectionEditor)
    return editor.direction


def _component_editor(request: AttributeRequest, components: Components | None, layer_count: int) -> DirectionEditor:
    number, layers = int(request.attribute.name), request.layers
    if components is None:
        raise UsageError(f'this model cannot edit "{request.text}": it has no GANSpace components')
    if number >= len(components.deviations):
        raise UsageError(f'"{request.text}": this model has components 0 to {len(components.deviations) - 1}')
    if layers is not None and layers.stop > layer_count:
        raise UsageError(f'"{request.text}": this model has layers 0 to {layer_count - 1}')
    return components.editor(number, layers)


def project(direction: Tensor, held: list[Tensor]) -> Tensor:
    """Project a direction onto the orthogonal complement of held directions, and restore its length.

    InterFaceGAN's conditional manipulation: n1 - (n1 . n2) n2, generalised to several held directions. Moving along the
    result does not change the held attributes.

    Args:
        direction: (L, D) or (1, D).
        held: directions to keep constant, (L, D) or (1, D) each.

    Raises:
        ValueError: the direction is a linear combination of the held ones.
    """
    shape = np.broadcast_shapes(direction.shape, *(other.shape for other in held))
    wanted = direction.expand(shape).double().flatten()
    basis, _ = torch.linalg.qr(torch.stack([other.expand(shape).double().flatten() for other in held], dim=1))
    orthogonal = wanted - basis @ (basis.T @ wanted)
    if orthogonal.norm() < 1e-6 * wanted.norm():
        raise ValueError("the direction is a linear combination of the held ones")
    projected: Tensor = orthogonal * (wanted.norm() / orthogonal.norm())
    return projected.reshape(shape).to(direction.dtype)
