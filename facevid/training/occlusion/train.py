"""Training an occlusion network: on faces before which something was drawn, so that where it is is known."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.networks import OcclusionNetwork, OcclusionNetworkSizes
from facevid.networks.occlusion import INPUT_SIDE, OUTPUT_SIDE
from facevid.training.common.augmentation import FACE, Batch, oval_mask
from facevid.training.common.face_data import FaceData
from facevid.training.common.picture_training import PictureTraining
from facevid.training.common.recipe import OcclusionRecipe
from facevid.training.common.run import Compute, save_whole
from facevid.training.occlusion.occluders import drawn_before

OCCLUSION_FILE = "occlusion.pt"


def train_occlusion(
    data_folder: Path,
    out: Path,
    steps: int,
    *,
    recipe: OcclusionRecipe | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps are done in all, or `minutes` have passed; go on from the checkpoint in `out`.

    Writes into `out` what `train_face_model` does, with `occlusion.pt` in place of a model. The rows of the samples are
    held-out pictures, something before them, and what of that is found.

    Args:
        data_folder: holds the picture sets, of whole crops.

    Returns:
        the path of `occlusion.pt`.

    Raises:
        InputError: the pictures cannot be read.
        UsageError: the checkpoint in `out` was begun with another recipe or seed, or the training diverged.
    """
    training = OcclusionTraining(recipe or OcclusionRecipe(), compute or Compute())
    return training.train(data_folder, out, steps, minutes, None)


class OcclusionTraining(PictureTraining):
    """Trains an occlusion network.

    Attributes:
        network: what is trained.
        average: of it over the steps, which is what is kept in the end.
    """

    stage = "occlusion"
    recipe: OcclusionRecipe

    def __init__(self, recipe: OcclusionRecipe, compute: Compute) -> None:
        self.network, self.average = (_new_network(recipe, compute) for _ in range(2))
        self.average.eval().requires_grad_(False)
        super().__init__(
            recipe,
            compute,
            INPUT_SIDE,
            modules={"network": self.network, "average": self.average},
            averages=[(self.average, self.network)],
            rates=[(list(self.network.parameters()), recipe.rate)],
        )
        face = oval_mask(FACE, OUTPUT_SIDE, compute.device)[None, None]
        self._weights = recipe.outside + (1 - recipe.outside) * face

    def see(self, data: FaceData) -> FaceData:
        """Draw some faces more often."""
        return data.boosted(self.recipe.boosts)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Draw something before most faces, and look for it."""
        pictures, hidden = _occluded(batch.pictures, self.recipe.occluded, self.random)
        with self.autocast():
            logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        logits, weights = logits.float(), self._weights.expand_as(hidden)
        found = logits.sigmoid()
        both, either = ((each * weights).sum(dim=(1, 2, 3)) for each in (found * hidden, found + hidden))
        return {
            "entropy": (F.binary_cross_entropy_with_logits(logits, hidden, reduction="none") * weights).mean(),
            "overlap": (1 - (2 * both + 1) / (either + 1)).mean(),
        }

    def rows(self, pictures: Tensor) -> list[Tensor]:
        """Show pictures with something before each, and what of that is found and what there is, light on dark."""
        shown, hidden = _occluded(pictures, 1.0, torch.Generator(self.device).manual_seed(0))
        found = self.average(shown).sigmoid()
        masks = (
            F.interpolate(each, size=pictures.shape[-2:]).expand(-1, 3, -1, -1) * 2 - 1 for each in (found, hidden)
        )
        return [shown, *masks]

    def judge(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Measure the overlap of both masks inside the face."""
        face = oval_mask(FACE, pictures.shape[-1], self.compute.device) > 0.5
        found, hidden = ((row > 0).any(dim=1) & face for row in rows[-2:])
        return {"held-out overlap": float((found & hidden).sum() / (found | hidden).sum().clamp(min=1))}

    def write(self, folder: Path, step: int) -> Path:
        """Write the network."""
        state = {name: tensor.cpu().contiguous() for name, tensor in self.average.state_dict().items()}
        save_whole(folder / OCCLUSION_FILE, state)
        return folder / OCCLUSION_FILE


def _new_network(recipe: OcclusionRecipe, compute: Compute) -> OcclusionNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(compute.seed)
        network = OcclusionNetwork(OcclusionNetworkSizes(recipe.widths))
    return network.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _occluded(pictures: Tensor, share: float, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw something before a share of pictures (N, 3, SIDE, SIDE), each with another's hand, say.

    Returns:
        The pictures, and float32 (N, 1, OUTPUT_SIDE, OUTPUT_SIDE), how much of each pixel is hidden.
    """
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=random, device=random.device)))
    faces = ((pictures + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy()
    drawn = [
        drawn_before(rng, face, other, occluded=rng.random() < share)
        for face, other in zip(faces, np.roll(faces, 1, axis=0), strict=True)
    ]
    shown, hidden = (torch.from_numpy(np.stack(each)).to(pictures.device) for each in zip(*drawn, strict=True))
    return shown.permute(0, 3, 1, 2) / 127.5 - 1, F.interpolate(hidden[:, None], size=(OUTPUT_SIDE,) * 2, mode="area")
