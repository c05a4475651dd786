"""Claims: lock files beside results, by which machines agree on who edits which shot."""

import os
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType

RENEWAL_INTERVAL = 20.0
"""Interval, in seconds, at which a claim's modification time is updated."""

ABANDONED_AFTER = 180.0
"""Time in seconds without renewal after which a claim's process is assumed to be dead: nine missed renewals."""


class Claim:
    """Claim on a shot, a lock file beside its result.

    After `acquire` returned True, use the claim as a context manager: it is renewed in a thread, and released at exit.
    Ages are measured with the clock of the file system, which all machines share.
    """

    def __init__(self, target: Path) -> None:
        self._path = target.with_name(f".{target.name}.claim")
        self._released = threading.Event()
        self._renewal = threading.Thread(target=self._renew, daemon=True)

    def acquire(self) -> bool:
        """Try to acquire the claim; return whether this process has it now."""
        return self._create() or (self._is_abandoned(self._path) and self._remove_abandoned() and self._create())

    def holder(self) -> str:
        """Return the machine and process that hold the claim."""
        try:
            return self._path.read_text().strip()
        except OSError:
            return "another process"

    def __enter__(self) -> "Claim":
        """Start to renew the claim."""
        self._renewal.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the claim."""
        self._released.set()
        self._renewal.join()
        self._path.unlink(missing_ok=True)

    def _create(self) -> bool:
        """Create the lock file; return False if it exists."""
        try:
            with self._path.open("x") as file:
                file.write(f"{socket.gethostname()}, process {os.getpid()}\n")
        except FileExistsError:
            return False
        return True

    def _is_abandoned(self, path: Path) -> bool:
        """Compare a lock file's age, in the file system's time, to ABANDONED_AFTER."""
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".now-") as now:
                return os.fstat(now.fileno()).st_mtime - path.stat().st_mtime > ABANDONED_AFTER
        except FileNotFoundError:
            return True

    def _remove_abandoned(self) -> bool:
        """Remove an abandoned lock file; return False if another process has replaced it with its own meanwhile.

        Renaming is atomic, so only one process gets the file; its age is then checked again.
        """
        renamed = self._path.with_name(f"{self._path.name}-{socket.gethostname()}-{os.getpid()}-{id(self)}")
        try:
            self._path.rename(renamed)
        except FileNotFoundError:
            return True
        if not self._is_abandoned(renamed):
            renamed.rename(self._path)
            return False
        renamed.unlink()
        return True

    def _renew(self) -> None:
        while not self._released.wait(RENEWAL_INTERVAL):
            try:
                os.utime(self._path)
            except OSError:
                continue  # the file system may be available again at the next renewal
