"""The generator prepared for inference gives the pictures of the plain generator, in any number format."""

import pytest
import torch
from torch import Tensor

from facevid.networks import Generator, GeneratorSizes
from facevid.networks.prepared_generator import PreparedGenerator

SIZES = GeneratorSizes(channels=(64, 64, 48, 32, 16), width=32, mapping=2)


@pytest.fixture
def generator() -> Generator:
    """Return a generator whose noise and biases count."""
    torch.manual_seed(0)
    generator = Generator(SIZES).eval()
    for layer in (generator.conv1, *generator.convs):
        torch.nn.init.constant_(layer.noise.weight, 0.2)
        torch.nn.init.normal_(layer.activate.bias, std=0.2)
    for to_rgb in (generator.to_rgb1, *generator.to_rgbs):
        torch.nn.init.normal_(to_rgb.bias, std=0.2)
    return generator


def reference(generator: Generator, codes: Tensor) -> Tensor:
    with torch.no_grad():
        pictures: Tensor = generator(codes)
    return pictures


def test_float32_equals_the_reference(generator: Generator) -> None:
    codes = torch.randn(3, SIZES.layers, SIZES.width)
    prepared = PreparedGenerator(generator, torch.float32)
    first, second = prepared(codes), prepared(codes)
    assert first.dtype == torch.float32
    assert (first - reference(generator, codes)).abs().max() < 1e-3
    assert torch.equal(first, second)  # nothing prepared was overwritten
    assert prepared(codes[:0]).shape == (0, 3, SIZES.resolution, SIZES.resolution)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close(generator: Generator, dtype: torch.dtype) -> None:
    codes = torch.randn(2, SIZES.layers, SIZES.width)
    expected = reference(generator, codes)
    span = expected.max() - expected.min()
    error = (PreparedGenerator(generator, dtype)(codes) - expected).square().mean()
    assert 10 * torch.log10(span.square() / error) > 40


def test_large_styles_do_not_overflow(generator: Generator) -> None:
    """Styles of 1e5 exceed the range of float16, but demodulation cancels their scale."""
    for layer in (generator.conv1, *generator.convs):
        layer.conv.modulation.bias.data.mul_(1e5)
    codes = torch.randn(1, SIZES.layers, SIZES.width)
    pictures = PreparedGenerator(generator, torch.float16)(codes)
    assert torch.isfinite(pictures).all()
    expected = reference(generator, codes)
    assert (pictures - expected).abs().max() < 0.05 * expected.abs().max()
