"""Training features on edited faces whose look is known: exemplars have what the edit should make anew."""

from dataclasses import replace

import torch
from torch import Tensor

from facevid.errors import UsageError
from facevid.models.model import FaceModel
from facevid.training.augmentation import Batch, mean_light
from facevid.training.edit_training import DrawnEdits, EditTraining, has_editor
from facevid.training.exemplars import BOTH_WAYS, BY_DEGREES, FINDERS, Exemplars, known_to_have
from facevid.training.face_data import FaceData
from facevid.training.recipe import ExemplarRecipe
from facevid.training.run import Compute

DIMMEST = 0.15
"""Differences from exemplars count in shares of their own light, of 1, but not of less than this: what a dark face
should have is to be seen on it too."""


class ExemplarTraining(EditTraining):
    """Trains a feature encoder to draw what exemplars have."""

    stage = "features of exemplars"
    recipe: ExemplarRecipe

    def __init__(self, recipe: ExemplarRecipe, compute: Compute, model: FaceModel) -> None:
        super().__init__(recipe, compute, model)
        self._exemplars: dict[str, Exemplars] = {}

    def see(self, data: FaceData) -> FaceData:
        """Find the exemplars. Raises UsageError where there are none."""
        for attribute, count in self.recipe.exemplars:
            found = FINDERS[attribute](data, count) if has_editor(self.model, attribute) else None
            if found is not None:
                self._exemplars[attribute] = found
        if not self._exemplars:
            names = ", ".join(attribute for attribute, _ in self.recipe.exemplars)
            raise UsageError(
                f"no picture is labelled as having what {self.model.name} can edit of {names}; "
                "label some, or leave out --exemplars"
            )
        return super().see(data)

    def edit_losses(self, made: Tensor, batch: Batch, drawn: DrawnEdits) -> dict[str, Tensor]:
        """Hold faces to the exemplars where these show, and to what they were elsewhere; other edits to the anchor."""
        count = len(drawn.anchor)
        pictures = batch[:count]
        wanted, where = self._wanted(pictures, drawn)
        difference = made[:count] - wanted
        light = mean_light((wanted + 1) / 2, where).mean(dim=1, keepdim=True)
        squared = mean_light((difference * 0.5 / light.clamp(min=DIMMEST)).square(), where).mean(dim=(1, 2, 3))
        return {
            "anchor": self.anchor_loss(difference * (1 - where)),
            "exemplar": squared.sum() / where.amax(dim=(1, 2, 3)).sum().clamp(min=1),
        }

    @torch.no_grad()
    def _wanted(self, batch: Batch, drawn: DrawnEdits) -> tuple[Tensor, Tensor]:
        """Put what exemplars have on pictures that lack it, (N, 3, R, R); say where, (N, 1, R, R), else 0."""
        pictures, where = batch.pictures.clone(), torch.zeros_like(batch.mask)
        told = torch.ones(len(pictures), dtype=torch.bool, device=self.device)
        for attribute, strengths in drawn.strengths.items():
            rows, has = strengths > 0, known_to_have(batch.labels, attribute)
            sizes = strengths * ~has
            if attribute in BY_DEGREES:
                rows, sizes = strengths != 0, strengths
            elif attribute in BOTH_WAYS:
                rows, sizes = torch.where(has, strengths < 0, strengths > 0), strengths
            exemplars = self._exemplars.get(attribute)
            if exemplars is None:
                rows = torch.zeros_like(rows)
            told &= rows | (strengths == 0)
            if exemplars is None or not rows.any():
                continue
            faces = replace(batch, pictures=pictures)[rows]
            pictures[rows], shows = exemplars.put_on(faces, sizes[rows])
            where[rows] = where[rows].maximum(shows * faces.mask)
        told = told[:, None, None, None]
        wanted = torch.where(told, drawn.anchor + batch.mask * (pictures - drawn.anchor), drawn.anchor)
        return wanted, where * told
