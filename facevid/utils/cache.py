"""Cache of analysis results (tracking, codes), which do not depend on `--attr`.

The cache is `FACEVID_HOME/cache`, or else the platform's cache folder, and may be deleted at any time. An entry is a
folder of `.npy` files, named by a hash of everything that its content depends on.
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
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import platformdirs

from facevid.errors import OutputError, reason

CAPACITY_BYTES = 4 << 30
"""Capacity in bytes. When it is exceeded, the least recently used entries are deleted."""

MIN_AGE = 3600
"""Time, in seconds, since its last use before an entry may be deleted: another process may be reading it."""

MIN_UNFINISHED_AGE = 7 * 24 * 3600
"""Time, in seconds, before an unfinished entry may be deleted: another process may still be filling it."""

HASHES_FILE = "hashes.json"
"""File in each entry with the SHA-256 of its other files, to detect damage by a crash or a failing disk."""

SAMPLE_COUNT = 4
"""Number of parts of a file that its key depends on: the beginning, the end, and evenly spaced ones between them."""

SAMPLE_BYTES = 16 << 10
"""Size of each of these parts, in bytes: about what a disk or a network transfers in one read."""

_PERMISSION_ERRORS = (errno.EACCES, errno.EPERM, errno.EROFS)
_LOGGER = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the cache folder, which may not exist yet."""
    home = os.environ.get("FACEVID_HOME")
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir("facevid"))


@dataclass(frozen=True)
class CacheUsage:
    """Contents of the cache.

    Attributes:
        folder: folder of the cache.
        entries: number of entries.
        bytes: total size of their files.
        capacity: size, in bytes, above which the least recently used entries are deleted.
    """

    folder: Path
    entries: int
    bytes: int
    capacity: int


def cache_usage() -> CacheUsage:
    """Measure the cache.

    Raises:
        OutputError: the folder cannot be read.
    """
    folder = cache_folder()
    try:
        entries = _entries(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read ({reason(error)}); check its permissions") from error
    return CacheUsage(folder, len(entries), sum(size for _, size, _ in entries), CAPACITY_BYTES)


def clear_cache() -> CacheUsage:
    """Delete all entries except unfinished ones in recent use, and return what was there before.

    Raises:
        OutputError: an entry cannot be deleted.
    """
    before = cache_usage()
    for when, _, path in _entries(before.folder):
        if path.suffix and time.time() - when < MIN_AGE:
            continue  # another process may be writing it
        _remove(path)
        if path.exists():
            raise OutputError(f"{path}: cannot be deleted; check its permissions")
    return before


def cached_folder(depends_on: dict[str, Any], fill: Callable[[Path], None]) -> Path:
    """Return the cache entry for a key, and fill it first if it is missing or damaged.

    If the cache folder is not writable, a temporary folder replaces it until the process ends.

    Args:
        depends_on: everything that the content depends on, serializable as JSON; its hash is the key.
        fill: writes the content into an empty folder. If it raises, no entry is created.

    Raises:
        OutputError: the cache cannot be written, as on a full or failing disk.
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
        raise OutputError(
            f"{entry.parent}: the cache cannot be written ({error.strerror or error}); free some disk space, or set "
            "FACEVID_HOME to another folder"
        ) from error
    return entry


def _fill(entry: Path, fill: Callable[[Path], None]) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    _make_room(entry.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", dir=entry.parent))
    try:
        fill(unfinished)
        (unfinished / HASHES_FILE).write_text(json.dumps(_hashes(unfinished)))
        try:
            unfinished.rename(entry)
        except OSError:
            if not _is_whole(entry):  # otherwise another process was faster, with the same content
                _remove(entry)
                unfinished.rename(entry)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_whole(entry: Path) -> bool:
    """Return whether all files of an entry are present and undamaged, and update its time of last use."""
    try:
        hashes = json.loads((entry / HASHES_FILE).read_text())
        with contextlib.suppress(OSError):  # another user owns the entry, or the cache is read-only
            os.utime(entry)
        return bool(hashes == _hashes(entry))
    except (OSError, ValueError, RecursionError):
        return False


def _is_writable(folder: Path) -> bool:
    """Create the folder if it is missing, and return whether files can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.errno not in _PERMISSION_ERRORS
    return os.access(folder, os.W_OK | os.X_OK)


@lru_cache(maxsize=1)
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="facevid-cache-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _LOGGER.warning("the cache %s is not writable: analysis results are kept for this run only", cache_folder())
    return folder


def _hashes(entry: Path) -> dict[str, str]:
    hashes = {}
    for path in entry.iterdir():
        if path.name != HASHES_FILE:
            with path.open("rb") as file:
                hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def file_key(path: Path) -> dict[str, Any]:
    """Return a cache key for the content of a file: its name, size, modification time, and a hash of samples of it.

    It does not contain the folder, which can be mounted elsewhere on another machine.
    """
    status = path.stat()
    return {"name": path.name, "size": status.st_size, "changed": status.st_mtime_ns, "samples": hash_samples(path)}


def hash_samples(path: Path) -> str:
    """Return a hash of the beginning, the end, and evenly spaced parts of a file, without reading all of it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        last = max(file.seek(0, os.SEEK_END) - SAMPLE_BYTES, 0)
        for offset in sorted({last * part // (SAMPLE_COUNT - 1) for part in range(SAMPLE_COUNT)}):
            file.seek(offset)
            digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def _make_room(folder: Path) -> None:
    """Delete the least recently used entries until the cache fits CAPACITY_BYTES, except those in recent use.

    Other processes may delete and rename entries at the same time.
    """
    entries = _entries(folder)
    excess = sum(size for _, size, _ in entries) - CAPACITY_BYTES
    for when, size, path in sorted(entries):
        min_age = MIN_UNFINISHED_AGE if path.suffix else MIN_AGE
        if excess > 0 and time.time() - when >= min_age:
            _remove(path)
            excess -= size


def _entries(folder: Path) -> list[tuple[float, int, Path]]:
    """Return time of last use, size in bytes and path of each entry, unfinished ones included."""
    entries: list[tuple[float, int, Path]] = []
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            entries.append((path.stat().st_mtime, sum(file.stat().st_size for file in path.iterdir()), path))
    return entries


def _remove(entry: Path) -> None:
    """Delete an entry. It is renamed first, so that other processes never see it partially deleted."""
    removed = entry.with_name(f"{entry.stem}.{uuid4().hex}")
    with contextlib.suppress(OSError):
        entry.rename(removed)
        shutil.rmtree(removed, ignore_errors=True)
