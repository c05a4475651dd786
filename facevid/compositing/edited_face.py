"""The input and the result of compositing: an edited face and its place in the frame, mattes, and a patch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facevid.appearance.change import AppearanceChange
from facevid.appearance.local_regions import RegionStrengths
from facevid.video import Patch


@dataclass(frozen=True)
class EditedFace:
    """One face of one frame: either an appearance change of the plate, or a generated face that replaces it.

    Generated faces are float32 (S, S, 3) RGB, 0 to 255.

    Attributes:
        person: number of the person.
        size: side S of the crop in pixels.
        crop_to_frame: float64 (2, 3), affine map from pixel indices of the crop to pixel indices of the frame.
        landmarks: (84, 2) of the face in the plate, as pixel indices of the frame.
        change: the appearance change; None where `picture` replaces the face.
        picture: the generated face after the edit; None where `change` applies.
        reconstruction: the generated face before the edit; None where it is not needed.
        opacity: opacity of the generated face, 0 to 1.
        regions: factors of `opacity` in regions of the face; an appearance change contains its own.
        visibility: (V, V) in crop space, 1 where the face is visible, 0 where it is occluded; None where all of it is
            visible.
    """

    person: int
    size: int
    crop_to_frame: NDArray[np.float64]
    landmarks: NDArray[np.floating]
    change: AppearanceChange | None = None
    picture: NDArray[np.float32] | None = None
    reconstruction: NDArray[np.float32] | None = None
    opacity: float = 1.0
    regions: RegionStrengths = ()
    visibility: NDArray[np.generic] | None = None


@dataclass(frozen=True)
class FaceMattes:
    """Mattes that a user drew for one frame, float32 (H, W), 0 to 1, in square pixels.

    Attributes:
        mask: share of an edit that applies; None is all of it.
        holdout: share of the plate that is protected from edits; None is nothing.
    """

    mask: NDArray[np.float32] | None = None
    holdout: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class FacePatch(Patch):
    """The patch that composites a face into its frame.

    Attributes:
        motion: float32 (h, w, 2), offset in square pixels at which the plate was sampled for each pixel, before any
            matte; None for a generated face, which does not warp the plate.
    """

    motion: NDArray[np.float32] | None = None
