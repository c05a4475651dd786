"""Training of a face model: encoder and generator as an autoencoder, then a mapping network."""

import copy
from pathlib import Path

import torch
from torch import Tensor

from facevid.faces.descriptor import DescriptorNetwork
from facevid.networks import Generator
from facevid.training.common.augmentation import Batch, apply_mask, to_float, weight_map
from facevid.training.common.config import FaceModelConfig
from facevid.training.common.face_data import FaceData
from facevid.training.common.picture_losses import feature_loss, gradient_loss, pixel_loss
from facevid.training.common.picture_training import FaceTraining
from facevid.training.common.run import Compute, save_atomically
from facevid.training.common.samples import COLUMNS, oval_psnr, write_rows
from facevid.training.editors.losses import class_weights, classifier_loss
from facevid.training.face_model.face_networks import FaceNetworks, new_networks
from facevid.training.face_model.mapping import share_space, train_mapping

MODEL_FILE = "face_model.pt"
"""File name of the face model."""

MAPPING_PICTURES = 4096
"""Largest number of training pictures whose codes the mapping network is trained on."""

CHUNK_PICTURES = 64
"""Number of pictures encoded at once, which bounds the memory."""


def train_face_model(
    data_folder: Path,
    out: Path,
    steps: int,
    *,
    config: FaceModelConfig | None = None,
    start: Path | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps or `minutes` minutes are reached; resume from the checkpoint in `out`, if any.

    Output in `out`:

    - `checkpoint.pt`: the state of the run.
    - `face_model.pt`: the model, in pSp's layout.
    - `losses.csv`: step, name and value of each logged loss.
    - `samples/<step>.png`: held-out pictures and their reconstructions.
    - `run.json`: hyperparameters, and device and duration of each session.

    Args:
        data_folder: folder that contains the picture sets.
        out: folder of all output.
        steps: total number of steps, over all sessions of the run.
        config: hyperparameters.
        start: checkpoint in pSp's layout; a new run is initialised with its encoder and generator.
        minutes: time limit of this session; None for no limit.
        compute: device, seed, progress and reports.

    Returns:
        The path of `face_model.pt`.

    Raises:
        InputError: the pictures cannot be read.
        ModelError: `start` does not contain a pSp encoder and a generator, or dlib's weights are missing.
        UsageError: the checkpoint in `out` has another config or seed, or the training diverged.
        OutputError: `out` cannot be written.
    """
    training = FaceModelTraining(config or FaceModelConfig(), compute or Compute(), start)
    return training.train(data_folder, out, steps, minutes, start.name if start else None)


class FaceModelTraining(FaceTraining):
    """Training of an encoder and a generator as an autoencoder."""

    stage = "face model"
    config: FaceModelConfig

    def __init__(self, config: FaceModelConfig, compute: Compute, start: Path | None) -> None:
        self.networks = networks = new_networks(config, compute, start)
        autoencoder = networks.autoencoder
        super().__init__(
            config,
            compute,
            autoencoder.generator.sizes.resolution,
            modules={name: getattr(networks, name) for name in FaceNetworks.__dataclass_fields__},
            averages=[(networks.average, autoencoder)],
            rates=[
                ([p for p in autoencoder.generator.parameters() if p.requires_grad], config.generator_rate),
                (list(autoencoder.encoder.parameters()), config.encoder_rate),
                (list(networks.attributes.parameters()), config.encoder_rate),
            ],
        )
        self._weights = weight_map(config, self.side, compute.device)
        self._descriptor = DescriptorNetwork().to(self.device)

    def prepare(self, data: FaceData) -> FaceData:
        """Compute the class weights of the labels."""
        self._data = data
        self._class_weights = class_weights(data.labels)
        return data

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Reconstruct the pictures from codes with noise, and compare them with the batch."""
        with self.autocast():
            codes = self.networks.autoencoder.encode(batch.pictures)
            noise = torch.randn(codes.shape, device=self.device, generator=self.random)
            reconstructions = self.networks.autoencoder.generate(codes + noise * self.config.code_noise)
        return self._picture_losses(reconstructions, batch) | {
            "attribute": classifier_loss(self.networks.attributes(codes.flatten(1)), batch.labels, self._class_weights),
            "size": codes.square().mean(),
        }

    def sample_rows(self, pictures: Tensor) -> list[Tensor]:
        """Return the reconstructions."""
        return [self.networks.average.generate(self.networks.average.encode(pictures))]

    def metrics(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Compute the PSNR of the reconstructions."""
        return {"held-out dB": oval_psnr(pictures, rows[-1].clamp(-1, 1))}

    def write_result(self, folder: Path, step: int) -> Path:
        """Train a mapping network, write the model in pSp's layout, and write random faces as `<step>-drawn.png`."""
        autoencoder = copy.deepcopy(self.networks.average)
        w = share_space(autoencoder.encoder, autoencoder.generator, self._codes())
        random = torch.Generator(w.device).manual_seed(0)
        train_mapping(autoencoder.generator, w, random)
        write_rows(folder / "samples" / f"{step:07d}-drawn.png", _random_faces(autoencoder.generator, random))
        networks = {"encoder": autoencoder.encoder, "decoder": autoencoder.generator}
        state = {f"{key}.{name}": t.cpu() for key, net in networks.items() for name, t in net.state_dict().items()}
        sizes = autoencoder.generator.sizes
        content = {
            "state_dict": {name: tensor.contiguous() for name, tensor in state.items()},
            "latent_avg": torch.zeros(sizes.layers, sizes.width),
            "opts": {"encoder_type": "GradualStyleEncoder", "start_from_latent_avg": True},
        }
        save_atomically(folder / MODEL_FILE, content)
        return folder / MODEL_FILE

    def _picture_losses(self, reconstructions: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compute the pixel, gradient, identity and perceptual loss; the last two on a part of the batch."""
        weights = self._weights * batch.mask
        count = max(round(len(reconstructions) * self.config.judged), 1)
        first = int(torch.randint(len(reconstructions) - count + 1, (), generator=self.random, device=self.device))
        part = slice(first, first + count)
        with self.autocast():
            descriptors, features = self._descriptor(apply_mask(reconstructions[part], batch.mask[part]))
            with torch.no_grad():
                target_descriptors, target_features = self._descriptor(batch.pictures[part])
        # The small constant keeps the gradient of the square root finite at a distance of 0.
        distances = (descriptors - target_descriptors).square().sum(dim=1).add(1e-6).sqrt()
        return {
            "pixel": pixel_loss(reconstructions, batch.pictures, weights),
            "gradient": gradient_loss(reconstructions, batch.pictures, weights),
            "identity": distances.mean(),
            "perceptual": feature_loss(features, target_features),
        }

    @torch.no_grad()
    def _codes(self) -> Tensor:
        """Return the codes of the first `MAPPING_PICTURES` training pictures."""
        chunks = torch.split(self._data.pictures[:MAPPING_PICTURES], CHUNK_PICTURES)
        return torch.cat([self.networks.average.encode(to_float(chunk)) for chunk in chunks])


@torch.no_grad()
def _random_faces(generator: Generator, random: torch.Generator) -> list[Tensor]:
    """Generate two rows of faces from random z."""
    z = torch.randn(2 * COLUMNS, generator.sizes.width, generator=random, device=random.device)
    codes = generator.map(z)[:, None].expand(-1, generator.sizes.layers, -1)
    return list(generator(codes).split(COLUMNS))
