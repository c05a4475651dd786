"""Training of the landmark network on portraits with the points of a teacher."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from facevid.faces.mesh.crop import FaceCrop
from facevid.networks.landmarks import INPUT_SIDE, POINT_COUNT, LandmarkNetwork, LandmarkNetworkSizes
from facevid.training.common.config import LandmarkConfig
from facevid.training.common.picture_training import PictureTraining, network_and_average
from facevid.training.common.run import Compute
from facevid.training.landmarks.examples import CROPS, Examples, draw_examples
from facevid.training.landmarks.labels import LabelledPortraits, PointLabels, load_portraits
from facevid.training.landmarks.teacher import label_portraits
from facevid.utils.atomic_output import atomic_path

LANDMARKS_FILE = "landmarks.safetensors"

LABELS_FILE = "points.npz"

TEACHER_SUFFIX = ".tflite"
"""Suffix of the weights of the teacher, in lower case."""

EYELIDS = (
    *(33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    *(263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
"""Indices of the points around the right and the left eye of the person."""

LIPS = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
)
"""Indices of the points on the inner and the outer edge of the lips."""

LINEAR_FROM = 0.006
"""Distance, as a fraction of the crop's side, from which the loss of a point is linear: one pixel of a sharp crop."""

FIRST_SLOPE = 0.1
"""Factor of the initial weights of the points: training starts close to the mean face."""


