"""Training a feature encoder for a face model whose encoder and generator stay as they are, and so its editors too."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facevid.errors import ModelError
from facevid.models.model import FaceModel
from facevid.networks import FeatureEncoder, FeatureEncoderSizes
from facevid.training.alterations import altered
from facevid.training.augmentation import Batch
from facevid.training.face_data import FaceData
from facevid.training.face_networks import Autoencoder
from facevid.training.recipe import FeatureRecipe
from facevid.training.reconstruction_training import ReconstructionTraining
from facevid.training.run import Compute, save_whole

FEATURES_FILE = "features.pt"


@dataclass(frozen=True)
class EditedFaces:
    """What a feature encoder sees, and the code it is for.

    Attributes:
        pictures: of the faces, (N, 3, R, R), RGB in [-1, 1].
        before, after: what the generator makes of their codes, before and after an edit, the same.
        change: how far the edit moves the W+ codes, (N, L, D).
        edited: the codes after it, (N, L, D).
    """

    pictures: Tensor
    before: Tensor
    after: Tensor
    change: Tensor
    edited: Tensor


class FeatureTraining(ReconstructionTraining):
    """Trains a feature encoder: from an altered face, and the codes of both, to the face itself.

    Attributes:
        features: what is trained.
        average: of it over the steps, which is what is kept in the end.
    """

    stage = "features"
    recipe: FeatureRecipe

    def __init__(self, recipe: FeatureRecipe, compute: Compute, model: FaceModel) -> None:
        if model.encoder is None or model.generator is None:
            raise ModelError(f"{model.name}: lacks an encoder or a generator; features are trained for both together")
        self._autoencoder = Autoencoder(model.encoder, model.generator).requires_grad_(False).eval()
        self._code_mean = 0.0 if model.average is None else model.average
        features = _begun(recipe, model, compute.seed).to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.features, self.average = features, copy.deepcopy(features).eval().requires_grad_(False)
        super().__init__(
            recipe,
            compute,
            model.resolution,
            modules={"features": features, "average": self.average},
            averages=[(self.average, features)],
            rates=[(list(features.parameters()), recipe.rate)],
            settings={"model": model.fingerprint},
        )

    def see(self, data: FaceData) -> FaceData:
        """Draw some faces more often."""
        return data.boosted(self.recipe.boosts)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Bring altered faces back."""
        faces = self.altered(batch)
        return self.picture_losses(self.generate(self.features, faces), batch)

    def altered(self, batch: Batch) -> EditedFaces:
        """Alter faces; the edit is the way back."""
        with torch.no_grad(), self.autocast():
            pictures = altered(batch, self.recipe, self.random)
            codes = self.encode(torch.cat([pictures, batch.pictures]))
        of_altered, of_true = (codes + self._noise(codes)).chunk(2)
        return self.edited(pictures, of_altered, of_true)

    def edited(self, pictures: Tensor, codes: Tensor, edited: Tensor) -> EditedFaces:
        """Generate faces of codes before and after an edit."""
        with torch.no_grad(), self.autocast():
            before, after = self._autoencoder.generate(torch.cat([codes, edited])).chunk(2)
        return EditedFaces(pictures, before, after, edited - codes, edited)

    def generate(self, features: FeatureEncoder, faces: EditedFaces) -> Tensor:
        """Generate the faces after the edit, with features: float32 (N, 3, R, R)."""
        with self.autocast():
            found = features(faces.pictures, faces.before, faces.after, faces.change)
            made: Tensor = self._autoencoder.generator(faces.edited, found)
        return made.float()

    def rows(self, pictures: Tensor) -> list[Tensor]:
        """Show what the codes alone give, and the reconstruction."""
        codes = self.encode(pictures)
        faces = self.edited(pictures, codes, codes)
        return [faces.before, self.generate(self.average, faces)]

    def write(self, folder: Path, step: int) -> Path:
        """Write the feature encoder."""
        state = {name: tensor.cpu().contiguous() for name, tensor in self.average.state_dict().items()}
        save_whole(folder / FEATURES_FILE, state)
        return folder / FEATURES_FILE

    def encode(self, pictures: Tensor) -> Tensor:
        """Map pictures (N, 3, R, R), RGB in [-1, 1], to W+ codes (N, L, D)."""
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
    sizes = FeatureEncoderSizes(recipe.patch, recipe.feature_width, recipe.deep_width, channels, model.width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FeatureEncoder(sizes)
