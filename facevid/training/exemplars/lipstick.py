"""Lipstick: the colour of made-up lips beside that of the cheeks."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.compositing.matte import INNER_LIPS, OUTER_LIPS, filled
from facevid.faces.dlib_detector import LandmarkPredictor
from facevid.training.augmentation import Batch, mean_light, to_light
from facevid.training.exemplars.prototype import DARKEST, known_to_have, light_of_cheeks, lightened, placed, whole
from facevid.training.face_data import FaceData

CANDIDATES = 500
"""Most faces that are looked at."""
MOST = 2.5
"""Most times that lips get lighter in a colour."""


@dataclass(frozen=True)
class Lipstick:
    """Made-up lips.

    Attributes:
        colour: (3, 1, 1), of the lips, in shares of the cheeks'.
        predictor: places landmarks.
    """

    colour: Tensor
    predictor: LandmarkPredictor

    def put_on(self, faces: Batch, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Bring the lips of faces to that colour."""
        light = (faces.pictures + 1) / 2
        lips = _lips(self.predictor, light)
        own = _beside_cheeks(light, lips)
        gains = 1 + lips * ((self.colour / own).clamp(max=MOST) - 1)
        return lightened(light, gains, strengths), lips


def find_lipsticks(data: FaceData, count: int) -> Lipstick | None:
    """Find the reddest lips, and average their colour."""
    made_up = data.pictures[whole(data.corners) & known_to_have(data.labels, "lipstick")][:CANDIDATES]
    if not len(made_up):
        return None
    light, predictor = to_light(made_up), LandmarkPredictor()
    colours = _beside_cheeks(light, _lips(predictor, light))
    redness = (colours[:, 0] - colours[:, 1:].mean(dim=1)).flatten()
    return Lipstick(colours[redness.argsort(descending=True)[:count]].mean(dim=0), predictor)


def _beside_cheeks(light: Tensor, lips: Tensor) -> Tensor:
    return mean_light(light + DARKEST, lips) / light_of_cheeks(light)


def _lips(predictor: LandmarkPredictor, light: Tensor) -> Tensor:
    """Draw the lips of faces (N, 3, R, R) in [0, 1]: (N, 1, R, R)."""
    drawn = np.stack([_drawn(landmarks, light.shape[-1]) for landmarks in placed(predictor, light)])
    return torch.from_numpy(drawn[:, None]).to(light.device)


def _drawn(landmarks: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return np.maximum(filled(landmarks[OUTER_LIPS], side) - filled(landmarks[INNER_LIPS], side), 0)
