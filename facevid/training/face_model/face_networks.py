"""What `facevid train model` trains, and how it begins: anew, or from a checkpoint in pSp's layout."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.errors import ModelError, reason
from facevid.models.assemble import check_fit, working
from facevid.models.layouts import AVERAGE, Part, read_parts
from facevid.networks import (
    Encoder,
    EncoderSizes,
    Generator,
    GeneratorSizes,
    encoder_sizes,
    generator_sizes,
    shapes_of,
)
from facevid.training.common.recipe import Recipe


class Autoencoder(nn.Module):
    """Encoder and generator. The average code is in the encoder's own numbers."""

    def __init__(self, encoder: Encoder, generator: Generator) -> None:
        super().__init__()
        self.encoder = encoder
        self.generator = generator

    def encode(self, pictures: Tensor) -> Tensor:
        """Map pictures (N, 3, R, R), RGB in [-1, 1], to W+ codes, float32 (N, L, D)."""
        side = self.encoder.sizes.input_size
        if side != pictures.shape[-1]:
            pictures = F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True)
        codes: Tensor = self.encoder(pictures.contiguous(memory_format=torch.channels_last))
        return codes.float()

    def generate(self, codes: Tensor) -> Tensor:
        """Generate pictures, float32 (N, 3, R, R), from W+ codes."""
        pictures: Tensor = self.generator(codes)
        return pictures.float()


@dataclass(frozen=True)
class FaceNetworks:
    """What is trained, and the average over its steps, which is what is kept in the end."""

    autoencoder: Autoencoder
    attributes: nn.Linear
    average: Autoencoder


def new_networks(recipe: Recipe, seed: int, device: str, start: Path | None) -> FaceNetworks:
    """Make the networks; generator and encoder are those of `start` where it is given.

    Raises:
        ModelError: `start` is no checkpoint of an encoder and a generator.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder, generator = _begun(start) if start is not None else _anew(recipe)
        attributes = nn.Linear(generator.sizes.layers * generator.sizes.width, 40)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise.weight"):  # 0, and stays so: a constant pattern has nothing to add to a face
            parameter.requires_grad_(False)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stubs leave it out
    autoencoder = Autoencoder(encoder, generator).to(device)
    return FaceNetworks(
        autoencoder=autoencoder,
        attributes=attributes.to(device),
        average=copy.deepcopy(autoencoder).eval().requires_grad_(False),
    )


def _anew(recipe: Recipe) -> tuple[Encoder, Generator]:
    sizes = GeneratorSizes(recipe.channels, recipe.width)
    encoder = EncoderSizes(
        recipe.encoder_input, recipe.encoder_stem, recipe.encoder_stages, sizes.layers, recipe.width, e4e=False
    )
    return Encoder(encoder), Generator(sizes)


def _begun(start: Path) -> tuple[Encoder, Generator]:
    parts = {part.kind: part for part in read_parts(start)}
    if not {"encoder", "generator"} <= parts.keys():
        raise ModelError(f"{start}: holds no encoder with its generator; give a checkpoint in pSp's layout")
    if parts["encoder"].encoder != "psp":
        raise ModelError(f"{start}: an e4e encoder, and pSp's are trained here; give a checkpoint in pSp's layout")
    tensors = dict(parts["encoder"].tensors)
    average = tensors.pop(AVERAGE, None)
    try:
        generator = Generator(generator_sizes(shapes_of(parts["generator"].tensors)))
        encoder = Encoder(encoder_sizes(shapes_of(tensors), e4e=False))
    except ValueError as error:
        raise ModelError(f"{start}: no whole encoder and generator ({error}); use the whole checkpoint") from error
    if (encoder.sizes.layers, encoder.sizes.width) != (generator.sizes.layers, generator.sizes.width):
        raise ModelError(f"{start}: its encoder and its generator have codes of other sizes; use another checkpoint")
    _fill(generator, parts["generator"], parts["generator"].tensors)
    _fill(encoder, parts["encoder"], tensors)
    if average is not None:
        with torch.no_grad():
            for layer, code in enumerate(average):
                encoder.get_parameter(f"styles.{layer}.linear.bias").add_(code)
    return encoder, generator


def _fill(network: nn.Module, part: Part, tensors: dict[str, Tensor]) -> None:
    given = {name: value for name, value in tensors.items() if name != AVERAGE}
    try:
        check_fit(network.state_dict(), given)
        network.load_state_dict({name: working(name, value) for name, value in given.items()}, strict=False)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{part.source}: no whole {part.kind} ({reason(error)}); use the whole checkpoint") from error
