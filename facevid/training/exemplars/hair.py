"""Colours of hair: that of the blond, and of the grey, beside the light on their faces."""

from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from facevid.compositing.hair import FLATTER
from facevid.training.augmentation import Batch, mean_light, to_light
from facevid.training.exemplars.hair_matte import HairMatte, learn_hair
from facevid.training.exemplars.prototype import DARKEST, known_to_have, light_on, lightened, whole
from facevid.training.face_data import FaceData

CANDIDATES = 500
"""Most faces that are looked at."""
LEAST_HAIR = 0.02
"""Share of a picture that is hair, below which its colour is not told."""
SURE = 0.95
"""How much of a pixel must be hair for its colour to be taken."""
LEAST_LIGHT = 1e-3
"""Least light that is divided by, of 1."""


@dataclass(frozen=True)
class HairColour:
    """Hair of one colour.

    Attributes:
        colour: (3, 1, 1), the light of such hair, in shares of that on the face.
        matte: tells where hair is.
    """

    colour: Tensor
    matte: HairMatte

    def put_on(self, faces: Batch, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Bring the hair of faces to that colour, and leave their own light and shade in it."""
        light = (faces.pictures + 1) / 2
        hair = self.matte(light) * faces.mask
        hair = hair * (hair.mean(dim=(2, 3), keepdim=True) > LEAST_HAIR)
        grey = light.mean(dim=1, keepdim=True) + DARKEST
        shade = (grey / mean_light(grey, hair).clamp(min=DARKEST)) ** (1 - FLATTER)
        dyed = (self.colour * light_on(light) * shade).clamp(max=1)
        mixed = light + hair * (dyed - light)
        return lightened(light.clamp(min=LEAST_LIGHT), mixed / light.clamp(min=LEAST_LIGHT), strengths), hair


def find_blond(data: FaceData, count: int) -> HairColour | None:
    """Average the colour of the `count` fairest of the blond."""
    return _find(data, "blond", count)


def find_gray(data: FaceData, count: int) -> HairColour | None:
    """Average the colour of the `count` whitest of the grey-haired."""
    return _find(data, "gray-hair", count)


def _find(data: FaceData, attribute: str, count: int) -> HairColour | None:
    having = data.pictures[whole(data.corners) & known_to_have(data.labels, attribute)][:CANDIDATES]
    matte = _learnt(data.pictures, data.labels, data.corners) if len(having) else None
    if matte is None:
        return None
    light = to_light(having)
    hair = (matte(light) >= SURE).float()
    colours = mean_light(light, hair) / light_on(light)
    colours = colours[hair.mean(dim=(1, 2, 3)) > LEAST_HAIR]
    if not len(colours):
        return None
    lightness = colours.mean(dim=1).flatten()
    return HairColour(colours[lightness.argsort(descending=True)[:count]].mean(dim=0), matte)


@lru_cache(maxsize=1)
def _learnt(pictures: Tensor, labels: Tensor, corners: Tensor) -> HairMatte | None:
    """Learn once for all colours where hair is."""
    rows = whole(corners) & (labels >= 0).any(dim=1)
    return learn_hair(pictures[rows], labels[rows])
