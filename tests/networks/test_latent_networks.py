"""The latent transformer and the latent classifier."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facevid.networks import (
    LatentClassifier,
    LatentTransformer,
    latent_classifier_sizes,
    latent_transformer_sizes,
    shapes_of,
)


def test_published_transformer_gives_published_steps(shared: Path) -> None:
    state = torch.load(shared / "fixtures/tnet_31_tiny.pth.tar", weights_only=True)
    expected = np.load(shared / "fixtures/latent_transformer_tiny_expected.npz")
    network = LatentTransformer(latent_transformer_sizes(shapes_of(state)))
    network.load_state_dict(state, strict=True)
    codes = torch.from_numpy(expected["w0"])
    with torch.inference_mode():
        for strength in ("-1.5", "-0.5", "+0.0", "+1.0", "+2.0"):
            edited = codes + float(strength) * network(codes)
            assert edited.numpy() == pytest.approx(expected[f"w1_alpha_{strength}"], abs=1e-4)
        assert torch.equal(network(codes, range(2, 5)), network(codes)[:, 2:5])


def test_published_classifier_gives_published_logits(shared: Path) -> None:
    state = torch.load(shared / "fixtures/latent_classifier_tiny.pth", weights_only=True)
    expected = np.load(shared / "fixtures/latent_transformer_tiny_expected.npz")
    network = LatentClassifier(latent_classifier_sizes(shapes_of(state)))
    network.load_state_dict(state, strict=True)
    with torch.inference_mode():
        logits = network(torch.from_numpy(expected["w0"]))
    assert logits.numpy() == pytest.approx(expected["classifier_logits"], abs=1e-4)


def test_missing_layer_is_named_in_the_error() -> None:
    shapes = {"dense.0.weight": (4, 4), "dense.2.weight": (4, 4)}
    with pytest.raises(ValueError, match=r"dense\.1\.weight"):
        latent_transformer_sizes(shapes)
