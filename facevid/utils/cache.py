"""Results of analysis, kept so that an artist who only changes `--attr` does not pay for them again.

They lie in `FACEVID_HOME/cache`, else in the platform's cache folder, and may be deleted at any time. An entry is a
folder of `.npy` files, named by a hash of all that its content depends on.
"""

import atexit
import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import platformdirs

from facevid.errors import OutputError

CAPACITY = 4 << 30
"""Bytes that the cache may hold; beyond it the entries unused for longest are deleted."""

KEPT_FOR = 3600
"""Seconds after its last use for which an entry is kept nevertheless."""

UNFINISHED_KEPT_FOR = 7 * 24 * 3600
"""Seconds for which one is that is not finished: left by a crash, or still at work."""

HASHES = "hashes.json"
"""The file of an entry that tells the SHA-256 of all others: a crash, a full disk or a failing one may have changed
them."""


_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_LOGGER = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder of the cache."""
    home = os.environ.get("FACEVID_HOME")
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir("facevid"))


def cached(depends_on: dict[str, Any], fill: Callable[[Path], None]) -> Path:
    """Return the folder whose content is determined by `depends_on`, filling it first where it is not there whole.

    `fill` writes into an empty folder; what it writes appears as a whole or, if it raises, not at all. Where nobody may
    write to the cache, a temporary folder takes its place until the process ends. Raises OutputError where the disk is
    full, or failing.
    """
    key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:32]
    entry = cache_folder() / key
    if _is_whole(entry):
        return entry
    if not _is_writable(entry.parent):
        entry = _temporary_folder() / key
        if _is_whole(entry):
            return entry
    try:
        _fill(entry, fill)
    except OSError as error:
        msg = f"the cache {entry.parent} cannot be written to ({error.strerror or error}); free some space there"
        raise OutputError(f"{msg}, or set FACEVID_HOME to another folder") from error
    return entry


def _fill(entry: Path, fill: Callable[[Path], None]) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    _make_room(entry.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", dir=entry.parent))
    try:
        fill(unfinished)
        (unfinished / HASHES).write_text(json.dumps(_hashes(unfinished)))
        try:
            unfinished.rename(entry)
        except OSError:
            if not _is_whole(entry):  # else another process was first: its content is the same
                _remove(entry)
                unfinished.rename(entry)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_whole(entry: Path) -> bool:
    """Return whether all files of an entry are there as they were written, and mark it as used now."""
    try:
        hashes = json.loads((entry / HASHES).read_text())
        with contextlib.suppress(OSError):  # others may own it, or nobody may write to it
            os.utime(entry)
        return bool(hashes == _hashes(entry))
    except (OSError, ValueError, RecursionError):
        return False


def _is_writable(folder: Path) -> bool:
    """Make the folder where it is missing, and return whether files can be put there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.errno not in _FORBIDDEN
    return os.access(folder, os.W_OK | os.X_OK)


@lru_cache(maxsize=1)
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="facevid-cache-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    place = cache_folder()
    _LOGGER.warning("the cache %s may not be written to: what is found is kept for this run only", place)
    return folder


def _hashes(entry: Path) -> dict[str, str]:
    found = {}
    for path in entry.iterdir():
        if path.name != HASHES:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def identity(path: Path) -> dict[str, Any]:
    """Say which file lies at `path` now, cheaply: by its place, size and time of change."""
    status = path.stat()
    return {"path": str(path.resolve()), "size": status.st_size, "changed": status.st_mtime_ns}


def _make_room(folder: Path) -> None:
    """Delete the entries unused for longest, but none that another process may be about to read or finish.

    Other processes may delete and rename entries meanwhile.
    """
    used: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            used.append((path.stat().st_mtime, sum(file.stat().st_size for file in path.iterdir()), path))
    excess = sum(size for _, size, _ in used) - CAPACITY
    for when, size, path in sorted(used):
        kept_for = UNFINISHED_KEPT_FOR if path.suffix else KEPT_FOR
        if excess > 0 and time.time() - when >= kept_for:
            _remove(path)
            excess -= size


def _remove(entry: Path) -> None:
    """Delete an entry at one blow, for other processes not to see a part of it."""
    removed = entry.with_name(f"{entry.stem}.{uuid4().hex}")
    with contextlib.suppress(OSError):
        entry.rename(removed)
        shutil.rmtree(removed, ignore_errors=True)
