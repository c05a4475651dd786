"""Training a face model: encoder and generator as an autoencoder, then a mapping network."""

import copy
from pathlib import Path

import torch
from torch import Tensor

from facevid.faces.dlib_detector import weights_path
from facevid.networks import Generator
from facevid.training.common.augmentation import Batch, cover, to_float, weight_map
from facevid.training.common.face_data import FaceData
from facevid.training.common.picture_losses import feature_loss, gradient_loss, pixel_loss
from facevid.training.common.picture_training import PictureTraining
from facevid.training.common.recipe import Recipe
from facevid.training.common.run import Compute, save_whole
from facevid.training.common.samples import COLUMNS, oval_psnr, write_rows
from facevid.training.editors.losses import class_weights, classifier_loss
from facevid.training.face_model.descriptor import DescriptorNetwork
from facevid.training.face_model.face_networks import FaceNetworks, new_networks
from facevid.training.face_model.mapping import share_space, train_mapping

MODEL_FILE = "face_model.pt"
MAPPED = 4096
"""Pictures whose codes the mapping network learns to draw from, at most; of the first set."""


def train_face_model(
    data_folder: Path,
    out: Path,
    steps: int,
    *,
    recipe: Recipe | None = None,
    start: Path | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps are done in all, or `minutes` have passed; go on from the checkpoint in `out`.

    Writes into `out`: `checkpoint.pt`; `face_model.pt` in pSp's layout; `losses.csv`; `samples/<step>.png`, of rows
    held-out pictures and their reconstructions; `run.json`, which says what was run, where, and how long.

    Args:
        data_folder: holds the picture sets.
        start: a checkpoint in pSp's layout whose encoder and generator a new run begins with.

    Returns:
        the path of `face_model.pt`.

    Raises:
        InputError: the pictures cannot be read.
        ModelError: `start` is no such checkpoint, or dlib's weights are missing.
        UsageError: the checkpoint in `out` was begun with another recipe or seed, or the training diverged.
    """
    training = FaceModelTraining(recipe or Recipe(), compute or Compute(), start)
    return training.train(data_folder, out, steps, minutes, start.name if start else None)


class FaceModelTraining(PictureTraining):
    """Trains encoder and generator."""

    stage = "face model"
    recipe: Recipe

    def __init__(self, recipe: Recipe, compute: Compute, start: Path | None) -> None:
        self.networks = networks = new_networks(recipe, compute.seed, compute.device, start)
        autoencoder = networks.autoencoder
        super().__init__(
            recipe,
            compute,
            autoencoder.generator.sizes.resolution,
            modules={name: getattr(networks, name) for name in FaceNetworks.__dataclass_fields__},
            averages=[(networks.average, autoencoder)],
            rates=[
                ([p for p in autoencoder.generator.parameters() if p.requires_grad], recipe.generator_rate),
                (list(autoencoder.encoder.parameters()), recipe.encoder_rate),
                (list(networks.attributes.parameters()), recipe.encoder_rate),
            ],
        )
        self._weights = weight_map(recipe, self.side, compute.device)
        self._descriptor = DescriptorNetwork(weights_path("dlib_face_recognition_resnet_model_v1.dat")).to(self.device)

    def see(self, data: FaceData) -> FaceData:
        """Weigh the classes of their labels."""
        self._data = data
        self._class_weights = class_weights(data.labels)
        return data

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Reconstruct the pictures, from codes with noise."""
        with self.autocast():
            codes = self.networks.autoencoder.encode(batch.pictures)
            noise = torch.randn(codes.shape, device=self.device, generator=self.random)
            made = self.networks.autoencoder.generate(codes + noise * self.recipe.code_noise)
        return self._picture_losses(made, batch) | {
            "attribute": classifier_loss(self.networks.attributes(codes.flatten(1)), batch.labels, self._class_weights),
            "size": codes.square().mean(),
        }

    def rows(self, pictures: Tensor) -> list[Tensor]:
        """Show reconstructions."""
        return [self.networks.average.generate(self.networks.average.encode(pictures))]

    def judge(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Compare pictures to their reconstructions."""
        return {"held-out dB": oval_psnr(pictures, rows[-1].clamp(-1, 1))}

    def write(self, folder: Path, step: int) -> Path:
        """Write the model in pSp's layout, with a mapping network that suits it, and faces drawn from that."""
        autoencoder = copy.deepcopy(self.networks.average)
        w = share_space(autoencoder.encoder, autoencoder.generator, self._codes())
        random = torch.Generator(w.device).manual_seed(0)
        train_mapping(autoencoder.generator, w, random)
        write_rows(folder / "samples" / f"{step:07d}-drawn.png", _drawn(autoencoder.generator, random))
        networks = {"encoder": autoencoder.encoder, "decoder": autoencoder.generator}
        state = {f"{key}.{name}": t.cpu() for key, net in networks.items() for name, t in net.state_dict().items()}
        sizes = autoencoder.generator.sizes
        content = {
            "state_dict": {name: tensor.contiguous() for name, tensor in state.items()},
            "latent_avg": torch.zeros(sizes.layers, sizes.width),
            "opts": {"encoder_type": "GradualStyleEncoder", "start_from_latent_avg": True},
        }
        save_whole(folder / MODEL_FILE, content)
        return folder / MODEL_FILE

    def _picture_losses(self, made: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compare pictures with those they should be: by pixels, gradients, identity and dlib's features."""
        weights = self._weights * batch.mask
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

    @torch.no_grad()
    def _codes(self) -> Tensor:
        """Return the codes of the first pictures that are trained on."""
        chunks = self._data.pictures[:MAPPED].split(64)
        return torch.cat([self.networks.average.encode(to_float(chunk)) for chunk in chunks])


@torch.no_grad()
def _drawn(generator: Generator, random: torch.Generator) -> list[Tensor]:
    z = torch.randn(2 * COLUMNS, generator.sizes.width, generator=random, device=random.device)
    codes = generator.map(z)[:, None].expand(-1, generator.sizes.layers, -1)
    return list(generator(codes).split(COLUMNS))
