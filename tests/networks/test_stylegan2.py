"""The generator matches the published implementation and the paper's equations, and supports any size."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facevid.networks import Generator, GeneratorSizes, generator_sizes, shapes_of, truncate
from facevid.networks.stylegan2 import _ModulatedConvolution

SMALL = GeneratorSizes(channels=(12, 10, 6), width=8, mapping=3)


@pytest.mark.parametrize("sizes", [SMALL, GeneratorSizes((4, 4, 4, 4, 2, 2), 16)])
def test_sizes_are_inferred_from_shapes(sizes: GeneratorSizes) -> None:
    generator = Generator(sizes)
    assert generator_sizes(shapes_of(generator.state_dict())) == sizes
    pictures = generator(torch.randn(2, sizes.layers, sizes.width))
    assert pictures.shape == (2, 3, sizes.resolution, sizes.resolution)


def test_published_files_give_published_pictures(shared: Path) -> None:
    content = torch.load(shared / "fixtures/stylegan2_tiny.pt", weights_only=True)
    expected = np.load(shared / "fixtures/psp_tiny_expected.npz")
    generator = Generator(generator_sizes(shapes_of(content["g_ema"])))
    generator.load_state_dict(content["g_ema"], strict=True)
    with torch.inference_mode():
        w = generator.map(torch.from_numpy(expected["z"]))
        truncated = truncate(w, content["latent_avg"], 0.7)
        pictures = generator(truncated[:, None].expand(-1, generator.sizes.layers, -1))
    assert w.numpy() == pytest.approx(expected["w"], abs=1e-4)
    assert truncated.numpy() == pytest.approx(expected["w_truncated"], abs=1e-4)
    assert pictures.numpy() == pytest.approx(expected["image_from_z"], abs=1e-4)


def test_scaling_channels_equals_scaling_each_samples_weights() -> None:
    """Compare with a literal implementation of equations 1 and 3 of StyleGAN2: one set of weights per sample."""
    layer = _ModulatedConvolution(6, 4, 8, size=3)
    x, code = torch.randn(2, 6, 5, 5), torch.randn(2, 8)
    convolved, demodulation = layer(x, code)
    weight = layer.weight * layer.scale * layer.modulation(code)[:, None, :, None, None]
    weight = weight * torch.rsqrt(weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
    expected = torch.cat([F.conv2d(x[i : i + 1], weight[i], padding=1) for i in range(2)])
    assert torch.allclose(convolved * demodulation, expected, atol=1e-5)


def test_half_precision_does_not_overflow() -> None:
    """Styles of 1e5 exceed the range of float16, but demodulation cancels their scale."""
    generator = Generator(SMALL).eval()
    for layer in (generator.conv1, *generator.convs):
        layer.conv.modulation.bias.data.mul_(1e5)
    codes = torch.randn(2, SMALL.layers, SMALL.width)
    with torch.inference_mode():
        full_precision = generator(codes)
        with torch.autocast("cpu", torch.float16):
            half_precision = generator(codes)
    assert torch.isfinite(half_precision).all()
    assert (half_precision - full_precision).abs().max() < 0.05 * full_precision.abs().max()


def test_empty_batch_and_gradients() -> None:
    generator = Generator(SMALL)
    assert generator(torch.zeros(0, SMALL.layers, SMALL.width)).shape == (0, 3, 16, 16)
    generator(generator.map(torch.randn(1, 8))[:, None].expand(-1, SMALL.layers, -1)).mean().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize(
    ("change", "named_tensor"),
    [
        ({"style.1.weight": (8, 10**6)}, r"style\.1\.weight .*1000000"),
        ({"convs.0.conv.weight": None}, r"convs\.0\.conv\.weight"),
        ({"conv1.conv.weight": None}, r"conv1\.conv\.weight"),
        ({f"convs.{j}.conv.weight": (1, 1, 1, 3, 3) for j in range(60)}, r"60 .*convs\.<i>\.conv\.weight.* 18"),
    ],
)
def test_implausible_shapes_are_rejected(change: dict[str, tuple[int, ...] | None], named_tensor: str) -> None:
    shapes = {**shapes_of(Generator(SMALL).state_dict()), **change}
    with pytest.raises(ValueError, match=named_tensor):
        generator_sizes({name: shape for name, shape in shapes.items() if shape is not None})
