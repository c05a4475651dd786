"""The appearances of the faces that an appearance model is fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.appearance import bands
from facevid.appearance.mean_face import MIRROR
from facevid.appearance.measure import CROP_SIDE, Appearance, lab_of, measure
from facevid.errors import NoFaceError
from facevid.faces.mesh.detector import MeshPredictor
from facevid.training.appearance.picture_sets import MIN_NATIVE_SIZE, PictureSet, read_pictures
from facevid.utils.progress import Progress

MIN_FACES = 2
"""Smallest number of training faces: with fewer, the variance is 0."""

DETAIL_SIDE = 144
"""Side of the mean detail, in pixels: half that of the window, because averaging removes finer detail."""


@dataclass(frozen=True)
class Faces:
    """Appearances of N faces.

    Attributes:
        shapes: float32 (N, 84, 2), offsets of the landmarks from the mean face.
        colours: float32 (N, COLOUR_SIDE, COLOUR_SIDE, 3), CIELAB.
        energies: float32 (N, bands.COUNT, ENERGY_SIDE, ENERGY_SIDE), log energies of the octave bands.
        held_out: bool (N,), faces excluded from fitting.
        files: file name of each picture.
        detail: float32 (bands.COUNT, DETAIL_SIDE, DETAIL_SIDE), normalised bands, averaged over the training faces.
    """

    shapes: NDArray[np.float32]
    colours: NDArray[np.float32]
    energies: NDArray[np.float32]
    held_out: NDArray[np.bool_]
    files: tuple[str, ...]
    detail: NDArray[np.float32]


def measure_faces(picture_sets: Sequence[PictureSet], progress: Progress) -> Faces:
    """Measure the appearance of every face of all sets."""
    held_out = np.concatenate([each.held_out for each in picture_sets])
    if (~held_out).sum() < MIN_FACES:
        paths = ", ".join(str(each.path) for each in picture_sets)
        raise NoFaceError(
            f"{paths}: {int((~held_out).sum())} training faces of {MIN_NATIVE_SIZE} px or more, "
            f"but at least {MIN_FACES} are needed; add pictures"
        )
    appearances: list[Appearance] = []
    files: list[str] = []
    detail = np.zeros((bands.COUNT, DETAIL_SIDE, DETAIL_SIDE))
    predictor = MeshPredictor()
    for name, picture in progress("measure", read_pictures(picture_sets), len(held_out)):
        (landmarks,), scaled = predictor.place_in_crops(picture[None]), picture.astype(np.float32) / np.float32(255)
        if not held_out[len(files)]:
            detail += _normalised_bands(lab_of(scaled, landmarks)[..., 0])
        appearances.append(measure(scaled, landmarks))
        files.append(name)
    return Faces(
        np.stack([each.shape for each in appearances]),
        np.stack([each.colour for each in appearances]),
        np.stack([each.energies for each in appearances]),
        held_out,
        tuple(files),
        (detail / (~held_out).sum()).astype(np.float32),
    )


def with_mirror_images(faces: Faces) -> Faces:
    """Append the mirror image of every face. Mean face and window are symmetric, so maps can be flipped."""
    return Faces(
        np.concatenate([faces.shapes, faces.shapes[:, MIRROR] * np.array([-1, 1], np.float32)]),
        np.concatenate([faces.colours, faces.colours[:, :, ::-1]]),
        np.concatenate([faces.energies, faces.energies[..., ::-1]]),
        np.concatenate([faces.held_out, faces.held_out]),
        faces.files * 2,
        ((faces.detail + faces.detail[..., ::-1]) / 2).astype(np.float32),
    )


def _normalised_bands(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Split the lightness of a face into octave bands, each divided by its local energy.

    Args:
        lightness: CIE lightness in the frame of the mean face, (S, S).

    Returns:
        float32 (bands.COUNT, DETAIL_SIDE, DETAIL_SIDE).
    """
    octaves, _ = bands.split(np.ascontiguousarray(lightness), CROP_SIDE)
    normalised = [band / bands.energy(band, i, CROP_SIDE) for i, band in enumerate(octaves)]
    size = (DETAIL_SIDE, DETAIL_SIDE)
    resized = [cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in normalised]
    return np.stack([np.asarray(band, np.float32) for band in resized])
