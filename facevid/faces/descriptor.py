"""dlib's face descriptor network in PyTorch: five times as fast as in dlib, and differentiable.

The network is dlib's `anet`, a ResNet of 29 convolutions with 128 outputs, trained by Davis King (public domain, CC0).
If the descriptors of two faces are less than 0.6 apart, the faces most likely show the same person.
"""

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from facevid.errors import ModelError
from facevid.faces.dlib_detector import CHIP_SIDE, weights_path

WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
"""File of the network's weights in `face_recognition_models`."""

CHIP_IN_CROP = (0.5, 0.594, 0.363)
"""Centre x, centre y and half side of dlib's face chip (padding 0.25) in an FFHQ crop, as fractions of the crop's side.
Mean values over FFHQ; the chip hardly varies, because FFHQ alignment fixes the positions of eyes and mouth."""

_MEAN_RGB = (122.782, 117.001, 104.298)
"""Mean that dlib subtracts from the input, RGB, 0 to 255."""

_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Number of channels and blocks of each stage, and whether its first block halves the side."""

_LAYER_NAME = re.compile(rb"con_4|affine_|fc_2")
"""Beginning of the layers with weights in dlib's file."""

_FEATURE_STAGES = 3
"""Number of stages, from the first, whose outputs are returned as features."""


class DescriptorNetwork(nn.Module):
    """Maps faces to descriptors, with the weights of dlib's file. The weights are frozen.

    Args:
        path: dlib's file; None for the one that is installed with facevid.

    Raises:
        ModelError: the file is missing, or does not contain this network.
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self.stem = _Convolution(3, 32, size=7, stride=2)
        blocks: list[nn.Module] = []
        inputs = 32
        for width, count, halve in _STAGES:
            blocks += [_Block(inputs if i == 0 else width, width, halve and i == 0) for i in range(count)]
            inputs = width
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Parameter(torch.empty(256, 128))
        self.register_buffer("mean", torch.tensor(_MEAN_RGB)[:, None, None])
        self._load(path or weights_path(WEIGHTS))
        self.eval().requires_grad_(False)

    mean: Tensor

    def forward(self, crops: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Compute the descriptors of FFHQ crops (N, 3, R, R), RGB in [-1, 1].

        Returns:
            The descriptors (N, 128), and the features after the first, second and third stage.
        """
        return self.describe(_chips(crops))

    def describe(self, chips: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Compute the descriptors of dlib's face chips (N, 3, 150, 150), RGB in [-1, 1], as `forward` does."""
        x = ((chips + 1) * 127.5 - self.mean) / 256
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2)
        features = []
        stage_ends = np.cumsum([count for _, count, _ in _STAGES]).tolist()[:_FEATURE_STAGES]
        for block_count, block in enumerate(self.blocks, 1):
            x = block(x)
            if block_count in stage_ends:
                features.append(x)
        return x.float().mean(dim=(2, 3)) @ self.last, features

    def _load(self, path: Path) -> None:
        """Load the weights from dlib's file, which stores the layers in order, from the input to the output."""
        arrays = _read_arrays(path)
        convolutions = [module for module in self.modules() if isinstance(module, _Convolution)]
        counts = [count for each in convolutions for count in each.stored_counts()]
        if [len(array) for array in arrays] != [*counts, self.last.numel()]:
            raise ModelError(f"{path}: not dlib's face recognition network; reinstall face_recognition_models")
        for convolution, stored, normalisation in zip(convolutions, arrays[:-1:2], arrays[1:-1:2], strict=True):
            convolution.load(stored, normalisation)
        self.last.data = torch.from_numpy(arrays[-1].copy()).reshape(self.last.shape)


class _Convolution(nn.Module):
    """A convolution, with the gain and the offset that follow it: dlib's batch norm, converted for inference."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.stride = stride

    def stored_counts(self) -> tuple[int, int]:
        """Return the number of values of the two layers that dlib's file stores for this convolution."""
        return self.weight.numel() + self.bias.numel(), 2 * self.bias.numel()

    def load(self, stored: NDArray[np.float32], normalisation: NDArray[np.float32]) -> None:
        """Load weights and bias, and then gains and offsets, which are folded into them."""
        gain, offset = np.split(normalisation, 2)
        weight, bias = np.split(stored, [self.weight.numel()])
        scaled = weight.reshape(self.weight.shape) * gain[:, None, None, None]
        self.weight.data, self.bias.data = torch.from_numpy(scaled), torch.from_numpy(bias * gain + offset)

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2 if self.stride == 1 else 0
        return F.conv2d(x, self.weight, self.bias, self.stride, padding)


class _Block(nn.Module):
    """A residual block. If residual and shortcut differ in size, both are padded with zeros, as dlib does."""

    def __init__(self, inputs: int, outputs: int, halve: bool) -> None:
        super().__init__()
        self.first = _Convolution(inputs, outputs, stride=2 if halve else 1)
        self.second = _Convolution(outputs, outputs)
        self.halve = halve

    def forward(self, x: Tensor) -> Tensor:
        residual = self.second(F.relu(self.first(x)))
        shortcut = F.avg_pool2d(x, 2) if self.halve else x
        side = max(residual.shape[-1], shortcut.shape[-1])
        return F.relu(_zero_padded(residual, side, residual.shape[1]) + _zero_padded(shortcut, side, residual.shape[1]))


def _zero_padded(x: Tensor, side: int, channels: int) -> Tensor:
    """Pad features (N, C, S, S) with zeros at the right, at the bottom and behind the last channel."""
    missing = side - x.shape[-1]
    return F.pad(x, (0, missing, 0, missing, 0, channels - x.shape[1]))


def _chips(crops: Tensor) -> Tensor:
    """Cut dlib's face chips (N, 3, CHIP_SIDE, CHIP_SIDE) out of FFHQ crops (N, 3, R, R)."""
    x, y, half = CHIP_IN_CROP
    theta = torch.tensor([[2 * half, 0, 2 * x - 1], [0, 2 * half, 2 * y - 1]], device=crops.device)
    size = [len(crops), 3, CHIP_SIDE, CHIP_SIDE]
    grid = F.affine_grid(theta[None].expand(len(crops), -1, -1), size, align_corners=False)
    return F.grid_sample(crops, grid.to(crops.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def _read_arrays(path: Path) -> list[NDArray[np.float32]]:
    """Read the weights of each layer with weights from a file in dlib's serialisation format.

    A layer is stored as its name, several integers, the last four of which are the shape, and float32 numbers. An
    integer is stored as its length in bytes, followed by its bytes, least significant first.
    """
    content, position = path.read_bytes(), 0
    arrays: list[NDArray[np.float32]] = []
    while name := _LAYER_NAME.search(content, position):
        start, integers = name.end(), []
        for _ in range(7 if name.group() == b"fc_2" else 5):
            length = content[start] & 0x7F if start < len(content) else 0
            integers.append(int.from_bytes(content[start + 1 : start + 1 + length], "little"))
            start += 1 + length
        count = int(np.prod(integers[-4:]))
        position = start + 4 * count
        if len(content) < position:
            raise ModelError(f"{path}: the file is truncated; reinstall face_recognition_models")
        arrays.append(np.frombuffer(content, "<f4", count, start))
    return arrays
