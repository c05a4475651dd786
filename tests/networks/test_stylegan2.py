"""The generator: the published implementation's numbers, the paper's equations, and any size."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facevid.networks import Generator, GeneratorSizes, generator_sizes, shapes_of, truncate
from facevid.networks.stylegan2 import _ModulatedConvolution

SMALL = GeneratorSizes(channels=(12, 10, 6), width=8, mapping=3)


@pytest.mark.parametrize("sizes", [SMALL, GeneratorSizes((4, 4, 4, 4, 2, 2), 16)])
def test_sizes_are_read_off_the_shapes(sizes):
    generator = Generator(sizes)
    assert generator_sizes(shapes_of(generator.state_dict())) == sizes
    pictures = generator(torch.randn(2, sizes.layers, sizes.width))
    assert pictures.shape == (2, 3, sizes.resolution, sizes.resolution)


def test_the_published_files_give_the_published_pictures(shared):
    content = torch.load(shared / "fixtures/stylegan2_tiny.pt", weights_only=True)
    expected = np.load(shared / "fixtures/psp_tiny_expected.npz")
    generator = Generator(generator_sizes(shapes_of(content["g_ema"])))
    generator.load_state_dict(content["g_ema"], strict=True)
    with torch.inference_mode():
        w = generator.map(torch.from_numpy(expected["z"]))
        cut = truncate(w, content["latent_avg"], 0.7)
        pictures = generator(cut[:, None].expand(-1, generator.sizes.layers, -1))
    assert w.numpy() == pytest.approx(expected["w"], abs=1e-4)
    assert cut.numpy() == pytest.approx(expected["w_truncated"], abs=1e-4)
    assert pictures.numpy() == pytest.approx(expected["image_from_z"], abs=1e-4)


def test_scaling_channels_equals_scaling_each_samples_weights():
    """Equations 1 and 3 of StyleGAN2, taken literally: one set of weights for each sample."""
    layer = _ModulatedConvolution(6, 4, 8, size=3)
    x, code = torch.randn(2, 6, 5, 5), torch.randn(2, 8)
    convolved, demodulation = layer(x, code)
    weight = layer.weight * layer.scale * layer.modulation(code)[:, None, :, None, None]
    weight = weight * torch.rsqrt(weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
    literal = torch.cat([F.conv2d(x[i : i + 1], weight[i], padding=1) for i in range(2)])
    assert torch.allclose(convolved * demodulation, literal, atol=1e-5)


def test_half_precision_does_not_overflow():
    """Styles of 10^5 would leave float16; the demodulation makes their length irrelevant."""
    generator = Generator(SMALL).eval()
    for layer in (generator.conv1, *generator.convs):
        layer.conv.modulation.bias.data.mul_(1e5)
    codes = torch.randn(2, SMALL.layers, SMALL.width)
    with torch.inference_mode():
        exact = generator(codes)
        with torch.autocast("cpu", torch.float16):
            coarse = generator(codes)
    assert torch.isfinite(coarse).all()
    assert (coarse - exact).abs().max() < 0.05 * exact.abs().max()


def test_no_picture_at_all_and_training():
    generator = Generator(SMALL)
    assert generator(torch.zeros(0, SMALL.layers, SMALL.width)).shape == (0, 3, 16, 16)
    generator(generator.map(torch.randn(1, 8))[:, None].expand(-1, SMALL.layers, -1)).mean().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"style.1.weight": (8, 10**6)}, "no such network"),
        ({"convs.0.conv.weight": None}, "convs.0.conv.weight is missing"),
        ({"conv1.conv.weight": None}, "conv1.conv.weight is missing"),
        ({f"convs.{j}.conv.weight": (1, 1, 1, 3, 3) for j in range(60)}, "at most"),
    ],
)
def test_absurd_shapes_are_refused(change, complaint):
    shapes = {**shapes_of(Generator(SMALL).state_dict()), **change}
    with pytest.raises(ValueError, match=complaint):
        generator_sizes({name: shape for name, shape in shapes.items() if shape is not None})
