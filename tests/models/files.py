"""Small random networks, saved in the layouts of the published files, and changes of bundles."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from msgspec import structs
from torch import Tensor

from facevid.models.bundle import record_file
from facevid.networks import (
    Encoder,
    EncoderSizes,
    FeatureStyleEncoderSizes,
    Generator,
    GeneratorSizes,
    LatentClassifier,
    LatentClassifierSizes,
    LatentTransformer,
    LatentTransformerSizes,
    SharedTransformer,
    SharedTransformerSizes,
)

GENERATOR = GeneratorSizes(channels=(12, 10, 8, 6), width=16)
LAYERS = GENERATOR.layers
WIDTH = GENERATOR.width

INPUT = 32
"""Side of the encoder's input, in pixels."""

STAGES = ((8, 1), (10, 1), (12, 2), (14, 1))
"""Channels and number of blocks of each stage of the encoder."""


FEATURE_STYLE = FeatureStyleEncoderSizes(
    4, ((4, 1), (4, 2), (6, 2), (8, 1)), content=GENERATOR.channels[2], layers=LAYERS, width=WIDTH
)
"""Sizes of a Feature-Style encoder for `GENERATOR`. Neighbouring stages have the same number of channels."""


def encoder_content(e4e: bool = False, namespace: bool = False) -> dict[str, Any]:
    """Return the contents of a pSp or e4e checkpoint, with its options as a dict or a Namespace."""
    encoder = Encoder(EncoderSizes(INPUT, 8, STAGES, LAYERS, WIDTH, e4e))
    state = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    state |= {f"decoder.{name}": tensor for name, tensor in Generator(GENERATOR).state_dict().items()}
    options = {"encoder_type": "Encoder4Editing" if e4e else "GradualStyleEncoder", "start_from_latent_avg": True}
    return {
        "state_dict": state,
        "latent_avg": torch.randn(LAYERS, WIDTH),
        "opts": argparse.Namespace(**options) if namespace else options,
    }


def feature_style_content(sizes: FeatureStyleEncoderSizes = FEATURE_STYLE) -> dict[str, Tensor]:
    """Return a random state dict with the names and shapes of the published `143_enc.pth`, made without our network."""
    state: dict[str, Tensor] = {}

    def convolution(name: str, inputs: int, outputs: int, side: int = 3) -> None:
        state[f"{name}.weight"] = torch.randn(outputs, inputs, side, side) / (inputs * side**2) ** 0.5

    def norm(name: str, channels: int, gain: float = 1.0) -> None:
        state[f"{name}.weight"] = gain * (0.4 + 0.4 * torch.rand(channels))
        state[f"{name}.bias"] = 0.1 * torch.randn(channels)
        state[f"{name}.running_mean"] = 0.1 * torch.randn(channels)
        state[f"{name}.running_var"] = 0.5 + torch.rand(channels)
        state[f"{name}.num_batches_tracked"] = torch.tensor(1)

    def slopes(name: str, channels: int) -> None:
        state[f"{name}.weight"] = 0.1 + 0.4 * torch.rand(channels)

    convolution("conv.0", 3, sizes.stem)
    norm("conv.1", sizes.stem)
    slopes("conv.2", sizes.stem)
    inputs = sizes.stem
    for stage, (channels, blocks) in enumerate(sizes.stages, start=1):
        for name in (f"block_{stage}.{index}" for index in range(blocks)):
            norm(f"{name}.bn1", inputs)
            convolution(f"{name}.conv1", inputs, channels)
            norm(f"{name}.bn2", channels)
            slopes(f"{name}.prelu", channels)
            convolution(f"{name}.conv2", channels, channels)
            norm(f"{name}.bn3", channels)
            if name.endswith(".0"):
                convolution(f"{name}.downsample.0", inputs, channels, side=1)
                norm(f"{name}.downsample.1", channels)
            inputs = channels
    content = sizes.content
    norm("content_layer.0", sizes.stages[2][0])
    convolution("content_layer.1", sizes.stages[2][0], content)
    norm("content_layer.2", content)
    slopes("content_layer.3", content)
    convolution("content_layer.4", content, content)
    norm("content_layer.5", content, gain=5.0)
    averages = 9 * sum(channels for channels, _ in sizes.stages)
    for layer in range(sizes.layers):
        state[f"styles.{layer}.weight"] = torch.randn(sizes.width, averages) / averages**0.5
        state[f"styles.{layer}.bias"] = torch.randn(sizes.width)
    return state


def save_feature_style(folder: Path) -> Path:
    return save(folder / "143_enc.pth", feature_style_content())


def save(path: Path, content: Any) -> Path:
    """Save in PyTorch's zip format."""
    torch.save(content, path)
    return path


def save_psp(folder: Path) -> Path:
    return save(folder / "psp.pt", encoder_content())


def save_generator(folder: Path) -> Path:
    content = {"g_ema": Generator(GENERATOR).state_dict(), "latent_avg": torch.randn(WIDTH)}
    return save(folder / "stylegan2.pt", content)


def save_transformer(folder: Path, name: str = "tnet_31.pth.tar") -> Path:
    return save(folder / name, LatentTransformer(LatentTransformerSizes(LAYERS, WIDTH)).state_dict())


def save_shared_transformer(folder: Path, *indices: int) -> Path:
    """Save a shared transformer of attributes, given by their indices among CelebA's."""
    network = SharedTransformer(SharedTransformerSizes(LAYERS, WIDTH, WIDTH, len(indices)))
    torch.nn.init.normal_(network.gains)
    network.attributes.copy_(torch.tensor(indices))
    return save(folder / "tnet_shared.pth.tar", network.state_dict())


def save_classifier(folder: Path) -> Path:
    sizes = LatentClassifierSizes((LAYERS * WIDTH, 24, 40))
    return save(folder / "latent_classifier.pth", LatentClassifier(sizes).state_dict())


def save_components(folder: Path, count: int = 5) -> Path:
    content = {
        "comp": torch.nn.functional.normalize(torch.randn(count, 1, WIDTH), dim=-1),
        "mean": torch.randn(1, WIDTH),
        "std": torch.rand(count) + 1,
    }
    return save(folder / "pca.pt", content)


def update_hashes(folder: Path) -> None:
    """Update the sizes and hashes in a bundle's description to those of its changed files."""
    path = folder / "bundle.json"
    content = json.loads(path.read_text())
    for entry in content["networks"] + content["attributes"]:
        entry.update(structs.asdict(record_file(folder / entry["file"])))
    path.write_text(json.dumps(content))
