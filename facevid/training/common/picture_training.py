"""What all trainings on pictures of faces have in common: batches, steps, averages, samples."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from facevid.errors import UsageError
from facevid.training.common.augmentation import Batch, draw_batch, to_float
from facevid.training.common.face_data import FaceData, load_faces
from facevid.training.common.recipe import PictureRecipe
from facevid.training.common.record import RunRecord
from facevid.training.common.run import Compute, TrainingRun
from facevid.training.common.samples import write_rows
from facevid.utils.device import training_dtype

REPORT_EVERY = 50
SNAPSHOT_EVERY = 500


class PictureTraining(ABC):
    """One training; a subclass brings the networks and says what is done with a batch.

    Attributes:
        recipe: its numbers; each loss is weighed by the number of its name.
        compute: where it runs.
        side: of the pictures, in pixels.
        random: where all random numbers come from.
        device: where the networks are.
    """

    stage: str

    def __init__(
        self,
        recipe: PictureRecipe,
        compute: Compute,
        side: int,
        *,
        modules: Mapping[str, nn.Module],
        averages: Sequence[tuple[nn.Module, nn.Module]],
        rates: Sequence[tuple[Sequence[nn.Parameter], float]],
    ) -> None:
        """Prepare.

        Args:
            modules: what a checkpoint keeps, by name.
            averages: networks that are kept as the average of others over the steps: (average, trained).
            rates: parameters to train, and their learning rates.
        """
        self.recipe, self.compute, self.side = recipe, compute, side
        self.random, self.device = compute.generator(), torch.device(compute.device)
        self._modules, self._averages = modules, averages
        self._optimizer = torch.optim.Adam(
            [{"params": parameters, "rate": rate} for parameters, rate in rates], betas=(recipe.momentum, 0.99)
        )
        torch.backends.cudnn.benchmark = True

    @abstractmethod
    def see(self, data: FaceData) -> FaceData:
        """Take note of the pictures to train on, and return those to draw from."""

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses, by the names of their weights in the recipe."""

    @abstractmethod
    def rows(self, pictures: Tensor) -> list[Tensor]:
        """Show what becomes of pictures (N, 3, R, R) that are held out: rows of pictures."""

    @abstractmethod
    def judge(self, pictures: Tensor, rows: list[Tensor]) -> dict[str, float]:
        """Measure what `rows` shows, for the report."""

    @abstractmethod
    def write(self, folder: Path, step: int) -> Path:
        """Write the result."""

    def train(self, data_folder: Path, out: Path, steps: int, minutes: float | None, start: str | None) -> Path:
        """Train until `steps` steps are done in all, or `minutes` have passed; go on from the checkpoint in `out`.

        Args:
            data_folder: holds the picture sets.
            out: where all is written.
            steps: of all sessions together.
            minutes: of this session.
            start: what a new run begins with, for the record.

        Returns:
            the path of what `write` wrote.

        Raises:
            InputError: the pictures cannot be read.
            UsageError: the checkpoint in `out` was begun with another recipe or seed, or the training diverged.
            OutputError: `out` cannot be written to.
        """
        compute = self.compute
        data = load_faces(data_folder, self.recipe.sets, self.side, compute.device, compute.progress)
        drawn = self.see(data)
        run = self._run(out / "checkpoint.pt")
        record = RunRecord(out, compute)
        record.begin(run.step, json.loads(json.dumps(asdict(self.recipe))), data.counts, start)
        for step in run.steps(steps, self.stage, compute.progress, minutes):
            losses = self._step(draw_batch(drawn, self.recipe, self.recipe.batch_size, self.random), step, steps)
            if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
                shown = {name: value.item() for name, value in losses.items()}
                if not all(math.isfinite(value) for value in shown.values()):
                    raise UsageError(
                        f"{out}: the losses are no longer finite at step {step + 1}; begin anew, with lower rates"
                    )
                record.log(step + 1, shown)
                compute.report(step + 1, shown)
            if (step + 1) % SNAPSHOT_EVERY == 0:
                self._show(data, out, step + 1)
        self._show(data, out, run.step)
        path = self.write(out, run.step)
        record.end(run.step, run.seconds)
        return path

    def autocast(self) -> torch.autocast:
        """Compute in the number format that trains fastest here."""
        dtype = training_dtype(self.compute.device)
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype != torch.float32)

    def _run(self, checkpoint: Path) -> TrainingRun:
        """Begin, or go on from the checkpoint."""
        settings = {name: value for name, value in asdict(self.recipe).items() if name != "batch_size"}
        settings["seed"] = self.compute.seed
        return TrainingRun(checkpoint, settings, self._modules, {"optimizer": self._optimizer}, self.random)

    def _step(self, batch: Batch, step: int, steps: int) -> dict[str, Tensor]:
        """Train every network by one step; return the losses, still on the device."""
        self._set_rates(step, steps)
        losses = self.losses(batch)
        total = torch.stack([getattr(self.recipe, name) * value for name, value in losses.items()]).sum()
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        trained = [p for group in self._optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, self.recipe.clip)
        self._optimizer.step()
        self._average(step)
        return {name: value.detach() for name, value in losses.items()}

    def _set_rates(self, step: int, steps: int) -> None:
        """Rise over the first steps, stay, fall over the last ones."""
        falling = (steps - step) / max(steps * self.recipe.cool_down, 1)
        factor = min((step + 1) / max(self.recipe.warm_up, 1), 1.0, falling)
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * factor

    @torch.no_grad()
    def _average(self, step: int) -> None:
        keep = min(0.5 ** (1 / self.recipe.ema), (1 + step) / (10 + step))
        for average, now in self._averages:
            torch._foreach_lerp_(list(average.parameters()), list(now.parameters()), 1 - keep)
            for kept, buffer in zip(average.buffers(), now.buffers(), strict=True):
                kept.copy_(buffer)

    @torch.no_grad()
    def _show(self, data: FaceData, out: Path, step: int) -> None:
        """Write and report what becomes of pictures that are held out."""
        pictures = to_float(data.held_out)
        rows = self.rows(pictures)
        write_rows(out / "samples" / f"{step:07d}.png", [pictures, *rows])
        self.compute.report(step, self.judge(pictures, rows))
