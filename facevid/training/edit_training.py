"""What the trainings of features on edited faces share: faces edited by the model's own editors, held by an anchor."""

from abc import abstractmethod
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.errors import ModelError, UsageError
from facevid.models.model import FaceModel
from facevid.training.augmentation import Batch
from facevid.training.feature_training import EditedFaces, FeatureTraining
from facevid.training.recipe import EditRecipe
from facevid.training.run import Compute
from facevid.training.samples import COLUMNS

SQUARE = 4
"""Side of the squares over which the anchor averages, in pixels."""


@dataclass(frozen=True)
class DrawnEdits:
    """Faces, each edited by one attribute or two.

    Attributes:
        faces: as a feature encoder sees them.
        strengths: (N,) of each attribute; 0 where a face is edited by others.
        anchor: what the features that the training began with make of them, float32 (N, 3, R, R).
    """

    faces: EditedFaces
    strengths: dict[str, Tensor]
    anchor: Tensor


class EditTraining(FeatureTraining):
    """Edits some faces of each batch, and brings the others back as `FeatureTraining` does."""

    recipe: EditRecipe

    def __init__(self, recipe: EditRecipe, compute: Compute, model: FaceModel) -> None:
        super().__init__(recipe, compute, model)
        if model.features is None:
            raise ModelError(f"{model.name}: has no features yet; train them on altered pictures first")
        self.model, self._anchor = model, model.features
        self._edits = [edit for edit in recipe.edits if has_editor(model, edit[0])]
        if not self._edits:
            raise ModelError(f"{model.name}: has no editors; train and import them first")

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Bring some faces back, and edit the others."""
        count = round(len(batch.pictures) * self.recipe.edited)
        drawn = self._drawn_edits(batch[:count].pictures)
        restored = self.altered(batch[count:])
        made = self.generate(self.features, _joined(drawn.faces, restored))
        return self.picture_losses(made[count:], batch[count:]) | self.edit_losses(made, batch, drawn)

    @abstractmethod
    def edit_losses(self, made: Tensor, batch: Batch, drawn: DrawnEdits) -> dict[str, Tensor]:
        """Judge faces made, float32 (N, 3, R, R), of which the first are edited."""

    def rows(self, pictures: Tensor) -> list[Tensor]:
        """Show what the codes alone give, a row for each edit, and the reconstruction."""
        generated, reconstruction = super().rows(pictures)
        shown = pictures[:COLUMNS]
        codes = self.encode(shown)
        edits = [self.edited(shown, codes, self.model.edit(codes, {name: size})) for name, size in self._edits]
        return [generated, *(self.generate(self.average, faces) for faces in edits), reconstruction]

    def anchor_loss(self, distance: Tensor) -> Tensor:
        """Measure how far edited faces are from the anchor, of the difference of the two."""
        return F.avg_pool2d(distance, SQUARE).abs().mean() + self.recipe.finest * distance.abs().mean()

    @torch.no_grad()
    def _drawn_edits(self, pictures: Tensor) -> DrawnEdits:
        codes = self.encode(pictures)
        count, device, times = len(codes), self.device, dict(self.recipe.often)
        often = torch.tensor([times.get(edit, 1.0) for edit in self._edits], device=device)
        most_edits = min(2, len(often))
        chosen = torch.multinomial(often.expand(count, -1), most_edits, generator=self.random)
        least, most = self.recipe.spread
        sizes = least + (most - least) * torch.rand(count, most_edits, device=device, generator=self.random)
        sizes[:, 1:] *= torch.rand(count, 1, device=device, generator=self.random) < self.recipe.paired
        strengths = {attribute: torch.zeros(count, device=device) for attribute, _ in self._edits}
        for number, (attribute, strength) in enumerate(self._edits):
            strengths[attribute] += ((chosen == number) * sizes).sum(dim=1) * strength
        edited = self.model.edit(codes, {attribute: each.cpu().numpy() for attribute, each in strengths.items()})
        faces = self.edited(pictures, codes, edited)
        return DrawnEdits(faces, strengths, self.generate(self._anchor, faces))


def has_editor(model: FaceModel, attribute: str) -> bool:
    """Tell whether a model can edit an attribute."""
    try:
        model.editor(attribute)
    except UsageError:
        return False
    return True


def _joined(*parts: EditedFaces) -> EditedFaces:
    return EditedFaces(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(EditedFaces)))
