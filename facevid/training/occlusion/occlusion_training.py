"""Training of the occlusion network on faces with synthetic occluders, whose masks are known exactly."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.networks import OcclusionNetwork, OcclusionNetworkSizes
from facevid.networks.occlusion import INPUT_SIDE, OUTPUT_SIDE
from facevid.training.common.augmentation import FACE_OVAL, Batch, oval_mask
from facevid.training.common.config import OcclusionConfig
from facevid.training.common.face_data import FaceData
from facevid.training.common.picture_training import FaceTraining, network_and_average
from facevid.training.common.run import Compute, save_atomically
from facevid.training.occlusion.occluders import add_occluders

OCCLUSION_FILE = "occlusion.pt"
"""File name of the occlusion network."""


def train_occlusion(
    data_folder: Path,
    out: Path,
    steps: int,
    *,
    config: OcclusionConfig | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps or `minutes` minutes are reached; resume from the checkpoint in `out`, if any.

    The output is that of `train_face_model`, with `occlusion.pt` instead of a model. The rows of the sample images are
    held-out pictures, the same with synthetic occluders, the predicted masks, and the true masks.

    Args:
        data_folder: folder that contains the picture sets, of whole FFHQ crops.
        out: folder of all output.
        steps: total number of steps, over all sessions of the run.
        config: hyperparameters.
        minutes: time limit of this session; None for no limit.
        compute: device, seed, progress and reports.

    Returns:
        The path of `occlusion.pt`.

    Raises:
        InputError: the pictures cannot be read.
        UsageError: the checkpoint in `out` has another config or seed, or the training diverged.
        OutputError: `out` cannot be written.
    """
    training = OcclusionTraining(config or OcclusionConfig(), compute or Compute())
    return training.train(data_folder, out, steps, minutes, None)


class OcclusionTraining(FaceTraining):
    """Training of an occlusion network.

    Attributes:
        network: the network that is trained.
        average: the network with the moving average of the weights, which is the result.
    """

    stage = "occlusion"
    config: OcclusionConfig

    def __init__(self, config: OcclusionConfig, compute: Compute) -> None:
        sizes = OcclusionNetworkSizes(config.widths)
        self.network, self.average = network_and_average(lambda: OcclusionNetwork(sizes), compute)
        super().__init__(
            config,
            compute,
            INPUT_SIDE,
            modules={"network": self.network, "average": self.average},
            averages=[(self.average, self.network)],
            rates=[(list(self.network.parameters()), config.rate)],
        )
        face = oval_mask(FACE_OVAL, OUTPUT_SIDE, compute.device)[None, None]
        self._weights = config.outside + (1 - config.outside) * face

    def prepare(self, data: FaceData) -> FaceData:
        """Increase the sampling weights of the faces in the config's `boosts`."""
        return data.boosted(self.config.boosts)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Add occluders to a part of the batch, and compute the cross-entropy and the Dice loss of the prediction."""
        pictures, target = _with_occluders(batch.pictures, self.config.occluded, self.random)
        with self.autocast():
            logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        logits, weights = logits.float(), self._weights.expand_as(target)
        probability = logits.sigmoid()
        intersection, total = (
            (each * weights).sum(dim=(1, 2, 3)) for each in (probability * target, probability + target)
        )
        return {
            "entropy": (F.binary_cross_entropy_with_logits(logits, target, reduction="none") * weights).mean(),
            "overlap": (1 - (2 * intersection + 1) / (total + 1)).mean(),
        }

    def sample_rows(self, pictures: Tensor) -> list[Tensor]:
        """Return the pictures with occluders, the predicted masks, and the true masks."""
        occluded, target = _with_occluders(pictures, 1.0, torch.Generator(self.device).manual_seed(0))
        probability = self.average(occluded).sigmoid()
        masks = (
            F.interpolate(mask, size=pictures.shape[-2:]).expand(-1, 3, -1, -1) * 2 - 1
            for mask in (probability, target)
        )
        return [occluded, *masks]

    def metrics(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Compute the intersection over union of predicted and true masks inside the face."""
        face = oval_mask(FACE_OVAL, pictures.shape[-1], self.compute.device) > 0.5
        predicted, target = ((row > 0).any(dim=1) & face for row in rows[-2:])
        return {"held-out overlap": float((predicted & target).sum() / (predicted | target).sum().clamp(min=1))}

    def write_result(self, folder: Path, step: int) -> Path:
        """Write the averaged network."""
        state = {name: tensor.cpu().contiguous() for name, tensor in self.average.state_dict().items()}
        save_atomically(folder / OCCLUSION_FILE, state)
        return folder / OCCLUSION_FILE


def _with_occluders(pictures: Tensor, fraction: float, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Add occluders to a random fraction of pictures; textures come from the previous picture of the batch.

    Args:
        pictures: (N, 3, INPUT_SIDE, INPUT_SIDE), RGB in [-1, 1].
        fraction: probability that a picture gets occluders.
        random: source of random numbers.

    Returns:
        The pictures, and the occluded fraction of each output pixel: float32 (N, 1, OUTPUT_SIDE, OUTPUT_SIDE).
    """
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=random, device=random.device)))
    faces = ((pictures + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy()
    results = [
        add_occluders(rng, face, other, occluded=rng.random() < fraction)
        for face, other in zip(faces, np.roll(faces, 1, axis=0), strict=True)
    ]
    occluded, masks = (torch.from_numpy(np.stack(each)).to(pictures.device) for each in zip(*results, strict=True))
    target = F.interpolate(masks[:, None], size=(OUTPUT_SIDE, OUTPUT_SIDE), mode="area")
    return occluded.permute(0, 3, 1, 2) / 127.5 - 1, target
