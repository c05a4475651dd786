"""Running `facevid edit` on many shots, each in its own process, several at a time."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

from facevid.batch.claim import Claim
from facevid.batch.shots import Shot
from facevid.errors import OutputError

SHOT = "{shot}"
"""Placeholder in options that is replaced by the shot's label."""


@dataclass(frozen=True)
class ShotOutcome:
    """Outcome of one shot.

    Attributes:
        shot: name of the shot.
        state: "done"; "kept" if its result existed before; "elsewhere" if another process is editing it; or "failed".
        code: exit code of `facevid edit`; 0 if it did not run.
        seconds: duration of the edit, in seconds.
        message: output of `facevid edit` on stderr, warnings or an error; for "elsewhere", the other process.
    """

    shot: str
    state: Literal["done", "kept", "elsewhere", "failed"]
    code: int = 0
    seconds: float = 0.0
    message: str = ""


def edit_shots(
    shots: Sequence[Shot],
    options: Sequence[str],
    *,
    jobs: int,
    devices: Sequence[str],
    overwrite: bool,
    report: Callable[[ShotOutcome], None],
) -> list[ShotOutcome]:
    """Edit shots in parallel. If one fails, the others are still edited.

    Args:
        shots: shots to edit.
        options: options of `facevid edit`, in which `SHOT` is replaced by the label of each shot.
        jobs: number of parallel processes. They share the CPU cores evenly, unless OMP_NUM_THREADS is set.
        devices: devices to distribute over the jobs; empty to let each job choose.
        overwrite: edit shots again whose results exist.
        report: called with the outcome of each shot when it ends.

    Returns:
        The outcomes, in the order of the shots.

    Raises:
        KeyboardInterrupt: all jobs were stopped, and left no unfinished results.
        OutputError: the folders of the results cannot be created.
    """
    farm = _Farm(options, jobs, devices, overwrite, report)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(farm.edit, shots))
        except BaseException:
            farm.stop()
            raise


class _Farm:
    def __init__(
        self,
        options: Sequence[str],
        jobs: int,
        devices: Sequence[str],
        overwrite: bool,
        report: Callable[[ShotOutcome], None],
    ) -> None:
        self._options, self._overwrite, self._report = options, overwrite, report
        self._environment = {"OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // jobs, 1))} | os.environ
        self._devices: SimpleQueue[str | None] = SimpleQueue()
        for job in range(jobs):
            self._devices.put(devices[job % len(devices)] if devices else None)
        self._lock, self._stopped = threading.Lock(), False
        self._running: set[subprocess.Popen[str]] = set()

    def edit(self, shot: Shot) -> ShotOutcome:
        outcome = self._outcome(shot)
        with self._lock:
            if not self._stopped:
                self._report(outcome)
        return outcome

    def stop(self) -> None:
        """Terminate the running processes and start no more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()

    def _outcome(self, shot: Shot) -> ShotOutcome:
        name = str(shot.name)
        try:
            shot.target.parent.mkdir(parents=True, exist_ok=True)
            claim = Claim(shot.target)
            if not claim.acquire():
                return ShotOutcome(name, "elsewhere", message=claim.holder())
            with claim:
                if shot.done and not self._overwrite:
                    return ShotOutcome(name, "kept")
                return self._run(shot)
        except OSError as error:
            raise OutputError(f"{shot.target}: cannot be written ({error}); choose another folder") from error

    def _run(self, shot: Shot) -> ShotOutcome:
        device = self._devices.get()
        began = time.monotonic()
        command = [sys.executable, "-m", "facevid", "edit", str(shot.source), str(shot.target), "--quiet"]
        command += [self._insert_label(option, shot) if SHOT in option else option for option in self._options]
        command += ["--overwrite"] * self._overwrite + (["--device", device] if device else [])
        code, message = self._run_process(command)
        self._devices.put(device)
        seconds = time.monotonic() - began
        return ShotOutcome(str(shot.name), "failed" if code else "done", code, seconds, message)

    def _insert_label(self, option: str, shot: Shot) -> str:
        """Insert the shot's label into an option, and create the parent folder of the path that results."""
        path = option.replace(SHOT, shot.label)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return path

    def _run_process(self, command: list[str]) -> tuple[int, str]:
        """Run a command; return its exit code and its output on stderr."""
        with self._lock:
            if self._stopped:
                return 130, "interrupted"
            process = subprocess.Popen(
                command,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # `stop` terminates it; Ctrl-C must not interrupt its clean-up again
            )
            self._running.add(process)
        try:
            _, stderr = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        return process.returncode, stderr.strip()
