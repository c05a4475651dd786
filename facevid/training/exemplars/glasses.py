"""Glasses: what an edit takes away from those who wear them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.models.model import FaceModel
from facevid.training.augmentation import to_light
from facevid.training.exemplars.exemplar import DARKEST, ChosenExemplars, chosen, oval, wearers
from facevid.training.face_data import FaceData

REGION = (0.5, 0.472, 0.34, 0.13)
FINE, COARSE = 1.0, 4.0
"""Standard deviations, in pixels of a 128-px face, between which a rim is wide."""
LIGHTEST = 1.5
"""Most times that a reflection is lighter than the face."""
SHADE = 0.25
"""Least share of the light that a rim takes."""
AT_ONCE = 64


@torch.no_grad()
def find_glasses(model: FaceModel, data: FaceData, count: int) -> ChosenExemplars | None:
    """Find glasses with dark rims that darken little else, no sunglasses, on faces seen from the front."""
    all_wearers = wearers(data, "glasses")
    if not len(all_wearers):
        return None
    region = oval(REGION, all_wearers)
    scores = torch.cat([_rims((_light_kept(model, some) - 1) * region) for some in all_wearers.split(AT_ONCE)])
    best = all_wearers[scores.argsort(descending=True)[:count]]
    return chosen(model, best, _rims_alone(_light_kept(model, best)), lambda *_: region[0, 0].cpu().numpy())


def _light_kept(model: FaceModel, pictures: Tensor) -> Tensor:
    """Compare pictures with what the model makes of them without glasses."""
    faces = pictures.permute(0, 2, 3, 1)
    codes = model.encode(faces)
    without = model.generate_edited(faces, codes, model.edit(codes, {"glasses": -1.0}))
    return ((to_light(pictures) + DARKEST) / ((without + 1) / 2 + DARKEST).clamp(min=DARKEST)).clamp(0, LIGHTEST)


def _rims_alone(ratios: Tensor) -> Tensor:
    """Leave out the colours, which a generated face has not quite right, and what darkens little, (K, 1, R, R)."""
    darker = 1 - ratios.mean(dim=1, keepdim=True)
    return 1 - ((darker - SHADE) / (1 - SHADE)).clamp(min=0)


def _rims(ratios: Tensor) -> Tensor:
    """Measure how much there is of rims that lie on their own mirror image, and how little of shade."""
    pixel = ratios.shape[-1] / 128
    grey = (ratios + ratios.flip(-1)).mean(dim=1, keepdim=True) / 2
    coarse = _blurred(grey, COARSE * pixel)
    rims = (_blurred(grey, FINE * pixel) - coarse).clamp(max=0)
    return rims.square().mean(dim=(1, 2, 3)).sqrt() - coarse.abs().mean(dim=(1, 2, 3))


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    reach = int(3 * sigma) + 1
    offsets = torch.arange(-reach, reach + 1, device=pictures.device) / sigma
    kernel = torch.softmax(-offsets.square() / 2, dim=0)
    across = F.conv2d(pictures, kernel.view(1, 1, 1, -1), padding=(0, reach))
    return F.conv2d(across, kernel.view(1, 1, -1, 1), padding=(reach, 0))
