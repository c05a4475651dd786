"""Claims: files beside results that tell other machines which shots are being worked on."""

import os
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType

HEARTBEAT = 20.0
"""Seconds after which a claim is renewed."""
ABANDONED = 180.0
"""Seconds without renewal after which its machine is taken to be gone."""


class Claim:
    """A shot that this process works on, as long as the context lasts. Times are those of the results' file system."""

    def __init__(self, target: Path) -> None:
        self._path = target.with_name(f".{target.name}.claim")
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def taken(self) -> bool:
        """Try to get the claim; it is to be used as a context then."""
        return self._created() or (self._abandoned(self._path) and self._removed() and self._created())

    def holder(self) -> str:
        """Name who has it."""
        try:
            return self._path.read_text().strip()
        except OSError:
            return "another process"

    def __enter__(self) -> "Claim":
        """Keep it alive."""
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it up."""
        self._ended.set()
        self._heart.join()
        self._path.unlink(missing_ok=True)

    def _created(self) -> bool:
        try:
            with self._path.open("x") as file:
                file.write(f"{socket.gethostname()}, process {os.getpid()}\n")
        except FileExistsError:
            return False
        return True

    def _abandoned(self, path: Path) -> bool:
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".now-") as now:
                return os.fstat(now.fileno()).st_mtime - path.stat().st_mtime > ABANDONED
        except FileNotFoundError:
            return True

    def _removed(self) -> bool:
        """Remove an abandoned claim, but not the one of who did so a moment before."""
        aside = self._path.with_name(f"{self._path.name}-{socket.gethostname()}-{os.getpid()}-{id(self)}")
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return True
        if not self._abandoned(aside):
            aside.rename(self._path)
            return False
        aside.unlink()
        return True

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            try:
                os.utime(self._path)
            except OSError:
                continue  # the file system may be back at the next beat
