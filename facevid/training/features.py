"""Training a feature encoder for a face model whose encoder and generator stay as they are, and so its editors too."""

import copy
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from facevid.errors import ModelError
from facevid.latents.attributes import CELEBA
from facevid.models.model import FaceModel
from facevid.networks import FeatureEncoder, FeatureEncoderSizes
from facevid.training.alterations import altered
from facevid.training.augmentation import Batch
from facevid.training.face_data import FaceData
from facevid.training.face_networks import Autoencoder
from facevid.training.picture_training import PictureTraining
from facevid.training.recipe import FeatureRecipe
from facevid.training.run import Compute, save_whole

FEATURES_FILE = "features.pt"


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
    held-out pictures, the generator's faces of their codes, and those with features.

    Args:
        data_folder: holds the picture sets.
        model: whose faces the features are for, on the device of `compute`. A new run begins with its feature encoder
            if it has one.

    Returns:
        the path of `features.pt`.

    Raises:
        InputError: the pictures cannot be read.
        ModelError: the model has no encoder or no generator, or dlib's weights are missing.
        UsageError: the checkpoint in `out` was begun with another recipe, seed or model, or the training
            diverged.
    """
    training = FeatureTraining(recipe or FeatureRecipe(), compute or Compute(), model)
    return training.train(data_folder, out, steps, minutes, model.name)


class FeatureTraining(PictureTraining):
    """Trains a feature encoder: from an altered face, and the codes of both, to the face itself."""

    stage = "features"
    recipe: FeatureRecipe

    def __init__(self, recipe: FeatureRecipe, compute: Compute, model: FaceModel) -> None:
        if model.encoder is None or model.generator is None:
            raise ModelError(f"{model.name}: lacks an encoder or a generator; features are trained for both together")
        self._autoencoder = Autoencoder(model.encoder, model.generator).requires_grad_(False).eval()
        self._code_mean = 0.0 if model.average is None else model.average
        features = _begun(recipe, model, compute.seed).to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._features, self._kept = features, copy.deepcopy(features).eval().requires_grad_(False)
        super().__init__(
            recipe,
            compute,
            model.resolution,
            modules={"features": self._features, "average": self._kept},
            averages=[(self._kept, self._features)],
            rates=[(list(self._features.parameters()), recipe.rate)],
            settings={"model": model.fingerprint},
        )

    def see(self, data: FaceData) -> FaceData:
        """Draw some faces more often."""
        shares = data.shares.clone()
        for name, yes, times in self.recipe.boosts:
            shares[data.labels[:, CELEBA.index(name)] == int(yes)] *= times
        return replace(data, shares=shares)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Bring altered faces back."""
        with torch.no_grad(), self.autocast():
            before = altered(batch, self.recipe, self.random)
            codes = self._encode(torch.cat([before, batch.pictures]))
            codes = codes + self._noise(codes)
            generated = self._autoencoder.generate(codes)
        with self.autocast():
            features = self._features(before, *generated.chunk(2))
            made = self._autoencoder.generator(codes[len(before) :], features).float()
        return self.picture_losses(made, batch)

    def rows(self, pictures: Tensor) -> list[Tensor]:
        """Show what the codes alone give, and the reconstruction."""
        codes = self._encode(pictures)
        generated = self._autoencoder.generate(codes)
        features = self._kept(pictures, generated, generated)
        return [generated, self._autoencoder.generator(codes, features)]

    def write(self, folder: Path, step: int) -> Path:
        """Write the feature encoder."""
        state = {name: tensor.cpu().contiguous() for name, tensor in self._kept.state_dict().items()}
        save_whole(folder / FEATURES_FILE, state)
        return folder / FEATURES_FILE

    def _encode(self, pictures: Tensor) -> Tensor:
        return self._autoencoder.encode(pictures) + self._code_mean

    def _noise(self, codes: Tensor) -> Tensor:
        """Draw one noise for both codes of a face."""
        count = len(codes) // 2
        noise = torch.randn(count, *codes.shape[1:], device=self.device, generator=self.random)
        size = torch.rand(count, 1, 1, device=self.device, generator=self.random) * self.recipe.code_noise
        return (noise * size * codes.std()).repeat(2, 1, 1)


def _begun(recipe: FeatureRecipe, model: FaceModel, seed: int) -> FeatureEncoder:
    """Copy the model's own feature encoder, if it has one; else make one."""
    assert model.generator is not None
    if model.features is not None:
        return copy.deepcopy(model.features).requires_grad_(True)
    channels = model.generator.sizes.channels_at(model.resolution // recipe.patch)
    if channels is None:
        raise ModelError(f"{model.name}: its generator, of {model.resolution} px, is too small for a feature encoder")
    sizes = FeatureEncoderSizes(recipe.patch, recipe.feature_width, recipe.deep_width, channels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FeatureEncoder(sizes)
