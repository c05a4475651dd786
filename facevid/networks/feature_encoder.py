"""A feature encoder: what of a face its W+ code cannot hold, as features added to the generator's own.

After the Feature-Style encoder (Yao et al., ECCV 2022), which sets a feature code beside W+ at a middle resolution of
the generator, and HFGI (Wang et al., CVPR 2022), which fits what a code misses to the edited face. Here both are one
network: it sees the picture, the face that the generator makes of its code, and the one it makes of the edited code,
and so can tell what the code missed from what the edit wants. How far the edit goes it could only guess from these: an
edit shows more on one face than on another. The change of the code tells it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.networks.shapes import Shapes, count_indexed, power_of_two, shape_at

GROUPS = 8
"""Of the group norms; all widths are multiples of it."""

USUAL_CHANGE = 0.04
"""Size of a number by which edits move a code, averaged over its layers: changes are divided by it."""


@dataclass(frozen=True)
class FeatureEncoderSizes:
    """Pixels of the picture across one feature; widths at that size and at half of it; channels of the generator there.

    `code_width`: numbers of each layer of a code.
    `shallow`, `deep`, `merged`: residual blocks before halving, at half the size, and after.
    """

    patch: int = 4
    width: int = 96
    deep_width: int = 128
    channels: int = 96
    code_width: int = 128
    shallow: int = 2
    deep: int = 3
    merged: int = 1


def feature_encoder_sizes(shapes: Shapes) -> FeatureEncoderSizes:
    """Read the sizes off a state dict. Raises ValueError where they make no feature encoder."""
    width, inputs = shape_at(shapes, "from_pictures.weight", 4)[:2]
    deep_width = shape_at(shapes, "down.weight", 4)[0]
    if width % GROUPS or deep_width % GROUPS:
        raise ValueError(f"its widths are {width} and {deep_width}; multiples of {GROUPS} are expected")
    shallow, deep, merged = (
        count_indexed(shapes, rf"{part}\.(\d+)\.first\.weight", limit=32) for part in ("shallow", "deep", "merged")
    )
    return FeatureEncoderSizes(
        patch=power_of_two(math.isqrt(inputs // 9), "the picture's pixels across one feature", 64),
        width=width,
        deep_width=deep_width,
        channels=shape_at(shapes, "to_features.weight", 4)[0],
        code_width=shape_at(shapes, "from_change.weight", 2)[1],
        shallow=shallow,
        deep=deep,
        merged=merged,
    )


class FeatureEncoder(nn.Module):
    """Pictures, and what the generator makes of their codes before and after an edit, to features for the generator."""

    def __init__(self, sizes: FeatureEncoderSizes) -> None:
        super().__init__()
        self.sizes = sizes
        width, deep_width = sizes.width, sizes.deep_width
        self.from_pictures = nn.Conv2d(9 * sizes.patch**2, width, 1)
        self.from_change = nn.Linear(sizes.code_width, width, bias=False)
        self.shallow = nn.Sequential(*(_Block(width) for _ in range(sizes.shallow)))
        self.down = nn.Conv2d(4 * width, deep_width, 1)
        self.deep = nn.Sequential(*(_Block(deep_width) for _ in range(sizes.deep)))
        self.up = nn.Conv2d(deep_width, width, 1)
        self.merged = nn.Sequential(*(_Block(width) for _ in range(sizes.merged)))
        self.to_features = nn.Conv2d(width, sizes.channels, 1)
        _fill_with_zeros(self.from_change)
        _fill_with_zeros(self.to_features)  # so that training begins with the generator's own faces

    def forward(self, pictures: Tensor, before: Tensor, after: Tensor, change: Tensor) -> Tensor:
        """Look at pictures and at faces generated of their codes, before and after the edit.

        Args:
            pictures, before, after: (N, 3, R, R), RGB in [-1, 1]. For a reconstruction, `after` is `before`.
            change: how far the edit moves the codes, (N, L, D); their layers are averaged.

        Returns:
            (N, C, R / patch, R / patch), for `Generator.forward` of the edited code.
        """
        x = F.pixel_unshuffle(torch.cat([pictures, before, after], dim=1), self.sizes.patch)
        moved = self.from_change(change.mean(dim=1) / USUAL_CHANGE)[..., None, None]
        x = self.shallow(self.from_pictures(x.contiguous(memory_format=torch.channels_last)) + moved)
        halved = self.deep(self.down(F.pixel_unshuffle(x, 2)))
        x = self.merged(x + F.interpolate(self.up(halved), scale_factor=2, mode="bilinear"))
        features: Tensor = self.to_features(x)
        return features


class _Block(nn.Module):
    """A residual block that begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        _fill_with_zeros(self.second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(F.silu(self.first(F.silu(self.norm(x)))))
        return x + y


def _fill_with_zeros(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
