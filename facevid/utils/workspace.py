"""The hidden folder beside a result in which an interrupted edit keeps its finished segments.

    .NAME.<hash>.facevid/
        job.json    hash of everything that the segments depend on; written first
        lock        held while a process works in the folder
        track/ ...  one folder for each stage, with one file or more for each segment

The same command resumes with the segments that are complete. A different command for the same result deletes them.
"""

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from facevid.errors import EngineError, OutputError
from facevid.utils.atomic_output import NO_LOCKS, atomic_path

JOB_FILE = "job.json"
"""File with the hash of everything that the segments depend on."""

COMMITTING_FILE = "committing"
"""Empty file that marks that all segments are complete, and that the files of the result are being moved into place."""

MAX_STEM_BYTES = 64
"""Maximum length, in bytes, of the part of the result's name that the folder's name contains."""


class BusyError(OutputError):
    """Another process is working on the same result."""


class Workspace:
    """The folder of one result's segments; a context manager.

    The folder is deleted when the context is left, except after an interruption or the loss of workers: then it is kept
    if it contains a finished segment. Other errors would recur.

    Args:
        out: the result.
        parent: parent of the folder, on the disk of the result.
        depends_on: everything that the segments depend on, serializable as JSON.
        part: numbers of the frames that are written into the result; None for all.

    Raises:
        BusyError: another process works on the same result; raised on entering.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, out: Path, parent: Path, depends_on: dict[str, Any], part: range | None = None) -> None:
        self._out = out
        part_name = f"{out.name}/{part.start}-{part.stop}" if part else out.name
        name = hashlib.sha256(part_name.encode()).hexdigest()[:8]
        stem = out.stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore")
        self.folder = parent / f".{stem}.{name}.facevid"
        self._lock = FileLock(self.folder / "lock", timeout=0)
        self._is_occupied = False
        self._key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()

    def __enter__(self) -> Self:
        try:
            self._occupy()
            if self._stored_key() != self._key:
                self._clear()
                with atomic_path(self.folder / JOB_FILE, durable=True) as temporary:
                    temporary.write_text(json.dumps({"key": self._key}))
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_resumable = isinstance(error, KeyboardInterrupt | EngineError) and self.has_segments
        if not self._is_occupied:
            with suppress(OSError):  # another process works in it, or it does not exist
                self.folder.rmdir()
        elif not is_resumable:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def _occupy(self) -> None:
        """Make the folder, and lock it if its disk has locks."""
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise BusyError(f"{self._out}: another facevid process is writing it; wait until it ends") from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise self._failure(error) from error
        self._is_occupied = True

    @property
    def has_segments(self) -> bool:
        """Whether at least one segment is complete."""
        return any(path.suffix in (".json", ".npz") for path in self.folder.glob("*/[0-9]*"))

    @property
    def is_committing(self) -> bool:
        """Whether an earlier run was interrupted while it moved the files of the result into place."""
        return self._stored_key() == self._key and (self.folder / COMMITTING_FILE).exists()

    def begin_commit(self) -> None:
        """Record that the files of the result are being moved into place from now on."""
        (self.folder / COMMITTING_FILE).touch()

    def _stored_key(self) -> str | None:
        try:
            key: str | None = json.loads((self.folder / JOB_FILE).read_text()).get("key")
        except (OSError, ValueError):
            return None
        return key

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(f"{self._out} cannot be written: {error.strerror}; choose another folder")
