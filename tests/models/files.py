"""Small random networks, saved in the layouts of the published files, and changes of bundles."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from msgspec import structs

from facevid.models.bundle import record_file
from facevid.networks import (
    Encoder,
    EncoderSizes,
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
