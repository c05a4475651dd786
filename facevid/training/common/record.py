"""What a training on pictures writes beside its checkpoint: the losses, and a record of the run."""

import csv
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from facevid.errors import InputError, OutputError, reason
from facevid.training.common.run import Compute


class RunRecord:
    """Writes `losses.csv` and `run.json` into the folder of a run.

    Raises:
        InputError: what an earlier session wrote there is damaged.
        OutputError: it cannot be written to.
    """

    def __init__(self, folder: Path, compute: Compute) -> None:
        self._folder = folder
        self._compute = compute
        self._session: dict[str, Any] = {}
        self._record: dict[str, Any] = {}

    def begin(self, step: int, recipe: dict[str, Any], pictures: dict[str, int], start: str | None) -> None:
        """Note what is about to run; forget losses logged after the checkpoint that it goes on from."""
        try:
            (self._folder / "samples").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self._folder}: cannot be made ({error.strerror}); see to permissions") from error
        log = self._folder / "losses.csv"
        if log.is_file():
            _write_text(log, "".join(_until(log, step)))
        record = self._folder / "run.json"
        sessions = _sessions(record) if record.is_file() and step else []
        device = self._compute.device
        self._session = {
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "from_step": step,
            "device": torch.cuda.get_device_name(device)
            if device.startswith("cuda")
            else platform.processor() or "cpu",
            "torch": torch.__version__,
            "batch_size": recipe["batch_size"],
        }
        self._record = {
            "start": start,
            "pictures": pictures,
            "seed": self._compute.seed,
            "recipe": recipe,
            "sessions": sessions,
        }

    def log(self, step: int, losses: dict[str, float]) -> None:
        """Append losses: rows of step, name, value."""
        with (self._folder / "losses.csv").open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([step, name, f"{v:.6g}"] for name, v in losses.items())

    def end(self, step: int, seconds: float) -> None:
        """Note what was run."""
        self._record["sessions"].append(self._session | {"to_step": step})
        self._record |= {"steps": step, "seconds": round(seconds, 1)}
        _write_text(self._folder / "run.json", json.dumps(self._record, indent=2) + "\n")


def _until(log: Path, step: int) -> list[str]:
    """Return the lines of a log up to a step. Raises InputError where they are none."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [line for line in lines if int(line.split(",")[0]) <= step]
    except (OSError, ValueError) as error:
        raise InputError(f"{log}: no log of losses ({reason(error)}); delete it") from error


def _sessions(record: Path) -> list[Any]:
    """Return the sessions that a run's record tells of. Raises InputError where it tells of none."""
    try:
        return list(json.loads(record.read_text(encoding="utf-8"))["sessions"])
    except Exception as error:  # a damaged file can fail in any way
        raise InputError(f"{record}: no record of a run ({reason(error)}); delete it") from error


def _write_text(path: Path, text: str) -> None:
    staging = path.with_name(f".{path.name}.part")
    try:
        staging.write_text(text)
        staging.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); see to space and permissions") from error
