"""The log of the losses and the record of a training run on pictures."""

import csv
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from facevid.errors import InputError, OutputError, reason
from facevid.training.common.run import Compute
from facevid.utils.atomic_output import atomic_path


class RunRecord:
    """Writes `losses.csv` and `run.json` to the folder of a run.

    Raises:
        InputError: a file of an earlier session is damaged.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, compute: Compute) -> None:
        self._folder = folder
        self._compute = compute
        self._session: dict[str, Any] = {}
        self._record: dict[str, Any] = {}

    def begin(self, step: int, config: dict[str, Any], pictures: dict[str, int], start: str | None) -> None:
        """Start the record of a session, and delete logged losses of steps after the checkpoint.

        Args:
            step: step of the checkpoint that the session resumes from; 0 for a new run.
            config: hyperparameters, as JSON values.
            pictures: number of training pictures of each set.
            start: name of the checkpoint that a new run is initialised with.
        """
        try:
            (self._folder / "samples").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self._folder}: cannot be created ({error.strerror}); check permissions") from error
        log = self._folder / "losses.csv"
        if log.is_file():
            _write_text(log, "".join(_log_lines(log, step)))
        record = self._folder / "run.json"
        sessions = _read_sessions(record) if record.is_file() and step else []
        device = self._compute.device
        self._session = {
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "from_step": step,
            "device": torch.cuda.get_device_name(device)
            if device.startswith("cuda")
            else platform.processor() or "cpu",
            "torch": torch.__version__,
            "batch_size": config["batch_size"],
        }
        self._record = {
            "start": start,
            "pictures": pictures,
            "seed": self._compute.seed,
            "recipe": config,
            "sessions": sessions,
        }

    def log(self, step: int, losses: dict[str, float]) -> None:
        """Append losses as rows of step, name, value."""
        with (self._folder / "losses.csv").open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([step, name, f"{v:.6g}"] for name, v in losses.items())

    def end(self, step: int, seconds: float) -> None:
        """Write the record of the session.

        Args:
            step: total number of steps of the run.
            seconds: time spent in steps, over all sessions.
        """
        self._record["sessions"].append(self._session | {"to_step": step})
        self._record |= {"steps": step, "seconds": round(seconds, 1)}
        _write_text(self._folder / "run.json", json.dumps(self._record, indent=2) + "\n")


def _log_lines(log: Path, last_step: int) -> list[str]:
    """Return the lines of a log up to a step. Raises InputError if the log is damaged."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [line for line in lines if int(line.split(",")[0]) <= last_step]
    except (OSError, ValueError) as error:
        raise InputError(f"{log}: not a valid log of losses ({reason(error)}); delete it") from error


def _read_sessions(record: Path) -> list[Any]:
    """Return the earlier sessions from the record of a run. Raises InputError if the record is damaged."""
    try:
        return list(json.loads(record.read_text(encoding="utf-8"))["sessions"])
    except Exception as error:  # a damaged file can fail in any way
        raise InputError(f"{record}: not a valid record of a training run ({reason(error)}); delete it") from error


def _write_text(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text)