def train_landmarks(
    data_folder: Path,
    labels: Path,
    out: Path,
    steps: int,
    *,
    config: LandmarkConfig | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps or `minutes` minutes are reached; resume from the checkpoint in `out`, if any.

    The output is that of `train_face_model`, with `landmarks.safetensors` instead of a model. The rows of the sample
    images are held-out portraits, the predicted points, and the teacher's points.

    Args:
        data_folder: folder that contains the picture sets.
        labels: .npz file of the teacher's points; or the teacher's weights (.tflite), with which the pictures are
            labelled once, to `points.npz` in `out`.
        out: folder of all output.
        steps: total number of steps, over all sessions of the run.
        config: hyperparameters.
        minutes: time limit of this session; None for no limit.
        compute: device, seed, progress and reports.

    Returns:
        The path of `landmarks.safetensors`.

    Raises:
        InputError: the pictures or the labels cannot be read.
        ModelError: the teacher's weights cannot be read.
        UsageError: the checkpoint in `out` has another config or seed, the training diverged, or the package that runs
            the teacher is missing.
        OutputError: `out` cannot be written.
    """
    config, compute = config or LandmarkConfig(), compute or Compute()
    if labels.suffix == TEACHER_SUFFIX:
        weights, labels = labels, out / LABELS_FILE
        if not labels.is_file():
            sets = [name for name, _ in config.sets]
            label_portraits(weights, data_folder, sets, compute.progress).write(labels)
    return LandmarkTraining(config, compute, PointLabels.read(labels)).train(data_folder, out, steps, minutes, None)


class LandmarkTraining(PictureTraining[LabelledPortraits, Examples]):
    """Training of a landmark network.

    Attributes:
        network: the network that is trained.
        average: the network with the moving average of the weights, which is the result.
    """

    stage = "landmarks"
    config: LandmarkConfig

    def __init__(self, config: LandmarkConfig, compute: Compute, labels: PointLabels) -> None:
        self._labels = labels
        self.network, self.average = network_and_average(lambda: _new_network(labels), compute)
        super().__init__(
            config,
            compute,
            INPUT_SIDE,
            modules={"network": self.network, "average": self.average},
            averages=[(self.average, self.network)],
            rates=[(list(self.network.parameters()), config.rate)],
        )
        weights = torch.ones(POINT_COUNT, device=self.device)
        weights[[*EYELIDS, *LIPS]] = config.precise
        self._weights = weights / weights.mean()
        self._mirror = torch.from_numpy(labels.mirror).to(self.device)

    def load(self, folder: Path) -> LabelledPortraits:
        """Read the labelled portraits."""
        data = load_portraits(folder, self.config.sets, self._labels, self.compute.progress)
        self._held_out_points = torch.from_numpy(data.held_out_points).to(self.device)
        return data

    def sample(self, pictures: LabelledPortraits, step: int) -> Examples:
        """Draw the examples of a step; they depend on the seed and the step only."""
        rng = np.random.default_rng([self.compute.seed, step])
        return draw_examples(rng, pictures, self.config.batch_size // CROPS)

    def losses(self, batch: Examples) -> dict[str, Tensor]:
        """Compare points and confidences with the labels, and the points in the crops of one face with each other."""
        crops = torch.from_numpy(batch.crops).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        with self.autocast():
            points, confidence = self.network(crops.contiguous(memory_format=torch.channels_last))
        target, wanted, has_points, matrices, mirrored = (
            torch.from_numpy(each).to(self.device)
            for each in (batch.points, batch.confidence, batch.has_points, batch.agreement, batch.mirrored)
        )
        distances = F.smooth_l1_loss(points, target, reduction="none", beta=LINEAR_FROM).mean(dim=-1) * self._weights
        first, second = points[0::CROPS], points[1::CROPS]
        flipped = torch.stack([1 - second[..., 0], second[..., 1]], dim=-1)[:, self._mirror]
        second = torch.where(mirrored[:, None, None], flipped, second)
        second = second @ matrices[:, :, :2].transpose(1, 2) + matrices[:, None, :, 2]
        return {
            "points": _mean_where(has_points, distances.mean(dim=1)),
            "agreement": _mean_where(has_points[0::CROPS], (first - second).abs().mean(dim=(1, 2))),
            "confidence": F.binary_cross_entropy_with_logits(confidence.float(), wanted),
        }

    def sample_rows(self, pictures: Tensor) -> list[Tensor]:
        """Draw the predicted points, then the teacher's."""
        points, _ = self.average(pictures.contiguous(memory_format=torch.channels_last))
        self._distance = _relative_distance(points, self._held_out_points)
        return [_drawn(pictures, each) for each in (points, self._held_out_points)]

    def metrics(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Return the mean distance to the teacher's points, in distances between the outer corners of the eyes."""
        return {"held-out distance": self._distance}

    def write_result(self, folder: Path, step: int) -> Path:
        """Write the averaged network, in float16."""
        path = folder / LANDMARKS_FILE
        state = {
            name: (tensor.half() if tensor.is_floating_point() else tensor).cpu().contiguous()
            for name, tensor in self.average.state_dict().items()
        }
        with atomic_path(path) as temporary:
            save_file(state, temporary)
        return path


def _new_network(labels: PointLabels) -> LandmarkNetwork:
    """Create a network whose points are close to the mean of the labels in their crops."""
    network = LandmarkNetwork(LandmarkNetworkSizes())
    with torch.no_grad():
        network.to_points.weight *= FIRST_SLOPE
        network.to_points.bias.copy_(torch.from_numpy(_mean_points(labels)).flatten() - 0.5)
    return network


def _mean_points(labels: PointLabels) -> NDArray[np.float64]:
    points: NDArray[np.float64] = np.mean(
        [FaceCrop.around(each).to_fractions(each) for each in labels.points[..., :2]], 0
    )
    return points


def _mean_where(mask: Tensor, values: Tensor) -> Tensor:
    """Average the values (N,) where the mask is true; 0 if it is nowhere."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def _relative_distance(points: Tensor, target: Tensor) -> float:
    eyes = (target[:, EYELIDS[0]] - target[:, EYELIDS[16]]).norm(dim=-1)
    return float(((points - target).norm(dim=-1).mean(dim=1) / eyes).mean())


def _drawn(pictures: Tensor, points: Tensor) -> Tensor:
    """Draw points, as fractions of the side, as white pixels."""
    drawn, side = pictures.clone(), pictures.shape[-1]
    x, y = (points * side - 0.5).round().long().clamp(0, side - 1).unbind(dim=-1)
    for row in range(len(drawn)):
        drawn[row, :, y[row], x[row]] = 1
    return drawn
