"""Training features on edited faces: no picture shows what they should be, but a discriminator knows faces.

Brought back from altered pictures alone, a face is drawn as the mean of all that it might be where an edit makes
something new: teeth, glasses, a beard come out blurred. Here the model's editors edit, and a discriminator
(`facevid.training.discriminator`) tells the result from photographs.
"""

from dataclasses import fields

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.errors import ModelError, UsageError
from facevid.models.model import FaceModel
from facevid.training.augmentation import Batch, cover
from facevid.training.discriminator import Discriminator, adversarial_loss, discriminator_loss
from facevid.training.feature_training import EditedFaces, FeatureTraining
from facevid.training.recipe import AdversarialRecipe
from facevid.training.run import Compute
from facevid.training.samples import COLUMNS

SQUARE = 4
"""Side of the squares over which the anchor averages, in pixels."""


class AdversarialTraining(FeatureTraining):
    """Trains a feature encoder and a discriminator against each other."""

    stage = "sharper features"
    recipe: AdversarialRecipe

    def __init__(self, recipe: AdversarialRecipe, compute: Compute, model: FaceModel) -> None:
        super().__init__(recipe, compute, model)
        if model.features is None:
            raise ModelError(f"{model.name}: has no features yet; train them without a discriminator first")
        self._anchor, self._model = model.features, model
        self._edits = [edit for edit in recipe.edits if _has(model, edit[0])]
        if not self._edits:
            raise ModelError(f"{model.name}: has no editors; train and import them first")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(compute.seed)
            self._discriminator = Discriminator().to(compute.device)
        self._teacher = torch.optim.Adam(
            self._discriminator.parameters(), lr=recipe.discriminator_rate, betas=(0.0, 0.99)
        )
        self.modules["discriminator"] = self._discriminator
        self.optimizers["discriminator_optimizer"] = self._teacher

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Bring some faces back, edit the others, and teach the discriminator on both."""
        count = round(len(batch.pictures) * self.recipe.edited)
        edited = self._drawn_edits(batch[:count].pictures)
        restored = self.altered(batch[count:])
        made = self.generate(self.features, _joined(edited, restored))
        with torch.no_grad():
            anchor = self.generate(self._anchor, edited)
        distance = made[:count] - anchor
        return self.picture_losses(made[count:], batch[count:]) | {
            "anchor": F.avg_pool2d(distance, SQUARE).abs().mean() + self.recipe.finest * distance.abs().mean(),
            "adversarial": self._judged(cover(made, batch.mask), batch),
        }

    def rows(self, pictures: Tensor) -> list[Tensor]:
        """Show what the codes alone give, a row for each edit, and the reconstruction."""
        generated, reconstruction = super().rows(pictures)
        shown = pictures[:COLUMNS]
        codes = self.encode(shown)
        edits = [self.edited(shown, codes, self._model.edit(codes, {name: size})) for name, size, _ in self._edits]
        return [generated, *(self.generate(self.average, faces) for faces in edits), reconstruction]

    @torch.no_grad()
    def _drawn_edits(self, pictures: Tensor) -> EditedFaces:
        """Edit each face by one attribute, drawn at random."""
        codes = self.encode(pictures)
        count, device = len(codes), self.device
        often = torch.tensor([times for *_, times in self._edits], device=device)
        chosen = torch.multinomial(often, count, replacement=True, generator=self.random)
        least, most = self.recipe.spread
        sizes = least + (most - least) * torch.rand(count, device=device, generator=self.random)
        edited = codes
        for number, (attribute, strength, _) in enumerate(self._edits):
            own = chosen == number
            edited = self._model.edit(edited, {attribute: (own * sizes * strength).cpu().numpy()})
        return self.edited(pictures, codes, edited)

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


def _joined(*parts: EditedFaces) -> EditedFaces:
    return EditedFaces(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(EditedFaces)))


def _has(model: FaceModel, attribute: str) -> bool:
    try:
        model.editor(attribute)
    except UsageError:
        return False
    return True
