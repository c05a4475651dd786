"""Generating the faces of a track, with all its edits, some, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.encoded import EncodedTrack
from facevid.latents.attributes import parse_attribute
from facevid.latents.smoothing import smooth_codes
from facevid.models import FaceModel

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
    def moving(self) -> Strengths:
        """Those of the edits that move the face's landmarks."""
        return [each for each in self.strengths if parse_attribute(each[0]).moves]


@dataclass(frozen=True)
class TrackFaces:
    """The faces of some frames of a track.

    Attributes:
        model: generates them.
        offsets: of the frames in the track, ascending, (K,).
        codes: smoothed over time, float32 (K, L, D).
    """

    model: FaceModel
    offsets: NDArray[np.intp]
    codes: Tensor

    def generate(self, strengths: Strengths) -> NDArray[np.float32]:
        """Generate the faces with these edits, float32 (K, R, R, 3) RGB, 0 to 255."""
        edited = self.codes
        for attribute, values in strengths:
            edited = self.model.edit(edited, {attribute: values[self.offsets]})
        scaled = ((self.model.generate(edited) + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).contiguous()
        return scaled.cpu().numpy()


def faces_of(encoded: EncodedTrack, model: FaceModel, sigma: float, offsets: NDArray[np.intp]) -> TrackFaces:
    """Prepare the faces of some of a track's frames, their codes smoothed by a Gaussian of `sigma` frames."""
    first, last = int(offsets[0]), int(offsets[-1])
    codes = smooth_codes(encoded.codes, sigma, first, last + 1, _trust(encoded))[offsets - first]
    return TrackFaces(model, offsets, torch.from_numpy(codes.astype(np.float32, copy=False)))


def _trust(encoded: EncodedTrack) -> NDArray[np.float32]:
    """Weigh the frames' codes, float32 (N,), by how well the face was seen."""
    return np.maximum(encoded.presence * encoded.track.detected, DOUBTFUL)
