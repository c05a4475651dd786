"""The encoders match the published implementations and support any width, depth and input size."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from facevid.networks import Encoder, EncoderSizes, encoder_sizes, shapes_of

STAGES = ((8, 1), (12, 2), (16, 3), (24, 2))


@pytest.mark.parametrize("kind", ["psp", "e4e"])
def test_published_files_give_published_codes(shared: Path, kind: str) -> None:
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = torch.load(shared / f"fixtures/{kind}_tiny.pt", weights_only=True)
    expected = np.load(shared / f"fixtures/{kind}_tiny_expected.npz")
    state = {k.removeprefix("encoder."): v for k, v in content["state_dict"].items() if k.startswith("encoder.")}
    encoder = Encoder(encoder_sizes(shapes_of(state), e4e=kind == "e4e")).eval()
    encoder.load_state_dict(state, strict=True)
    faces = torch.from_numpy(expected["faces"]).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        codes = encoder(faces) + content["latent_avg"]
    assert codes.numpy() == pytest.approx(expected["codes"], abs=1e-4)


@pytest.mark.parametrize(
    "sizes",
    [
        EncoderSizes(64, 8, STAGES, layers=9, width=20, e4e=False),
        EncoderSizes(32, 8, STAGES, layers=4, width=24, e4e=True),
        EncoderSizes(64, 16, ((16, 1), (20, 1), (24, 2)), layers=8, width=16, e4e=False),
        EncoderSizes(64, 8, ((8, 3), (8, 4), (8, 14), (8, 3)), layers=8, width=8, e4e=False),
        EncoderSizes(64, 4, ((8, 3), (8, 4), (12, 14), (12, 3)), layers=8, width=8, e4e=True),
    ],
)
def test_sizes_are_inferred_from_shapes(sizes: EncoderSizes) -> None:
    encoder = Encoder(sizes).eval()
    assert encoder_sizes(shapes_of(encoder.state_dict()), sizes.e4e) == sizes
    with torch.inference_mode():
        codes = encoder(torch.randn(2, 3, sizes.input_size, sizes.input_size))
    assert codes.shape == (2, sizes.layers, sizes.width)


def test_stages_of_equal_width_and_unknown_depth_are_rejected() -> None:
    encoder = Encoder(EncoderSizes(64, 8, ((8, 2), (8, 2), (8, 2), (8, 2)), layers=8, width=8, e4e=False))
    with pytest.raises(ValueError, match=r"8 blocks .* 1 stages"):
        encoder_sizes(shapes_of(encoder.state_dict()), e4e=False)
