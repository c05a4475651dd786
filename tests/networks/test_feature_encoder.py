"""The feature encoder, and the generator that takes its features."""

import pytest
import torch

from facevid.networks import (
    FeatureEncoder,
    FeatureEncoderSizes,
    Generator,
    GeneratorSizes,
    feature_encoder_sizes,
    shapes_of,
)

SIZES = FeatureEncoderSizes(patch=2, width=16, deep_width=24, channels=8, code_width=16, shallow=1, deep=2, merged=3)
GENERATOR = GeneratorSizes(channels=(12, 10, 8, 6), width=16)


def test_its_sizes_are_read_off_its_tensors():
    assert feature_encoder_sizes(shapes_of(FeatureEncoder(SIZES).state_dict())) == SIZES


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("from_pictures.weight", (16, 9 * 9, 1, 1), "is 3; a power of two"),
        ("down.weight", (20, 64, 1, 1), "multiples of 8"),
    ],
)
def test_wrong_sizes_are_told(name, shape, message):
    with pytest.raises(ValueError, match=message):
        feature_encoder_sizes(shapes_of(FeatureEncoder(SIZES).state_dict()) | {name: shape})


@torch.no_grad()
def test_it_begins_with_nothing_to_add_and_its_features_reach_the_picture():
    generator, network = Generator(GENERATOR), FeatureEncoder(SIZES)
    codes, pictures = torch.randn(2, GENERATOR.layers, GENERATOR.width), torch.rand(2, 3, 32, 32)
    plain = generator(codes)
    features = network(pictures, plain, plain, torch.zeros_like(codes))
    assert features.shape == (2, SIZES.channels, 16, 16)
    assert torch.equal(generator(codes, features), plain)
    features[0, :, 4, 4] = 5.0
    changed = (generator(codes, features) - plain).abs().amax(dim=1)
    assert changed[1].max() == 0
    assert changed[0, 6:12, 6:12].max() > 0.01
    assert changed[0, 20:].max() == changed[0, :, 20:].max() == 0  # far from the feature


@torch.no_grad()
def test_it_is_told_how_far_an_edit_goes_whatever_shows_of_it():
    network = FeatureEncoder(SIZES)
    torch.nn.init.normal_(network.to_features.weight)
    torch.nn.init.normal_(network.from_change.weight)
    pictures, change = torch.rand(1, 3, 32, 32), torch.randn(1, GENERATOR.layers, GENERATOR.width)
    none, slight, full = (network(pictures, pictures, pictures, change * strength) for strength in (0, 0.5, 1))
    assert (slight - none).abs().max() > 0.01
    assert (full - none).abs().mean() > 1.5 * (slight - none).abs().mean()
