"""Training a feature encoder for a face model: on altered pictures, on exemplars, or with a discriminator."""

from pathlib import Path

from facevid.models.model import FaceModel
from facevid.training.adversarial import AdversarialTraining
from facevid.training.exemplar_training import ExemplarTraining
from facevid.training.feature_training import FeatureTraining
from facevid.training.recipe import AdversarialRecipe, ExemplarRecipe, FeatureRecipe
from facevid.training.run import Compute


def train_features(
    data_folder: Path,
    model: FaceModel,
    out: Path,
    steps: int,
    *,
    recipe: FeatureRecipe | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps are done in all, or `minutes` have passed; go on from the checkpoint in `out`.

    Writes into `out` what `train_face_model` does, with `features.pt` in place of a model. The rows of the samples are
    held-out pictures, the generator's faces of their codes, those of the recipe's edits if it has any, and the
    reconstructions.

    Args:
        data_folder: holds the picture sets.
        model: whose faces the features are for, on the device of `compute`. A new run begins with its feature encoder
            if it has one.
        recipe: says which training it is: a `FeatureRecipe`, an `ExemplarRecipe` or an `AdversarialRecipe`.

    Returns:
        the path of `features.pt`.

    Raises:
        InputError: the pictures cannot be read.
        ModelError: the model has no encoder or no generator, or dlib's weights are missing. For edited faces, also
            where it has no features yet, or none of the recipe's editors.
        UsageError: the checkpoint in `out` was begun with another recipe, seed or model, the training diverged, or
            no picture can be an exemplar.
    """
    recipe, compute = recipe or FeatureRecipe(), compute or Compute()
    return _training(recipe, compute, model).train(data_folder, out, steps, minutes, model.name)


def _training(recipe: FeatureRecipe, compute: Compute, model: FaceModel) -> FeatureTraining:
    match recipe:
        case AdversarialRecipe():
            return AdversarialTraining(recipe, compute, model)
        case ExemplarRecipe():
            return ExemplarTraining(recipe, compute, model)
        case _:
            return FeatureTraining(recipe, compute, model)
