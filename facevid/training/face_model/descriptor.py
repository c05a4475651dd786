"""dlib's face descriptor network in PyTorch, so that a training can follow its gradient: a loss of identity.

It is dlib's `anet`: a ResNet of 29 convolutions that gives 128 numbers, trained by Davis King (public domain, CC0).
Two faces whose descriptors are less than 0.6 apart are most likely one person's.
"""

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.errors import ModelError

CHIP = 150
"""Side of the network's input, in pixels."""
CHIP_IN_CROP = (0.5, 0.594, 0.363)
"""Centre and half side of dlib's chip (padding 0.25) in an FFHQ crop, in shares of the crop's side: the means over
FFHQ's faces, whose eyes and mouths FFHQ's alignment puts in one place."""
_MEAN = (122.782, 117.001, 104.298)
_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Width and blocks of each stage, and whether its first block halves the side."""


class DescriptorNetwork(nn.Module):
    """Faces to descriptors, with the numbers of dlib's file.

    Raises:
        ModelError: the file is not that network's.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.stem = _Convolution(3, 32, size=7, stride=2)
        blocks: list[nn.Module] = []
        inputs = 32
        for width, count, halved in _STAGES:
            blocks += [_Block(inputs if i == 0 else width, width, halved and i == 0) for i in range(count)]
            inputs = width
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Parameter(torch.empty(256, 128))
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])
        self._load(path)
        self.eval().requires_grad_(False)

    mean: Tensor

    def forward(self, crops: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Look at FFHQ crops (N, 3, R, R), RGB in [-1, 1].

        Returns:
            descriptors (N, 128), and the features after the first, second and third stage.
        """
        return self.describe(_chips(crops))

    def describe(self, chips: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Look at dlib's chips (N, 3, 150, 150), RGB in [-1, 1]."""
        x = ((chips + 1) * 127.5 - self.mean) / 256
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2)
        features = []
        ends = np.cumsum([count for _, count, _ in _STAGES]).tolist()[:3]
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number in ends:
                features.append(x)
        return x.float().mean(dim=(2, 3)) @ self.last, features

    def _load(self, path: Path) -> None:
        """Fill the layers from dlib's file, which holds them from the input on: each a name, its sizes, its numbers."""
        arrays = _arrays(path)
        layers = [layer for module in self.modules() if isinstance(module, _Convolution) for layer in module.parts()]
        layers.append([self.last])
        if len(arrays) != len(layers) or any(
            len(array) != sum(tensor.numel() for tensor in layer) for array, layer in zip(arrays, layers, strict=False)
        ):
            raise ModelError(f"{path}: not dlib's face recognition network; install face_recognition_models again")
        for array, layer in zip(arrays, layers, strict=True):
            values = torch.from_numpy(array.copy()).split([tensor.numel() for tensor in layer])
            for tensor, part in zip(layer, values, strict=True):
                tensor.data = part.reshape(tensor.shape)


class _Convolution(nn.Module):
    """A convolution followed by a scale and an offset of each channel, which is what batch norm became."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.gain = nn.Parameter(torch.empty(outputs, 1, 1))
        self.offset = nn.Parameter(torch.empty(outputs, 1, 1))
        self.stride = stride

    def parts(self) -> list[list[Tensor]]:
        """List the tensors of the two layers of dlib's file."""
        return [[self.weight, self.bias], [self.gain, self.offset]]

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2 if self.stride == 1 else 0
        weight, bias = self.weight * self.gain[..., None], self.bias * self.gain.flatten() + self.offset.flatten()
        return F.conv2d(x, weight, bias, self.stride, padding)


class _Block(nn.Module):
    """A residual block; where its sum's terms differ in size, dlib fills the smaller one up with zeros."""

    def __init__(self, inputs: int, outputs: int, halved: bool) -> None:
        super().__init__()
        self.first = _Convolution(inputs, outputs, stride=2 if halved else 1)
        self.second = _Convolution(outputs, outputs)
        self.halved = halved

    def forward(self, x: Tensor) -> Tensor:
        residual = self.second(F.relu(self.first(x)))
        shortcut = F.avg_pool2d(x, 2) if self.halved else x
        side = max(residual.shape[-1], shortcut.shape[-1])
        return F.relu(_filled(residual, side, residual.shape[1]) + _filled(shortcut, side, residual.shape[1]))


def _filled(x: Tensor, side: int, channels: int) -> Tensor:
    missing = side - x.shape[-1]
    return F.pad(x, (0, missing, 0, missing, 0, channels - x.shape[1]))


def _chips(crops: Tensor) -> Tensor:
    x, y, half = CHIP_IN_CROP
    theta = torch.tensor([[2 * half / 1.0, 0, 2 * x - 1], [0, 2 * half / 1.0, 2 * y - 1]], device=crops.device)
    grid = F.affine_grid(theta[None].expand(len(crops), -1, -1), [len(crops), 3, CHIP, CHIP], align_corners=False)
    return F.grid_sample(crops, grid.to(crops.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def _arrays(path: Path) -> list[np.ndarray]:
    """Read the numbers of every layer that has some. dlib writes an integer as its length in bytes, then its bytes."""
    content = path.read_bytes()
    arrays = []
    for found in re.finditer(rb"con_4|affine_|fc_2", content):
        start, sizes = found.end(), []
        for _ in range(7 if found.group() == b"fc_2" else 5):
            length = content[start] & 0x7F
            sizes.append(int.from_bytes(content[start + 1 : start + 1 + length], "little"))
            start += 1 + length
        count = int(np.prod(sizes[-4:]))
        if len(content) < start + 4 * count:
            raise ModelError(f"{path}: cut short; install face_recognition_models again")
        arrays.append(np.frombuffer(content, "<f4", count, start))
    return arrays
