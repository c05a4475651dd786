"""What the trainings that make pictures of faces have in common: how like they are to those they should be."""

from functools import cached_property

import torch
from torch import Tensor

from facevid.faces.dlib_detector import weights_path
from facevid.training.augmentation import Batch, cover, weight_map
from facevid.training.descriptor import DescriptorNetwork
from facevid.training.picture_losses import feature_loss, gradient_loss, pixel_loss
from facevid.training.picture_training import PictureTraining
from facevid.training.recipe import ReconstructionRecipe
from facevid.training.samples import oval_psnr


class ReconstructionTraining(PictureTraining):
    """One training; the last of its rows shows reconstructions."""

    recipe: ReconstructionRecipe

    @cached_property
    def weights(self) -> Tensor:
        """Weigh the pixels of a crop, float32 (1, 1, side, side)."""
        return weight_map(self.recipe, self.side, self.compute.device)

    @cached_property
    def _descriptor(self) -> DescriptorNetwork:
        network = DescriptorNetwork(weights_path("dlib_face_recognition_resnet_model_v1.dat"))
        return network.to(self.device)

    def picture_losses(self, made: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare pictures with those they should be: by pixels, gradients, identity and dlib's features.

        Raises:
            ModelError: dlib's weights are missing.
        """
        weights = self.weights * batch.mask
        count = max(round(len(made) * self.recipe.judged), 1)
        first = int(torch.randint(len(made) - count + 1, (), generator=self.random, device=self.device))
        judged = slice(first, first + count)
        with self.autocast():
            descriptors, seen = self._descriptor(cover(made[judged], batch.mask[judged]))
            with torch.no_grad():
                wanted, to_see = self._descriptor(batch.pictures[judged])
        return {
            "pixel": pixel_loss(made, batch.pictures, weights),
            "gradient": gradient_loss(made, batch.pictures, weights),
            "identity": (descriptors - wanted).square().sum(dim=1).add(1e-6).sqrt().mean(),
            "perceptual": feature_loss(seen, to_see),
        }

    def judge(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Compare pictures to their reconstructions."""
        return {"held-out dB": oval_psnr(pictures, rows[-1].clamp(-1, 1))}
