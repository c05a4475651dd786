"""Pictures of how far a training is, and how near they come."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from facevid.errors import OutputError
from facevid.training.common.augmentation import FACE

COLUMNS = 12


def write_rows(path: Path, rows: Sequence[Tensor]) -> None:
    """Write rows of pictures, each (N, 3, R, R) in [-1, 1], of which `COLUMNS` are shown. Raises OutputError."""
    grid = torch.cat([torch.cat(list(row[:COLUMNS].clamp(-1, 1)), dim=2) for row in rows], dim=1)
    image = ((grid + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    if not cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1])):
        raise OutputError(f"{path}: cannot be written; see to space and permissions")


def oval_psnr(pictures: Tensor, made: Tensor) -> float:
    """Return the mean PSNR in dB, of pictures in [-1, 1], inside the oval that holds a face in an FFHQ crop."""
    side = pictures.shape[-1]
    x, y, half_width, half_height = FACE
    centres = (torch.arange(side, device=pictures.device) + 0.5) / side
    inside = ((centres - x) / half_width).square()[None] + ((centres - y) / half_height).square()[:, None] < 1
    error = ((pictures - made) / 2).square().mean(dim=1)[:, inside].mean(dim=1)
    return float((-10 * error.clamp(min=1e-10).log10()).mean())
