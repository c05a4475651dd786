"""The training loop shared by all training on pictures: batches, steps, weight averages, samples and records."""

import copy
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from facevid.errors import UsageError
from facevid.training.common.augmentation import Batch, sample_batch, to_float
from facevid.training.common.config import FaceTrainingConfig, PictureTrainingConfig
from facevid.training.common.face_data import FaceData, load_faces
from facevid.training.common.run import Compute, TrainingRun
from facevid.training.common.run_record import RunRecord
from facevid.training.common.samples import write_rows
from facevid.utils.device import training_dtype

REPORT_EVERY = 50
"""Steps between two reports of the losses: reading them from the device stalls it."""

SNAPSHOT_EVERY = 500
"""Steps between two sample images."""

ADAM_BETA2 = 0.99
"""Second beta of Adam, as in StyleGAN2."""


class TrainingPictures(Protocol):
    """Pictures that are kept in memory.

    Attributes:
        held_out: uint8 (M, 3, R, R), RGB, excluded from training, for samples and metrics.
        counts: number of training pictures of each set, by name.
    """

    @property
    def held_out(self) -> Tensor:
        """Held-out pictures."""
        ...

    @property
    def counts(self) -> dict[str, int]:
        """Number of training pictures of each set."""
        ...


Pictures = TypeVar("Pictures", bound=TrainingPictures)
Examples = TypeVar("Examples")
Network = TypeVar("Network", bound=nn.Module)


