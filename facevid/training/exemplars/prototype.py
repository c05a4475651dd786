"""What an edit makes of any face, drawn once, for the shape of a mean face, and how it is brought to others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.matte import OUTER_LIPS, filled
from facevid.compositing.warp import landmark_warp, warped
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.latents.attributes import attribute_of
from facevid.training.augmentation import Batch, mean_light, oval_mask, to_light
from facevid.training.face_data import FaceData

DARKEST = 0.03
"""Least light that is divided by, of 1."""
CHEEKS = ((0.35, 0.60, 0.06, 0.05), (0.65, 0.60, 0.06, 0.05))
"""Ovals in an FFHQ crop: centre and half axes, in shares of its side."""
AT_LEAST = 256
"""Side in pixels at which landmarks are placed."""
STILL = [*range(27, 31), 36, 39, 42, 45]
"""Landmarks that no expression moves: the bridge of the nose, and the corners of the eyes."""
SKIN = 0.75
"""The power of the light on their cheeks that the light on faces goes with."""
BELOW_EYES = [*range(1, 16), 46, 47, 42, 39, 40, 41]
"""Landmarks around what an expression of the mouth changes."""
AROUND_LIPS = 0.03
"""How far what is next to a mouth reaches, as a share of the side."""
LOWER_EDGE = 0.016
"""Standard deviation of the edges of both, as a share of the side."""
EVEN = 0.08
"""Standard deviation, as a share of the side, above which differences are left out."""
AROUND = 0.045
"""Standard deviation of what is around a spot of skin, as a share of the side."""
FOREHEAD = 0.45
"""How far above the brows faces are compared, in distances from brows to the base of the nose."""


class Exemplars(Protocol):
    """Knows what an edit should make of a face."""

    def put_on(self, faces: Batch, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Show faces as edits of these strengths, (N,), should make them.

        Returns:
            float32 (N, 3, R, R), RGB in [-1, 1]; and where that is told, (N, 1, R, R): 1 there, 0 elsewhere.
        """
        ...


FindExemplars = Callable[[FaceData, int], Exemplars | None]
"""Finds what so many of the faces have; None where none has it."""


