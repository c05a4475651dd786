"""The Feature-Style encoder, and the generator with its features, match plain functions of the published tensors."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.networks import (
    FeatureStyleEncoder,
    FeatureStyleEncoderSizes,
    Generator,
    GeneratorSizes,
    feature_style_encoder_sizes,
    shapes_of,
)
from facevid.networks.prepared_generator import PreparedGenerator
from tests.models.files import feature_style_content

State = dict[str, Tensor]

PUBLISHED = FeatureStyleEncoderSizes(64, ((64, 3), (128, 4), (256, 14), (512, 3)), content=512, layers=18, width=512)
"""Sizes of `143_enc.pth`."""

NARROW = FeatureStyleEncoderSizes(4, ((4, 3), (4, 4), (6, 14), (8, 3)), content=10, layers=8, width=16)
"""The published number of blocks, but few channels."""


def plain_encoder(state: State, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Compute codes and features as the published program does, from the names of the tensors alone."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance, weight, bias = (
            state[f"{name}.{part}"][None, :, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    def prelu(x: Tensor, name: str) -> Tensor:
        return torch.where(x > 0, x, x * state[f"{name}.weight"][None, :, None, None])

    def stage(x: Tensor, name: str) -> Tensor:
        index = 0
        while f"{name}.{index}.conv1.weight" in state:
            block, shortcut = f"{name}.{index}", x
            if f"{block}.downsample.0.weight" in state:
                shortcut = F.conv2d(x, state[f"{block}.downsample.0.weight"], stride=2)
                shortcut = norm(shortcut, f"{block}.downsample.1")
            x = F.conv2d(norm(x, f"{block}.bn1"), state[f"{block}.conv1.weight"], padding=1)
            x = prelu(norm(x, f"{block}.bn2"), f"{block}.prelu")
            x = F.conv2d(x, state[f"{block}.conv2.weight"], padding=1, stride=1 if index else 2)
            x, index = norm(x, f"{block}.bn3") + shortcut, index + 1
        return x

    x = prelu(norm(F.conv2d(faces, state["conv.0.weight"], padding=1), "conv.1"), "conv.2")
    first = stage(x, "block_1")
    second = stage(first, "block_2")
    third = stage(second, "block_3")
    fourth = stage(third, "block_4")
    content = F.conv2d(norm(third, "content_layer.0"), state["content_layer.1.weight"], padding=1)
    content = prelu(norm(content, "content_layer.2"), "content_layer.3")
    content = norm(F.conv2d(content, state["content_layer.4.weight"], padding=1, stride=2), "content_layer.5")
    averages = torch.cat([F.adaptive_avg_pool2d(each, (3, 3)) for each in (first, second, third, fourth)], dim=1)
    flat = averages.reshape(len(faces), -1)
    layers = sum(name.startswith("styles.") for name in state) // 2
    codes = [flat @ state[f"styles.{i}.weight"].T + state[f"styles.{i}.bias"] for i in range(layers)]
    return torch.stack(codes, dim=1), content


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        pytest.param(NARROW, 64, id="narrow"),
        pytest.param(PUBLISHED, 256, id="published", marks=pytest.mark.slow),
    ],
)
@torch.inference_mode()
def test_codes_and_features_are_those_of_the_plain_functions(sizes: FeatureStyleEncoderSizes, side: int) -> None:
    torch.manual_seed(0)
    state = feature_style_content(sizes)
    assert feature_style_encoder_sizes(shapes_of(state)) == sizes
    encoder = FeatureStyleEncoder(sizes).eval()
    encoder.load_state_dict(state, strict=True)
    faces = torch.rand(2, 3, side, side) * 2 - 1
    codes, features = plain_encoder(state, faces)
    assert features.shape == (2, sizes.content, side // 16, side // 16)
    assert min(float(codes.std()), float(features.std())) > 0.1
    assert torch.allclose(encoder(faces), codes, atol=1e-4)
    assert torch.allclose(encoder.features(faces), features, atol=1e-4)


def test_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        shapes = shapes_of(FeatureStyleEncoder(PUBLISHED).state_dict())
        assert shapes == shapes_of(feature_style_content(PUBLISHED))
    assert len(shapes) == 517
    assert shapes["conv.0.weight"] == (64, 3, 3, 3)
    assert shapes["block_3.13.conv2.weight"] == (256, 256, 3, 3)
    assert shapes["block_4.0.downsample.0.weight"] == (512, 256, 1, 1)
    assert shapes["content_layer.4.weight"] == (512, 512, 3, 3)
    assert shapes["styles.17.weight"] == (512, 8640)


def plain_synthesis(
    state: State, codes: Tensor, change_features: Callable[[Tensor], Tensor] = lambda x: x
) -> tuple[Tensor, Tensor]:
    """Generate with one set of weights for each sample; `change_features` is applied before convolution 5.

    Returns:
        The pictures, and the features before the change.
    """

    def linear(x: Tensor, name: str) -> Tensor:
        weight = state[f"{name}.weight"]
        return F.linear(x, weight / weight.shape[1] ** 0.5, state[f"{name}.bias"])

    def filtered(x: Tensor, pads: tuple[int, int]) -> Tensor:
        """Filter with [1, 3, 3, 1], of sum 4 in two dimensions, after padding at the top left and bottom right."""
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
        kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
        return F.conv2d(F.pad(x, (*pads, *pads)), kernel, groups=x.shape[1])

    def convolve(x: Tensor, code: Tensor, name: str, demodulate: bool) -> Tensor:
        weight = state[f"{name}.weight"]
        scale = (weight.shape[2] * weight.shape[3] * weight.shape[4]) ** -0.5
        weight = weight * scale * linear(code, f"{name}.modulation")[:, None, :, None, None]
        if demodulate:
            weight = weight * torch.rsqrt(weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
        if f"{name}.blur.kernel" in state:
            pairs = zip(x, weight, strict=True)
            larger = [F.conv_transpose2d(each[None], own.transpose(0, 1), stride=2) for each, own in pairs]
            return filtered(torch.cat(larger), (1, 1))
        padding = weight.shape[-1] // 2
        return torch.cat([F.conv2d(each[None], own, padding=padding) for each, own in zip(x, weight, strict=True)])

    def styled(x: Tensor, layer: int) -> Tensor:
        name = "conv1" if layer == 0 else f"convs.{layer - 1}"
        x = convolve(x, codes[:, layer], f"{name}.conv", demodulate=True)
        x = x + state[f"{name}.noise.weight"] * state[f"noises.noise_{layer}"]
        return F.leaky_relu(x + state[f"{name}.activate.bias"][None, :, None, None], 0.2) * 2**0.5

    x = styled(state["input.input"].repeat(len(codes), 1, 1, 1), 0)
    picture = convolve(x, codes[:, 1], "to_rgb1.conv", demodulate=False) + state["to_rgb1.bias"]
    features = x
    for stage in range(codes.shape[1] // 2 - 1):
        for layer in (2 * stage + 1, 2 * stage + 2):
            if layer == 5:
                features, x = x, change_features(x)
            x = styled(x, layer)
        zeros = picture.new_zeros(*picture.shape[:2], 2 * picture.shape[2], 2 * picture.shape[3])
        zeros[:, :, ::2, ::2] = picture
        colours = convolve(x, codes[:, 2 * stage + 3], f"to_rgbs.{stage}.conv", demodulate=False)
        picture = filtered(zeros, (2, 1)) + colours + state[f"to_rgbs.{stage}.bias"]
    return picture, features


@torch.inference_mode()
def test_the_generator_adds_the_residual_of_the_features() -> None:
    torch.manual_seed(0)
    generator = Generator(GeneratorSizes(channels=(16, 12, 10, 8, 6), width=16, mapping=1)).eval()
    for name, parameter in generator.named_parameters():
        if name.endswith(("noise.weight", "bias")) and "modulation" not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    prepared, state = PreparedGenerator(generator, torch.float32), dict(generator.state_dict())
    before, after = torch.randn(2, 2, generator.sizes.layers, 16)
    features = torch.randn(2, 10, 16, 16)
    picture, own_before = plain_synthesis(state, before)
    assert torch.allclose(prepared(before), picture, atol=1e-4)
    assert torch.allclose(prepared.features(before), own_before, atol=1e-4)
    residual = features - prepared.features(before)
    assert torch.allclose(prepared(before, residual), plain_synthesis(state, before, lambda _: features)[0], atol=1e-4)
    edited, own_after = plain_synthesis(state, after, lambda own: features + own - own_before)
    assert (edited - plain_synthesis(state, after)[0]).abs().mean() > 0.1
    assert torch.allclose(prepared(after, residual), edited, atol=1e-4)
    assert not torch.allclose(own_after, own_before)


@pytest.mark.parametrize(
    ("change", "named_tensor"),
    [
        ({"block_3.5.conv1.weight": None}, r"block_3\.5\.conv1\.weight"),
        ({"content_layer.1.weight": (512, 256, 3)}, r"content_layer\.1\.weight .*\(512, 256, 3\)"),
        ({"styles.0.weight": None}, r"styles\.0\.weight"),
        ({"conv.0.weight": (10**6, 3, 3, 3)}, r"conv\.0\.weight .*1000000"),
    ],
)
def test_implausible_shapes_are_rejected(change: dict[str, tuple[int, ...] | None], named_tensor: str) -> None:
    shapes = {**shapes_of(feature_style_content(NARROW)), **change}
    with pytest.raises(ValueError, match=named_tensor):
        feature_style_encoder_sizes({name: shape for name, shape in shapes.items() if shape is not None})
