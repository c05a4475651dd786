"""The codes and the generated faces of a track after each of its edits."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.analysis.encoded import EncodedTrack
from facevid.models import FaceModel
from facevid.rendering.temporal_smoothing import smooth_codes
from facevid.rendering.track_edit import TrackEdit

MIN_CODE_WEIGHT = 1e-3
"""Weight in temporal smoothing of the codes of occluded and undetected faces; a fully visible face has weight 1. Above
0, so that the weighted mean is defined where the face is occluded in all frames nearby."""


def edited_codes(edit: TrackEdit, model: FaceModel, sigma: float, offsets: NDArray[np.intp]) -> list[Tensor]:
    """Smooth the codes of some frames of a track, and apply its edits one after another.

    Args:
        edit: the track and its edits, E of them.
        model: the model that encoded the track.
        sigma: standard deviation, in frames, of the Gaussian that smooths codes over time.
        offsets: (K,) frames counted from the start of the track, ascending.

    Returns:
        E + 1 tensors, float32 (K, L, D): the codes before all edits, after the first, after the second, and so on.
    """
    codes = [smoothed_codes(edit.encoded, sigma, offsets)]
    for each in edit.edits:
        codes.append(model.edit(codes[-1], {each.attribute: each.strengths[offsets]}))
    return codes


def smoothed_codes(encoded: EncodedTrack, sigma: float, offsets: NDArray[np.intp]) -> Tensor:
    """Smooth the codes of some frames of a track: float32 (K, L, D). The arguments are those of `edited_codes`."""
    first, last = int(offsets[0]), int(offsets[-1])
    weights = np.maximum(encoded.edit_weights * encoded.track.detected, MIN_CODE_WEIGHT)
    smoothed = smooth_codes(encoded.codes, sigma, first, last + 1, weights)[offsets - first]
    return torch.from_numpy(smoothed.astype(np.float32, copy=False))


def generate_faces(model: FaceModel, codes: Tensor, residual: Tensor | None = None) -> NDArray[np.float32]:
    """Generate faces: float32 (K, R, R, 3) RGB, 0 to 255. The arguments are those of `FaceModel.generate`."""
    scaled = ((model.generate(codes, residual) + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).contiguous()
    return scaled.cpu().numpy()
