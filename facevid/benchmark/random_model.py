"""A StyleGAN2 model of the published widths with random weights, for timing without the published files."""

import torch

from facevid.benchmark.full_size import PUBLISHED_ENCODER, PUBLISHED_GENERATOR
from facevid.edits.attributes import attribute_of
from facevid.models.assemble import PUBLISHED_EDIT_LAYERS
from facevid.models.editors import NamedEditor, TransformerEditor
from facevid.models.model import FaceModel, Settings
from facevid.networks import (
    Encoder,
    EncoderSizes,
    Generator,
    GeneratorSizes,
    LatentTransformer,
    LatentTransformerSizes,
    OcclusionNetwork,
    OcclusionNetworkSizes,
)
from facevid.utils.device import fastest_precision

SIZES = (64, 128, 256, 512, 1024)
"""Sides of a generated face, in pixels, that can be timed."""


def random_model(size: int, device: str, precision: str) -> FaceModel:
    """Return a model that generates faces of `size` pixels; its networks have the published widths."""
    if precision == "auto":
        precision = fastest_precision(device)
    count = SIZES.index(size) + 5  # the first resolution is 4 px; each further one doubles it
    channels = PUBLISHED_GENERATOR.channels[:count]
    sizes = GeneratorSizes(channels, PUBLISHED_GENERATOR.width)
    encoder = EncoderSizes(
        PUBLISHED_ENCODER.input_size, PUBLISHED_ENCODER.stem, PUBLISHED_ENCODER.stages, sizes.layers, sizes.width, False
    )
    transformer = LatentTransformer(LatentTransformerSizes(sizes.layers, sizes.width))
    layers = range(min(PUBLISHED_EDIT_LAYERS, sizes.layers))
    networks = (Generator(sizes), Encoder(encoder), OcclusionNetwork(OcclusionNetworkSizes()), transformer)
    for network in networks:
        network.eval().requires_grad_(False).to(device)
    return FaceModel(
        name=f"random-{size}",
        generator=networks[0],
        encoder=networks[1],
        appearance=None,
        occlusion=networks[2],
        classifier=None,
        average=None,
        editors=(NamedEditor(attribute_of("smile"), "transformer", TransformerEditor(transformer, layers)),),
        components=None,
        settings=Settings(layers),
        layers=sizes.layers,
        width=sizes.width,
        device=torch.device(device),
        precision=precision,
    )
