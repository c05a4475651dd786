"""One training: its networks, optimisers and random numbers, kept in a checkpoint so that it can stop and go on."""

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from facevid.errors import InputError, OutputError, UsageError, reason
from facevid.models.weights import unpickling_reason
from facevid.utils.progress import Progress, silent

SECONDS_BETWEEN_SAVES = 60.0
Report = Callable[[int, Mapping[str, float]], None]
"""Told the number of steps done, and the losses by name."""


def no_report(step: int, losses: Mapping[str, float]) -> None:
    """Tell nothing."""


@dataclass(frozen=True)
class Compute:
    """Where a training runs, from which random numbers, and who listens."""

    device: str = "cpu"
    seed: int = 0
    progress: Progress = silent
    report: Report = no_report

    def generator(self) -> torch.Generator:
        """Make the source of random numbers, on the device."""
        return torch.Generator(self.device).manual_seed(self.seed)


class TrainingRun:
    """Counts a training's steps and keeps its state in `path`, from where it goes on if the file is there.

    Attributes:
        step: steps done.
        seconds: time spent in steps, over all sessions.

    Raises:
        UsageError: the checkpoint there was made with other settings.
        InputError: the checkpoint there is damaged.
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
        """Yield the numbers of the steps still to do; save now and then, and after the last one.

        Ends early when `minutes` have passed. An interrupted run leaves the last checkpoint.
        """
        began = saved = last = time.monotonic()
        for step in progress(stage, range(self.step, total), total - self.step):
            yield step
            now = time.monotonic()
            self.step, self.seconds, last = step + 1, self.seconds + now - last, now
            if now - saved > SECONDS_BETWEEN_SAVES:
                self.save()
                saved = now
            if minutes is not None and now - began > minutes * 60:
                break
        self.save()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        content: dict[str, Any] = {name: part.state_dict() for name, part in self._parts.items()}
        content |= {
            "step": self.step,
            "seconds": self.seconds,
            "settings": self._settings,
            "random": self._generator.get_state(),
        }
        save_whole(self.path, content)

    def finish(self) -> None:
        """Remove the checkpoint: the result is written."""
        self.path.unlink(missing_ok=True)

    def _restore(self) -> None:
        content = load_saved(self.path)
        settings = content.get("settings")
        for name, value in self._settings.items():
            before = settings.get(name) if isinstance(settings, dict) else None
            if before != value:
                raise UsageError(
                    f"{self.path}: begun with {name} {before}, not {value}; use the same, another --out, or --overwrite"
                )
        try:
            for name, part in self._parts.items():
                part.load_state_dict(content[name])
            self._generator.set_state(content["random"])
            self.step, self.seconds = int(content["step"]), float(content["seconds"])
        except Exception as error:  # a damaged file can fail in any way
            why = reason(error)
            raise InputError(f"{self.path}: does not fit this training ({why}); begin anew, --overwrite") from error


def save_whole(path: Path, content: Any) -> None:
    """Write with `torch.save` beside the final place, then move there: `path` is never half a file.

    Raises:
        OutputError: it cannot be written.
    """
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, staging)
        staging.replace(path)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); see to space and permissions") from error
    finally:
        staging.unlink(missing_ok=True)


def load_saved(path: Path) -> dict[str, Any]:
    """Read a file of `save_whole` without running anything in it. Raises InputError where that fails."""
    try:
        with warnings.catch_warnings(action="ignore"):
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}")
        return content
    except Exception as error:  # a damaged archive fails in many ways
        why = unpickling_reason(error)
        raise InputError(f"{path}: no whole checkpoint ({why}); delete it, or begin anew with --overwrite") from error