class PictureTraining(ABC, Generic[Pictures, Examples]):
    """A training run on pictures. A subclass defines the pictures, the networks, the losses and the result.

    Attributes:
        stage: name of the training in progress messages.
        config: hyperparameters; the weight of each loss is the field with the name of the loss.
        compute: device, seed, progress and reports.
        side: side of the pictures in pixels.
        random: source of all random numbers.
        device: device of the networks.
    """

    stage: str

    def __init__(
        self,
        config: PictureTrainingConfig,
        compute: Compute,
        side: int,
        *,
        modules: Mapping[str, nn.Module],
        averages: Sequence[tuple[nn.Module, nn.Module]],
        rates: Sequence[tuple[Sequence[nn.Parameter], float]],
    ) -> None:
        """Create the optimizer.

        Args:
            config: hyperparameters.
            compute: device, seed, progress and reports.
            side: side of the pictures in pixels.
            modules: networks to store in a checkpoint, by name.
            averages: pairs (average, trained): the first network is the moving average of the weights of the second.
            rates: parameters to train, and their learning rates.
        """
        self.config, self.compute, self.side = config, compute, side
        self.random, self.device = compute.generator(), torch.device(compute.device)
        self._modules, self._averages = modules, averages
        self._optimizer = torch.optim.Adam(
            [{"params": parameters, "rate": rate} for parameters, rate in rates], betas=(config.momentum, ADAM_BETA2)
        )
        torch.backends.cudnn.benchmark = True

    @abstractmethod
    def load(self, folder: Path) -> Pictures:
        """Read the pictures in a folder of picture sets."""

    @abstractmethod
    def sample(self, pictures: Pictures, step: int) -> Examples:
        """Draw the batch of a step."""

    @abstractmethod
    def losses(self, batch: Examples) -> dict[str, Tensor]:
        """Compute the losses, by the names of their weights in the config."""

    @abstractmethod
    def sample_rows(self, pictures: Tensor) -> list[Tensor]:
        """Apply the averaged networks to held-out pictures (N, 3, R, R); return rows of pictures for a sample image."""

    @abstractmethod
    def metrics(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Compute metrics of held-out pictures and the result of `sample_rows`, by name."""

    @abstractmethod
    def write_result(self, folder: Path, step: int) -> Path:
        """Write the trained networks, and return the path of the file."""

    def train(self, data_folder: Path, out: Path, steps: int, minutes: float | None, start: str | None) -> Path:
        """Train until `steps` steps or `minutes` minutes are reached; resume from the checkpoint in `out`, if any.

        Args:
            data_folder: folder that contains the picture sets.
            out: folder of all output.
            steps: total number of steps, over all sessions of the run.
            minutes: time limit of this session; None for no limit.
            start: name of the checkpoint that a new run is initialised with, for the record.

        Returns:
            The path of the result.

        Raises:
            InputError: the pictures cannot be read.
            UsageError: the checkpoint in `out` has another config or seed, or the training diverged.
            OutputError: `out` cannot be written.
        """
        compute = self.compute
        data = self.load(data_folder)
        run = self._training_run(out / "checkpoint.pt")
        record = RunRecord(out, compute)
        record.begin(run.step, json.loads(json.dumps(asdict(self.config))), data.counts, start)
        for step in run.steps(steps, self.stage, compute.progress, minutes):
            losses = self._step(self.sample(data, step), step, steps)
            if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
                values = {name: value.item() for name, value in losses.items()}
                if not all(math.isfinite(value) for value in values.values()):
                    raise UsageError(
                        f"{out}: the losses are not finite at step {step + 1}; start over with lower learning rates"
                    )
                record.log(step + 1, values)
                compute.report(step + 1, values)
            if (step + 1) % SNAPSHOT_EVERY == 0:
                self._write_samples(data, out, step + 1)
        self._write_samples(data, out, run.step)
        path = self.write_result(out, run.step)
        record.end(run.step, run.seconds)
        return path

    def autocast(self) -> torch.autocast:
        """Return the mixed-precision context for this device."""
        dtype = training_dtype(self.compute.device)
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype != torch.float32)

    def _training_run(self, checkpoint: Path) -> TrainingRun:
        """Start a run, or restore it from the checkpoint. The batch size may change between sessions."""
        settings = {name: value for name, value in asdict(self.config).items() if name != "batch_size"}
        settings["seed"] = self.compute.seed
        return TrainingRun(checkpoint, settings, self._modules, {"optimizer": self._optimizer}, self.random)

    def _step(self, batch: Examples, step: int, steps: int) -> dict[str, Tensor]:
        """Run one optimizer step, and return the losses, detached, on the device."""
        self._set_rates(step, steps)
        losses = self.losses(batch)
        total = torch.stack([getattr(self.config, name) * value for name, value in losses.items()]).sum()
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call, unused-ignore]  # untyped in PyTorch
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, self.config.clip)
        self._optimizer.step()
        self._update_averages(step)
        return {name: value.detach() for name, value in losses.items()}

    def _set_rates(self, step: int, steps: int) -> None:
        """Set the learning rates: linear warm-up, constant, then linear decay to 0."""
        decay = (steps - step) / max(steps * self.config.cool_down, 1)
        factor = min((step + 1) / max(self.config.warm_up, 1), 1.0, decay)
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * factor

    @torch.no_grad()
    def _update_averages(self, step: int) -> None:
        """Update the exponential moving averages; their decay is smaller in the first steps."""
        decay = min(0.5 ** (1 / self.config.ema), (1 + step) / (10 + step))
        for average, trained in self._averages:
            torch._foreach_lerp_(list(average.parameters()), list(trained.parameters()), 1 - decay)
            for average_buffer, trained_buffer in zip(average.buffers(), trained.buffers(), strict=True):
                average_buffer.copy_(trained_buffer)

    @torch.no_grad()
    def _write_samples(self, data: Pictures, out: Path, step: int) -> None:
        """Write a sample image of held-out pictures, and report their metrics."""
        pictures = to_float(data.held_out)
        rows = self.sample_rows(pictures)
        write_rows(out / "samples" / f"{step:07d}.png", [pictures, *rows])
        self.compute.report(step, self.metrics(pictures, rows))


class FaceTraining(PictureTraining[FaceData, Batch]):
    """A training run on FFHQ crops with labels, in batches with random augmentation."""

    config: FaceTrainingConfig

    def load(self, folder: Path) -> FaceData:
        """Read the pictures in a folder of picture sets."""
        return self.prepare(load_faces(folder, self.config.sets, self.side, self.compute.device, self.compute.progress))

    @abstractmethod
    def prepare(self, data: FaceData) -> FaceData:
        """Read statistics of the training data, and return the data to sample batches from."""

    def sample(self, pictures: FaceData, step: int) -> Batch:
        """Draw a batch by the sampling weights, with random augmentation."""
        return sample_batch(pictures, self.config, self.config.batch_size, self.random)


def network_and_average(create: Callable[[], Network], compute: Compute) -> tuple[Network, Network]:
    """Create a network on the device, with initial weights that depend only on the seed, and a copy for its average."""
    with compute.seeded():
        network = create()
    network.to(compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stubs
    return network, copy.deepcopy(network).eval().requires_grad_(False)
