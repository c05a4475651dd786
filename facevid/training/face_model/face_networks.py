"""The networks of `facevid train model`, with random weights or the weights of a checkpoint in pSp's layout."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.errors import ModelError, reason
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
from facevid.networks.state_dict import check_state_dict, finite_float32
from facevid.training.common.config import FaceModelConfig
from facevid.training.common.run import Compute


class Autoencoder(nn.Module):
    """An encoder and a generator. The average code is 0: it is contained in the biases of the encoder's heads."""

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
        """Map W+ codes (N, L, D) to pictures, float32 (N, 3, R, R), RGB."""
        pictures: Tensor = self.generator(codes)
        return pictures.float()


@dataclass(frozen=True)
class FaceNetworks:
    """The networks of a training run.

    Attributes:
        autoencoder: encoder and generator.
        attributes: linear classifier of CelebA's attributes on the flattened code.
        average: the autoencoder with the moving average of the weights, which is the result.
    """

    autoencoder: Autoencoder
    attributes: nn.Linear
    average: Autoencoder


def new_networks(config: FaceModelConfig, compute: Compute, start: Path | None) -> FaceNetworks:
    """Create the networks.

    Args:
        config: sizes of a new encoder and generator; unused with `start`.
        compute: device, and seed of random weights.
        start: checkpoint in pSp's layout to take encoder and generator from; None for random weights.

    Raises:
        ModelError: `start` does not contain a pSp encoder and a generator that fit each other.
    """
    with compute.seeded():
        encoder, generator = _load_networks(start) if start is not None else _random_networks(config)
        attributes = nn.Linear(generator.sizes.layers * generator.sizes.width, 40)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise.weight"):  # stays 0: the noise is constant and would be the same in all faces
            parameter.requires_grad_(False)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stubs
    autoencoder = Autoencoder(encoder, generator).to(compute.device)
    return FaceNetworks(
        autoencoder=autoencoder,
        attributes=attributes.to(compute.device),
        average=copy.deepcopy(autoencoder).eval().requires_grad_(False),
    )


def _random_networks(config: FaceModelConfig) -> tuple[Encoder, Generator]:
    sizes = GeneratorSizes(config.channels, config.width)
    encoder = EncoderSizes(
        config.encoder_input, config.encoder_stem, config.encoder_stages, sizes.layers, config.width, e4e=False
    )
    return Encoder(encoder), Generator(sizes)


def _load_networks(start: Path) -> tuple[Encoder, Generator]:
    """Load encoder and generator, and add the checkpoint's average code to the biases of the encoder's heads."""
    parts = {part.kind: part for part in read_parts(start)}
    if not {"encoder", "generator"} <= parts.keys():
        raise ModelError(f"{start}: does not contain an encoder and a generator; use a checkpoint in pSp's layout")
    if parts["encoder"].encoder != "psp":
        raise ModelError(f"{start}: has an e4e encoder, but a pSp encoder is needed; use a checkpoint in pSp's layout")
    tensors = dict(parts["encoder"].tensors)
    average = tensors.pop(AVERAGE, None)
    try:
        generator = Generator(generator_sizes(shapes_of(parts["generator"].tensors)))
        encoder = Encoder(encoder_sizes(shapes_of(tensors), e4e=False))
    except ValueError as error:
        raise ModelError(f"{start}: incomplete encoder or generator ({error}); use the whole checkpoint") from error
    if (encoder.sizes.layers, encoder.sizes.width) != (generator.sizes.layers, generator.sizes.width):
        raise ModelError(
            f"{start}: its encoder produces codes of {encoder.sizes.layers} x {encoder.sizes.width}, but its generator "
            f"reads {generator.sizes.layers} x {generator.sizes.width}; use another checkpoint"
        )
    _load_weights(generator, parts["generator"], parts["generator"].tensors)
    _load_weights(encoder, parts["encoder"], tensors)
    if average is not None:
        with torch.no_grad():
            for layer, code in enumerate(average):
                encoder.get_parameter(f"styles.{layer}.linear.bias").add_(code)
    return encoder, generator


def _load_weights(network: nn.Module, part: Part, tensors: dict[str, Tensor]) -> None:
    weights = {name: value for name, value in tensors.items() if name != AVERAGE}
    try:
        check_state_dict(network.state_dict(), weights)
        network.load_state_dict({name: finite_float32(name, value) for name, value in weights.items()}, strict=False)
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"{part.source}: incomplete {part.kind} ({reason(error)}); use the whole checkpoint"
        ) from error
