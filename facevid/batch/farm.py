"""Running `facevid edit` for one shot after another, several at once, each in a process of its own."""

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
"""What stands for a shot's label in options."""


@dataclass(frozen=True)
class ShotOutcome:
    """How the work on a shot ended.

    Attributes:
        shot: the shot's name.
        state: "done"; "kept", its result was there already; "elsewhere", another process is at it; or "failed".
        code: exit code of `facevid edit`; 0 where it did not run.
        seconds: how long it took.
        message: what it said on stderr: warnings, or why it failed; or who is at it.
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
    tell: Callable[[ShotOutcome], None],
) -> list[ShotOutcome]:
    """Edit shots, `jobs` at once; what fails does not stop the others.

    Args:
        shots: the shots.
        options: of `facevid edit`, the same for all, but `SHOT` in them stands for a shot's label.
        jobs: processes at once. Where the environment does not say how many threads they have, they share the cores.
        devices: each job is given one of them, in turn; none to let each choose.
        overwrite: edit shots again whose results are there.
        tell: told of each shot when it ends.

    Returns:
        how each ended, in the order of the shots.

    Raises:
        KeyboardInterrupt: after the jobs were stopped; none leaves an unfinished result.
        OutputError: folders for the results cannot be made.
    """
    farm = _Farm(options, jobs, devices, overwrite, tell)
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
        tell: Callable[[ShotOutcome], None],
    ) -> None:
        self._options, self._overwrite, self._tell = options, overwrite, tell
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
                self._tell(outcome)
        return outcome

    def stop(self) -> None:
        """Interrupt what runs and begin nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()

    def _outcome(self, shot: Shot) -> ShotOutcome:
        name = str(shot.name)
        try:
            shot.target.parent.mkdir(parents=True, exist_ok=True)
            claim = Claim(shot.target)
            if not claim.taken():
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
        command += [self._of_shot(option, shot) if SHOT in option else option for option in self._options]
        command += ["--overwrite"] * self._overwrite + (["--device", device] if device else [])
        code, message = self._waited(command)
        self._devices.put(device)
        seconds = time.monotonic() - began
        return ShotOutcome(str(shot.name), "failed" if code else "done", code, seconds, message)

    def _of_shot(self, option: str, shot: Shot) -> str:
        """Name a shot in an option, and make the folder for what the option asks for beside the result."""
        named = option.replace(SHOT, shot.label)
        Path(named).parent.mkdir(parents=True, exist_ok=True)
        return named

    def _waited(self, command: list[str]) -> tuple[int, str]:
        with self._lock:
            if self._stopped:
                return 130, "interrupted"
            process = subprocess.Popen(
                command,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C would reach it a second time, while it tidies up
            )
            self._running.add(process)
        try:
            _, said = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        return process.returncode, said.strip()
