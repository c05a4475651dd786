"""A generator prepared for inference: weights scaled and stored once, channels last, and activations in place.

`Generator.forward` is the reference. Convolutions (oneDNN, cuDNN) are about twice as fast with channels last, and on a
CPU the allocation of a large activation takes longer than a pass over it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.networks.layers import LEAKY_SLOPE, EqualizedLinear
from facevid.networks.stylegan2 import EPSILON, FEATURE_CONVOLUTION, Generator, StyledConvolution, ToRGB

GAIN = math.sqrt(2.0)
"""Gain of the activation, which is folded into demodulation, noise and bias."""


@dataclass(frozen=True)
class _Convolution:
    """A styled convolution.

    Attributes:
        weight: (O, I, 3, 3), or (I, O, 3, 3) with up-sampling; scaled.
        modulation: maps a code to the styles of the input channels, in float32.
        power: float32 (I, O), sum of the squared weights over the taps.
        noise: (1, 1, r, r), the noise times its weight and `GAIN`.
        bias: (1, O, 1, 1), times `GAIN`.
        blur: (O, 1, 4, 4), filter after the up-sampling; None without up-sampling.
    """

    weight: Tensor
    modulation: EqualizedLinear
    power: Tensor
    noise: Tensor
    bias: Tensor
    blur: Tensor | None

    @classmethod
    def of(cls, layer: StyledConvolution, noise: Tensor, dtype: torch.dtype) -> "_Convolution":
        convolution = layer.conv
        weight = convolution.weight[0] * convolution.scale
        power = weight.square().sum(dim=(2, 3)).T.contiguous()
        blur = None
        if convolution.upsample:
            blur = convolution.blur.kernel.flip(0, 1).expand(len(weight), 1, -1, -1).contiguous().to(dtype)
            weight = weight.transpose(0, 1)
        return cls(
            weight.to(dtype).contiguous(memory_format=torch.channels_last),
            convolution.modulation,
            power,
            (noise * layer.noise.weight * GAIN).to(dtype),
            (layer.activate.bias[None, :, None, None] * GAIN).to(dtype),
            blur,
        )

    def __call__(self, x: Tensor, code: Tensor) -> Tensor:
        """Convolve x (N, I, h, h), which is overwritten."""
        style = self.modulation(code)
        # Demodulation cancels the scale of the style, so normalise it: float16 cannot overflow then.
        magnitude = style.abs().amax(dim=1, keepdim=True).clamp(min=EPSILON)
        style = style / magnitude
        demodulation = torch.rsqrt(style.square() @ self.power + EPSILON / magnitude.square())
        x.mul_(style.to(x.dtype)[:, :, None, None])
        if self.blur is None:
            x = F.conv2d(x, self.weight, padding=1)
        else:
            x = F.conv_transpose2d(x, self.weight, stride=2)
            x = F.conv2d(x, self.blur, padding=1, groups=x.shape[1])
        gain = (demodulation * GAIN).to(x.dtype)[:, :, None, None]
        torch.addcmul(self.bias, x, gain, out=x)
        return F.leaky_relu_(x.add_(self.noise), LEAKY_SLOPE)


@dataclass(frozen=True)
class _ToRGB:
    """The contribution of one resolution to the picture.

    Attributes:
        weight: float32 (3, I), scaled.
        modulation: maps a code to the styles of the input channels, in float32.
        bias: float32 (1, 3, 1, 1).
        kernel: float32 (1, 1, 4, 4), filter that up-samples the picture so far; None at the first resolution.
    """

    weight: Tensor
    modulation: EqualizedLinear
    bias: Tensor
    kernel: Tensor | None

    @classmethod
    def of(cls, layer: ToRGB) -> "_ToRGB":
        weight = (layer.conv.weight[0] * layer.conv.scale)[:, :, 0, 0]
        kernel = layer.upsample.kernel[None, None] if hasattr(layer, "upsample") else None
        return cls(weight, layer.conv.modulation, layer.bias, kernel)

    def __call__(self, x: Tensor, code: Tensor, picture: Tensor | None) -> Tensor:
        """Add the colours of x (N, I, r, r) to the picture so far, float32 (N, 3, r / 2, r / 2)."""
        weights = self.weight * self.modulation(code)[:, None]
        own = [
            F.conv2d(each[None], weight[:, :, None, None].to(x.dtype)) for each, weight in zip(x, weights, strict=True)
        ]
        colours = torch.cat(own).float() + self.bias
        if picture is None or self.kernel is None:
            return colours
        planes = picture.reshape(-1, 1, *picture.shape[2:])
        larger = F.conv_transpose2d(planes, self.kernel, stride=2, padding=1)
        return colours + larger.reshape(colours.shape)


class PreparedGenerator:
    """Generates the pictures of a `Generator` faster, without gradients. Later changes of its weights have no effect.

    Args:
        generator: the generator.
        dtype: number format of the convolutions; styles and the sum over resolutions are float32.
    """

    def __init__(self, generator: Generator, dtype: torch.dtype) -> None:
        with torch.no_grad():
            noises = [generator.noises.get_buffer(f"noise_{i}") for i in range(generator.sizes.layers - 1)]
            layers = [generator.conv1, *generator.convs]
            self._input = generator.input.input.to(dtype)
            self._convolutions = [
                _Convolution.of(layer, noise, dtype) for layer, noise in zip(layers, noises, strict=True)
            ]
            self._to_rgbs = [_ToRGB.of(layer) for layer in (generator.to_rgb1, *generator.to_rgbs)]
        self._resolution = generator.sizes.resolution

    @torch.no_grad()
    def __call__(self, codes: Tensor, residual: Tensor | None = None) -> Tensor:
        """Generate pictures as `Generator.forward`.

        On a CPU, pictures are generated one by one: that takes as long, and less memory.

        Args:
            codes: float32 (N, L, D).
            residual: float32 (N, C, 16, 16), added to the input of convolution `FEATURE_CONVOLUTION`; None for 0.

        Returns:
            float32 (N, 3, R, R).
        """
        if not len(codes):
            return torch.zeros(0, 3, self._resolution, self._resolution, device=codes.device)
        with torch.autocast(codes.device.type, enabled=False):
            step = len(codes) if codes.device.type != "cpu" else 1
            parts = torch.split(codes, step)
            residuals = [None] * len(parts) if residual is None else list(torch.split(residual, step))
            return torch.cat([self._generate(*part) for part in zip(parts, residuals, strict=True)])

    @torch.no_grad()
    def features(self, codes: Tensor) -> Tensor:
        """Compute the input of convolution `FEATURE_CONVOLUTION`: float32 (N, C, 16, 16)."""
        with torch.autocast(codes.device.type, enabled=False):
            x = self._start(len(codes))
            for layer in range(FEATURE_CONVOLUTION):
                x = self._convolutions[layer](x, codes[:, layer])
            return x.float()

    def _start(self, count: int) -> Tensor:
        return self._input.repeat(count, 1, 1, 1).contiguous(memory_format=torch.channels_last)

    def _generate(self, codes: Tensor, residual: Tensor | None) -> Tensor:
        x = self._convolutions[0](self._start(len(codes)), codes[:, 0])
        picture = self._to_rgbs[0](x, codes[:, 1], None)
        for k, to_rgb in enumerate(self._to_rgbs[1:]):
            for layer in (2 * k + 1, 2 * k + 2):
                if layer == FEATURE_CONVOLUTION and residual is not None:
                    x.add_(residual)
                x = self._convolutions[layer](x, codes[:, layer])
            picture = to_rgb(x, codes[:, 2 * k + 3], picture)
        return picture
