"""Training features on edited faces: no picture shows what they should be, but a discriminator knows faces.

Brought back from altered pictures alone, a face is drawn as the mean of all that it might be where an edit makes
something new: teeth come out blurred. Here the model's editors edit, and a discriminator
(`facevid.training.discriminator`) tells the result from photographs.
"""

import torch
from torch import Tensor

from facevid.models.model import FaceModel
from facevid.training.augmentation import Batch, cover
from facevid.training.discriminator import Discriminator, adversarial_loss, discriminator_loss
from facevid.training.edit_training import DrawnEdits, EditTraining
from facevid.training.recipe import AdversarialRecipe
from facevid.training.run import Compute


class AdversarialTraining(EditTraining):
    """Trains a feature encoder and a discriminator against each other."""

    stage = "sharper features"
    recipe: AdversarialRecipe

    def __init__(self, recipe: AdversarialRecipe, compute: Compute, model: FaceModel) -> None:
        super().__init__(recipe, compute, model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(compute.seed)
            self._discriminator = Discriminator().to(compute.device)
        self._teacher = torch.optim.Adam(
            self._discriminator.parameters(), lr=recipe.discriminator_rate, betas=(0.0, 0.99)
        )
        self.modules["discriminator"] = self._discriminator
        self.optimizers["discriminator_optimizer"] = self._teacher

    def edit_losses(self, made: Tensor, batch: Batch, drawn: DrawnEdits) -> dict[str, Tensor]:
        """Teach the discriminator on all faces made, and ask it."""
        return {
            "anchor": self.anchor_loss(made[: len(drawn.anchor)] - drawn.anchor),
            "adversarial": self._judged(cover(made, batch.mask), batch),
        }

    def _judged(self, made: Tensor, batch: Batch) -> Tensor:
        """Teach the discriminator on faces made, float32 (N, 3, R, R), and then ask it."""
        weights = self.weights * batch.mask
        with self.autocast():
            photographed, generated = (self._discriminator(faces) for faces in (batch.pictures, made.detach()))
        self._teacher.zero_grad(set_to_none=True)
        discriminator_loss(photographed, generated, weights).backward()
        self._teacher.step()
        self._discriminator.requires_grad_(False)
        with self.autocast():
            loss = adversarial_loss(self._discriminator(made), weights)
        self._discriminator.requires_grad_(True)
        return loss
