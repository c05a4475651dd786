"""What is done to a track over time, and the codes and faces that come of it, edit by edit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.analysis.encoded import EncodedTrack
from facevid.edits.attributes import AttributeRequest, parse_attribute
from facevid.models import FaceModel
from facevid.rendering.temporal_smoothing import smooth_codes

DOUBTFUL = 1e-3
"""Weight, in that of a face that is seen well, of the code of one that is not: enough where there is no other near."""

Strengths = Sequence[tuple[str, NDArray[np.float32]]]
"""How far edits go in a track's frames, by the attribute's name as the user wrote it, in the order to apply, (N,) each.
"""


@dataclass(frozen=True)
class TrackEdit:
    """One track, and what is done to it over time.

    Attributes:
        encoded: the track's quads and codes.
        strengths: of all edits, in the track's N frames.
    """

    encoded: EncodedTrack
    strengths: Strengths

    @property
    def active(self) -> NDArray[np.bool_]:
        """Tell in which frames an edit acts, bool (N,); the others pass through untouched."""
        return np.any([values != 0 for _, values in self.strengths], axis=0)

    @property
    def requests(self) -> list[AttributeRequest]:
        """What each edit asks for."""
        return [parse_attribute(name) for name, _ in self.strengths]


def steps_of(edit: TrackEdit, model: FaceModel, sigma: float, offsets: NDArray[np.intp]) -> list[Tensor]:
    """Edit the codes of some of a track's frames, one attribute after another.

    Args:
        edit: the track and its edits.
        model: made the codes.
        sigma: of the Gaussian over time that codes are smoothed with, in frames.
        offsets: of the frames in the track, ascending, (K,).

    Returns:
        one more than there are edits: float32 (K, L, D) before any, after the first, and so on.
    """
    first, last = int(offsets[0]), int(offsets[-1])
    trust = np.maximum(edit.encoded.edit_weights * edit.encoded.track.detected, DOUBTFUL)
    codes = smooth_codes(edit.encoded.codes, sigma, first, last + 1, trust)[offsets - first]
    steps = [torch.from_numpy(codes.astype(np.float32, copy=False))]
    for attribute, values in edit.strengths:
        steps.append(model.edit(steps[-1], {attribute: values[offsets]}))
    return steps


def generated(model: FaceModel, codes: Tensor) -> NDArray[np.float32]:
    """Generate faces, float32 (K, R, R, 3) RGB, 0 to 255."""
    scaled = ((model.generate(codes) + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).contiguous()
    return scaled.cpu().numpy()