@dataclass(frozen=True)
class Prototype:
    """One change for all faces.

    Attributes:
        change: float32 (R, R), the logarithm of how many times lighter an edit of strength 1 makes a face.
        region: float32 (R, R), 1 where it shows, falling smoothly to 0.
        landmarks: float32 (68, 2) of the face that these are drawn for, as indices of pixels.
        predictor: places landmarks.
        carriers: numbers of the landmarks that they move with.
        shift: float32 (68, 2), how far such an edit moves the landmarks; None if it does not.
        told: float32 (R, R), where it is told most exactly; None for all of the region.
    """

    change: NDArray[np.float32]
    region: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    predictor: LandmarkPredictor
    carriers: Sequence[int] = range(68)
    shift: NDArray[np.float32] | None = None
    told: NDArray[np.float32] | None = None

    def put_on(self, faces: Batch, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Move each face's landmarks, and bring the change to where they are then.

        What a face lacks cannot be taken from it: of strengths below 0, it gets no lighter than it is around.
        """
        light = (faces.pictures + 1) / 2
        targets = placed(self.predictor, light)
        if self.shift is not None:
            before, targets = targets, targets + column(strengths) * self.shift
            light = moved(light, before, targets)
        told = self.region if self.told is None else self.told
        drawn, carriers = np.dstack([self.change, self.region, told]), [*self.carriers]
        warps = (landmark_warp(each, self.landmarks[carriers], len(drawn)) for each in targets[:, carriers])
        brought = torch.from_numpy(np.stack([warped(drawn, warp) for warp in warps])).permute(0, 3, 1, 2)
        change, region, where = brought.to(light.device).split(1, dim=1)
        shown = lightened(light, (change * region.clamp(0, 1)).exp(), strengths)
        where, less = where.clamp(0, 1), strengths < 0
        if less.any():
            around = _around(light[less], where[less])
            shown[less] = torch.maximum(light[less] * 2 - 1, torch.minimum(shown[less], around * 2 - 1))
        return shown, where


def lightened(light: Tensor, gains: Tensor, strengths: Tensor) -> Tensor:
    """Make faces (N, 3, R, R) in [0, 1] as many times lighter, to the power of the strengths (N,): RGB in [-1, 1]."""
    return (light * gains ** strengths[:, None, None, None] * 2 - 1).clamp(-1, 1)


@dataclass(frozen=True)
class Faces:
    """Faces of one kind: uint8 (N, 3, R, R), and their landmarks, float32 (N, 68, 2) as indices of pixels."""

    pictures: Tensor
    landmarks: NDArray[np.float32]

    def only(self, rows: NDArray[np.intp]) -> "Faces":
        """Take some of them."""
        return Faces(self.pictures[torch.from_numpy(rows).to(self.pictures.device)], self.landmarks[rows])


@dataclass(frozen=True)
class MeanDifference:
    """How faces that have something differ from others, on average.

    After the prototypes of Burt and Perrett (Proceedings of the Royal Society B, 1995): brought to one shape and
    averaged, faces lose what is a person's own, and keep what they share.

    Attributes:
        light: float32 (R, R), the logarithm of how many times lighter they are where landmarks are the same.
        landmarks: float32 (68, 2) of the mean face, as indices of pixels.
        shift: float32 (68, 2), how far landmarks are from those of others if the bridge of the nose and the corners of
            the eyes are in the same places.
    """

    light: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    shift: NDArray[np.float32]


def pairs_of_kinds(
    data: FaceData,
    attribute: str,
    count: int,
    kinds: Sequence[Mapping[str, bool]],
    predictor: LandmarkPredictor,
) -> list[tuple[Faces, Faces]]:
    """Find faces with an attribute and without, of each kind.

    Args:
        data: the faces; only those that show the whole crop are taken.
        attribute: by its everyday name.
        count: most faces of each kind, with it and without.
        kinds: what faces are to have or lack beside, if that is known, so that they differ in the attribute alone.
        predictor: places landmarks.
    """
    pairs = []
    for kind in kinds:
        others = [known_to_have(data.labels, name, has=not each) for name, each in kind.items()]
        of_kind = whole(data.corners) & ~torch.stack(others).any(dim=0)
        rows = [of_kind & known_to_have(data.labels, attribute, has=has) for has in (True, False)]
        having, lacking = (data.pictures[each][:count] for each in rows)
        pairs.append((_seen(having, predictor), _seen(lacking, predictor)))
    return pairs


def mean_difference(pairs: Sequence[tuple[Faces, Faces]]) -> MeanDifference | None:
    """Compare faces that have something to those that lack it; average over all pairs that have any; None without."""
    pairs = [pair for pair in pairs if all(len(faces.pictures) for faces in pair)]
    if not pairs:
        return None
    landmarks = np.concatenate([faces.landmarks for pair in pairs for faces in pair]).mean(axis=0)
    light, shifts = [], []
    for having, lacking in pairs:
        light.append(_mean_light(having, landmarks) - _mean_light(lacking, landmarks))
        shifts.append(landmark_shift(having.landmarks.mean(axis=0), lacking.landmarks.mean(axis=0)))
    return MeanDifference(np.mean(light, axis=0), landmarks, np.mean(shifts, axis=0))


def lower_face(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw a face below its eyes, (side, side), with a soft edge."""
    return cv2.GaussianBlur(filled(landmarks[BELOW_EYES], side), (0, 0), LOWER_EDGE * side)


def around_mouth(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Draw the mouth and what is next to it, (side, side), with a soft edge."""
    reach = 2 * round(AROUND_LIPS * side) + 1
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    lips = cv2.dilate(filled(cv2.convexHull(landmarks[OUTER_LIPS])[:, 0], side), around)
    return cv2.GaussianBlur(lips, (0, 0), LOWER_EDGE * side)


def without_broad_light(change: NDArray[np.float32], region: NDArray[np.float32]) -> NDArray[np.float32]:
    """Leave out of a change (R, R) what is the same over much of its region: that is how faces were lit."""
    sigma, weights = EVEN * len(change), region + 1e-3
    broad = cv2.GaussianBlur(change * weights, (0, 0), sigma) / cv2.GaussianBlur(weights, (0, 0), sigma)
    return np.asarray(change - broad, np.float32)


def placed(predictor: LandmarkPredictor, light: Tensor) -> NDArray[np.float32]:
    """Place the landmarks of faces (N, 3, R, R) in [0, 1]: (N, 68, 2) as indices of pixels."""
    faces = (light * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    side = light.shape[-1]
    large = max(AT_LEAST, side)
    larger = [np.asarray(cv2.resize(face, (large, large)), np.uint8) for face in faces]
    points = np.zeros((len(larger), 68, 2), np.float32)
    for row, face in zip(points, larger, strict=True):
        row[:] = predictor.place_in_crop(face)
    return (points + 0.5) * np.float32(side / large) - 0.5


def light_of_cheeks(light: Tensor) -> Tensor:
    """Average the light on the cheeks of faces, (N, 3, R, R) in [0, 1]: (N, 3, 1, 1), a little above 0 at the least."""
    left, right = (oval_mask(cheek, light.shape[-1], str(light.device)) for cheek in CHEEKS)
    return mean_light(light + DARKEST, (left + right)[None, None])


def light_on(light: Tensor) -> Tensor:
    """Guess the light on faces, (N, 3, 1, 1), of what all have alike: cheeks tell, but dark skin is dark in any."""
    return light_of_cheeks(light) ** SKIN


def known_to_have(labels: Tensor, attribute: str, *, has: bool = True) -> Tensor:
    """Tell which faces' labels, (N, 40), say that they have an attribute, or lack it."""
    meant = attribute_of(attribute)
    assert meant.index is not None
    return labels[:, meant.index] == int((meant.sign > 0) == has)


def whole(corners: Tensor) -> Tensor:
    """Tell which pictures, by their corners, (N, 4, 2), show all of the crop: bool (N,)."""
    return (corners < 0).any(dim=2).any(dim=1)


def column(strengths: Tensor) -> NDArray[np.float32]:
    """Turn strengths, (N,), into what landmarks can be multiplied by."""
    return np.asarray(strengths.cpu().numpy()[:, None, None], np.float32)


def _seen(pictures: Tensor, predictor: LandmarkPredictor) -> Faces:
    return Faces(pictures, placed(predictor, to_light(pictures)))


def _mean_light(faces: Faces, target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring faces to the target's landmarks, and average the logarithm of their light."""
    grey = (to_light(faces.pictures).mean(dim=1) + DARKEST).log().cpu().numpy()
    warps = (landmark_warp(target, own, grey.shape[-1]) for own in faces.landmarks)
    return np.mean([warped(face, warp) for face, warp in zip(grey, warps, strict=True)], axis=0)


def landmark_shift(landmarks: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring landmarks to others by what does not move in a face, and tell how far the rest is off."""
    similarity, _ = cv2.estimateAffinePartial2D(landmarks[STILL], others[STILL], method=cv2.LMEDS)
    return cv2.transform(landmarks[None], similarity)[0] - others


def moved(light: Tensor, before: NDArray[np.float32], after: NDArray[np.float32]) -> Tensor:
    """Move faces (N, 3, R, R) so that landmarks go from the ones to the others."""
    pictures = light.permute(0, 2, 3, 1).cpu().numpy()
    warps = (landmark_warp(*each, pictures.shape[1]) for each in zip(after, before, strict=True))
    moved = np.stack([warped(picture, warp) for picture, warp in zip(pictures, warps, strict=True)])
    return torch.from_numpy(moved).permute(0, 3, 1, 2).to(light.device).clamp(0, 1)


def _around(pictures: Tensor, weights: Tensor) -> Tensor:
    """Average pictures (N, 3, R, R) around each pixel over where the weights, (N, 1, R, R), are."""
    sigma = AROUND * pictures.shape[-1]
    total, weight = (_blurred(each, sigma) for each in (pictures * weights, weights))
    return total / weight.clamp(min=1e-3)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    planes = pictures.permute(0, 2, 3, 1).cpu().numpy()
    blurred = [cv2.GaussianBlur(plane, (0, 0), sigma).reshape(plane.shape) for plane in planes]
    return torch.from_numpy(np.stack(blurred)).permute(0, 3, 1, 2).to(pictures.device)
