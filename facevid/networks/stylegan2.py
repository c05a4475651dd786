"""StyleGAN2's generator (Karras et al., CVPR 2020), driven by W+ codes, with constant noise.

A modulated convolution scales its input channels by the style and its output channels by the demodulation. The result
equals scaling the weights for each sample (section 2.2, equation 3), but the whole batch shares one set of weights.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.layers import LEAKY_SLOPE, EqualizedLinear, scaled_leaky_relu
from facevid.networks.shapes import Shapes, count_indexed, power_of_two, shape_at

MAX_RESOLUTION = 2048
"""Largest accepted picture side in pixels: bounds the memory that a damaged file can make the loader allocate."""

EPSILON = 1e-8
"""Added below square roots, or used as a lower bound, to avoid division by zero (StyleGAN2's own value)."""

FEATURE_CONVOLUTION = 5
"""Convolution whose input the features of a Feature-Style encoder replace (Yao et al., ECCV 2022, k = 5), counted from
0 at 4 px: the up-sampling convolution from 16 to 32 px, `convs.4`. The colours at 16 px are computed before it."""


@dataclass(frozen=True)
class GeneratorSizes:
    """Sizes of a generator.

    Attributes:
        channels: number of channels at 4, 8, 16, ... px; their count determines the resolution.
        width: length of z, of w and of one layer of a W+ code.
        mapping: number of layers of the mapping network.
    """

    channels: tuple[int, ...]
    width: int
    mapping: int = 8

    @property
    def resolution(self) -> int:
        """Side of the generated picture, in pixels."""
        return int(4 << (len(self.channels) - 1))

    @property
    def layers(self) -> int:
        """Number of layers of a W+ code: 2 log2(resolution) - 2."""
        return 2 * len(self.channels)


def generator_sizes(shapes: Shapes) -> GeneratorSizes:
    """Infer the sizes from the shapes of a state dict.

    Raises:
        ValueError: a tensor is missing or has an unexpected shape.
    """
    convs = count_indexed(shapes, r"convs\.(\d+)\.conv\.weight", limit=2 * int(math.log2(MAX_RESOLUTION / 4)))
    if convs % 2:
        raise ValueError(f"there are {convs} tensors convs.<i>.conv.weight; two per resolution are expected")
    width = shape_at(shapes, "style.1.weight", 2)[1]
    mapping = sum(f"style.{i}.weight" in shapes for i in range(1, 33))
    first = shape_at(shapes, "conv1.conv.weight", 5)[1]
    channels = (first, *(shape_at(shapes, f"convs.{j}.conv.weight", 5)[1] for j in range(1, convs, 2)))
    sizes = GeneratorSizes(channels, width, mapping)
    power_of_two(sizes.resolution, "the generator's resolution", MAX_RESOLUTION)
    return sizes


def truncate(w: Tensor, mean: Tensor, psi: float) -> Tensor:
    """Apply the truncation trick (StyleGAN, appendix B): move w (N, D) towards the mean, (D,) or (1, D).

    With `psi` 1 the result is w, with 0 it is the mean.
    """
    return mean + psi * (w - mean)


class Generator(nn.Module):
    """Mapping network and synthesis network. Parameters are named as in `g_ema` of the published files."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__()
        self.sizes = sizes
        width, channels = sizes.width, sizes.channels
        self.style = nn.Sequential(_Normalise(), *(_MappingLayer(width) for _ in range(sizes.mapping)))
        self.input = _ConstantInput(channels[0])
        self.conv1 = StyledConvolution(channels[0], channels[0], width)
        self.to_rgb1 = ToRGB(channels[0], width)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        for narrow, wide in pairwise(channels):
            self.convs.append(StyledConvolution(narrow, wide, width, upsample=True))
            self.convs.append(StyledConvolution(wide, wide, width))
            self.to_rgbs.append(ToRGB(wide, width, upsample=True))
        self.noises = nn.Module()
        for i in range(sizes.layers - 1):
            side = 4 << ((i + 1) // 2)
            self.noises.register_buffer(f"noise_{i}", torch.randn(1, 1, side, side))

    def map(self, z: Tensor) -> Tensor:
        """Map z (N, D), standard normal, to w (N, D)."""
        w: Tensor = self.style(z)
        return w

    def forward(self, codes: Tensor) -> Tensor:
        """Generate pictures from W+ codes. Deterministic: the noise is constant.

        Args:
            codes: (N, L, D).

        Returns:
            (N, 3, R, R), RGB, nominally in [-1, 1] but not clamped.
        """
        x = self.input.input.expand(codes.shape[0], -1, -1, -1)
        x = self.conv1(x, codes[:, 0], self.noises.noise_0)
        picture: Tensor = self.to_rgb1(x, codes[:, 1], None)
        for k, to_rgb in enumerate(self.to_rgbs):
            for j in (2 * k, 2 * k + 1):
                x = self.convs[j](x, codes[:, j + 1], self.noises.get_buffer(f"noise_{j + 1}"))
            picture = to_rgb(x, codes[:, 2 * k + 3], picture)
        return picture


class _Normalise(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + EPSILON)


class _MappingLayer(EqualizedLinear):
    def __init__(self, width: int) -> None:
        super().__init__(width, width, lr_mul=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return scaled_leaky_relu(super().forward(x))


class _ConstantInput(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))


class _Filter(nn.Module):
    """Holds the low-pass filter of upsampling: the outer product of [1, 3, 3, 1] with itself, normalised to sum 4."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.tensor([[a * b / 16 for b in (1, 3, 3, 1)] for a in (1, 3, 3, 1)]))


class _ModulatedConvolution(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, width: int, *, size: int, demodulate: bool = True, upsample: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, size, size))
        self.modulation = EqualizedLinear(width, inputs, bias=1.0)
        self.scale = 1 / math.sqrt(inputs * size * size)
        self.demodulate = demodulate
        if upsample:
            self.blur = _Filter()
        self.upsample = upsample

    def forward(self, x: Tensor, code: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the convolution of modulated x, and the demodulation (N, O, 1, 1) that the caller multiplies it by."""
        weight = self.weight[0] * self.scale
        with torch.autocast(x.device.type, enabled=False):
            style = self.modulation(code.float())
            if self.demodulate:
                # Demodulation cancels the scale of the style, so normalise it: float16 cannot overflow then.
                magnitude = style.detach().abs().amax(dim=1, keepdim=True).clamp(min=EPSILON)
                style = style / magnitude
                power = style.square() @ weight.square().sum(dim=(2, 3)).T
                demodulation = torch.rsqrt(power + EPSILON / magnitude.square())
        x = self._convolve(x * style.to(x.dtype)[:, :, None, None], weight)
        return x, demodulation[:, :, None, None] if self.demodulate else None

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        if not self.upsample:
            return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        kernel = self.blur.kernel.flip(0, 1).expand(x.shape[1], 1, -1, -1)
        return F.conv2d(x, kernel.to(x.dtype), padding=1, groups=x.shape[1])


class _NoiseInjection(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class _Activation(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))


class StyledConvolution(nn.Module):
    """A modulated 3x3 convolution, optionally with up-sampling, noise and activation."""

    def __init__(self, inputs: int, outputs: int, width: int, upsample: bool = False) -> None:
        super().__init__()
        self.conv = _ModulatedConvolution(inputs, outputs, width, size=3, upsample=upsample)
        self.noise = _NoiseInjection()
        self.activate = _Activation(outputs)

    def forward(self, x: Tensor, code: Tensor, noise: Tensor) -> Tensor:
        """Map (N, I, h, h) to (N, O, h, h), or (N, O, 2h, 2h) with up-sampling."""
        x, demodulation = self.conv(x, code)
        # The gain sqrt(2) of the activation is folded into noise, bias and demodulation: one pass over the features.
        offset = (self.noise.weight * noise + self.activate.bias[None, :, None, None]) * math.sqrt(2.0)
        gain = demodulation * math.sqrt(2.0)
        return F.leaky_relu(torch.addcmul(offset.to(x.dtype), x, gain.to(x.dtype)), LEAKY_SLOPE)


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to RGB, added to the up-sampled picture so far."""

    def __init__(self, inputs: int, width: int, upsample: bool = False) -> None:
        super().__init__()
        self.conv = _ModulatedConvolution(inputs, 3, width, size=1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if upsample:
            self.upsample = _Filter()

    def forward(self, x: Tensor, code: Tensor, picture: Tensor | None) -> Tensor:
        """Map features (N, I, r, r) and the picture (N, 3, r / 2, r / 2) to the picture (N, 3, r, r)."""
        with torch.autocast(x.device.type, enabled=False):  # summing over resolutions needs float32
            x, _ = self.conv(x.float(), code)
            x = x + self.bias
            if picture is None:
                return x
            planes = picture.reshape(-1, 1, *picture.shape[2:])
            larger = F.conv_transpose2d(planes, self.upsample.kernel[None, None], stride=2, padding=1)
            return x + larger.reshape(x.shape)
