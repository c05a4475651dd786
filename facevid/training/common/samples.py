"""Sample images of a training run, and the PSNR of reconstructions."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from facevid.errors import OutputError
from facevid.training.common.augmentation import FACE_OVAL

COLUMNS = 12
"""Number of pictures in a row of a sample image."""


def write_rows(path: Path, rows: Sequence[Tensor]) -> None:
    """Write a sample image.

    Args:
        path: the image file.
        rows: pictures of each row, (N, 3, R, R), RGB in [-1, 1]; only the first `COLUMNS` are used.

    Raises:
        OutputError: the file cannot be written.
    """
    grid = torch.cat([torch.cat(list(row[:COLUMNS].clamp(-1, 1)), dim=2) for row in rows], dim=1)
    image = ((grid + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    if not cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1])):
        raise OutputError(f"{path}: cannot be written; check free space and permissions")


def oval_psnr(pictures: Tensor, reconstructions: Tensor) -> float:
    """Return the PSNR inside the face oval of FFHQ crops, in dB, averaged over pictures.

    Args:
        pictures: (N, 3, R, R), in [-1, 1].
        reconstructions: of the same shape, in [-1, 1].
    """
    side = pictures.shape[-1]
    x, y, half_width, half_height = FACE_OVAL
    centres = (torch.arange(side, device=pictures.device) + 0.5) / side
    inside = ((centres - x) / half_width).square()[None] + ((centres - y) / half_height).square()[:, None] < 1
    error = ((pictures - reconstructions) / 2).square().mean(dim=1)[:, inside].mean(dim=1)
    return float((-10 * error.clamp(min=1e-10).log10()).mean())
