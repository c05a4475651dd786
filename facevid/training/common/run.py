"""A resumable training run, whose checkpoint holds the networks, the optimizers and the state of the random numbers."""

import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from facevid.errors import InputError, UsageError, reason
from facevid.models.weights import unpickling_reason
from facevid.utils.atomic_output import atomic_path
from facevid.utils.progress import Progress, no_progress

SECONDS_BETWEEN_SAVES = 60.0
"""Seconds between two checkpoints: an interruption loses at most one minute of work."""

Report = Callable[[int, Mapping[str, float]], None]
"""A function that receives the number of completed steps, and losses or metrics by name."""


def no_report(step: int, losses: Mapping[str, float]) -> None:
    """Do nothing: the default `Report`."""


@dataclass(frozen=True)
class Compute:
    """Device, random numbers and reports of a training run.

    Attributes:
        device: PyTorch device, for example "cpu" or "cuda:0".
        seed: seed of all random numbers.
        progress: receives the number of completed steps.
        report: receives losses and metrics.
    """

    device: str = "cpu"
    seed: int = 0
    progress: Progress = no_progress
    report: Report = no_report

    def generator(self) -> torch.Generator:
        """Return a new random number generator on the device."""
        return torch.Generator(self.device).manual_seed(self.seed)

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Seed PyTorch's global random numbers in the context, so that initial weights depend only on the seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            yield


class TrainingRun:
    """Counts the steps of a run and stores its state in a checkpoint. Resumes from the checkpoint, if there is one.

    Attributes:
        path: the checkpoint.
        step: number of completed steps.
        seconds: time spent in steps, over all sessions.

    Raises:
        UsageError: the checkpoint was created with other settings.
        InputError: the checkpoint is damaged.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        modules: Mapping[str, nn.Module],
        optimizers: Mapping[str, Optimizer],
        generator: torch.Generator,
    ) -> None:
        self.path = path
        self.step = 0
        self.seconds = 0.0
        self._settings = json.loads(json.dumps(settings))
        self._parts: dict[str, nn.Module | Optimizer] = {**modules, **optimizers}
        self._generator = generator
        if path.is_file():
            self._restore()

    def steps(self, total: int, stage: str, progress: Progress, minutes: float | None = None) -> Iterator[int]:
        """Yield the indices of the remaining steps, from 0; save periodically and after the last step.

        Stops early after `minutes`. An interrupted run can resume from the last checkpoint.
        """
        start = last_save = last_step = time.monotonic()
        for step in progress(stage, range(self.step, total), total - self.step):
            yield step
            now = time.monotonic()
            self.step, self.seconds, last_step = step + 1, self.seconds + now - last_step, now
            if now - last_save > SECONDS_BETWEEN_SAVES:
                self.save()
                last_save = now
            if minutes is not None and now - start > minutes * 60:
                break
        self.save()

    def save(self) -> None:
        """Write the checkpoint atomically."""
        content: dict[str, Any] = {name: part.state_dict() for name, part in self._parts.items()}
        content |= {
            "step": self.step,
            "seconds": self.seconds,
            "settings": self._settings,
            "random": self._generator.get_state(),
        }
        save_atomically(self.path, content)

    def finish(self) -> None:
        """Delete the checkpoint. Call it after the result is written."""
        self.path.unlink(missing_ok=True)

    def _restore(self) -> None:
        content = load_checkpoint(self.path)
        settings = content.get("settings")
        for name, value in self._settings.items():
            saved_value = settings.get(name) if isinstance(settings, dict) else None
            if saved_value != value:
                raise UsageError(
                    f"{self.path}: this run was started with {name} {saved_value}, not {value}; "
                    "use the same value, another --out, or --overwrite"
                )
        try:
            for name, part in self._parts.items():
                part.load_state_dict(content[name])
            self._generator.set_state(content["random"])
            self.step, self.seconds = int(content["step"]), float(content["seconds"])
        except Exception as error:  # a damaged file can fail in any way
            raise InputError(
                f"{self.path}: the checkpoint does not fit this training ({reason(error)}); start over with --overwrite"
            ) from error


def minimise(loss: Tensor, optimizer: Optimizer) -> None:
    """Take one step of an optimizer."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call, unused-ignore]  # untyped in PyTorch
    optimizer.step()


def save_atomically(path: Path, content: Any) -> None:
    """Write a file with `torch.save` atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a file written by `save_atomically`, without executing code in it.

    Raises:
        InputError: the file cannot be read, is damaged, or does not contain a dictionary of tensors and plain values.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}")
        return content
    except Exception as error:  # a damaged archive can fail in any way
        raise InputError(
            f"{path}: not a valid checkpoint ({unpickling_reason(error)}); delete it, or start over with --overwrite"
        ) from error
