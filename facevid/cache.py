"""Results of analysis, kept so that an artist who only changes `--attr` does not pay for them again.

They lie in `FACEVID_HOME/cache`, else in the platform's cache folder, and may be deleted at any time. An entry is a
folder of `.npy` files, named by a hash of all that its content depends on.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

CAPACITY = 4 << 30
"""Bytes that the cache may hold; beyond it the entries unused for longest are deleted."""


def cache_folder() -> Path:
    """Return the folder of the cache."""
    home = os.environ.get("FACEVID_HOME")
    return Path(home) / "cache" if home else Path(platformdirs.user_cache_dir("facevid"))


def cached(depends_on: dict[str, Any], fill: Callable[[Path], None]) -> Path:
    """Return the folder whose content is determined by `depends_on`, filling it first where it is not there yet.

    `fill` writes into an empty folder; what it writes appears as a whole or, if it raises, not at all.
    """
    key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:32]
    entry = cache_folder() / key
    if entry.is_dir():
        os.utime(entry)
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    _make_room(entry.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=entry.parent))
    try:
        fill(unfinished)
        try:
            unfinished.rename(entry)
        except OSError:
            # Another process was first: its content is the same.
            if not entry.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return entry


def identity(path: Path) -> dict[str, Any]:
    """Say which file lies at `path` now, cheaply: by its place, size and time of change."""
    status = path.stat()
    return {"path": str(path.resolve()), "size": status.st_size, "changed": status.st_mtime_ns}


def _make_room(folder: Path) -> None:
    entries = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in entries}
    excess = sum(sizes.values()) - CAPACITY
    for path in entries:
        if excess <= 0:
            break
        shutil.rmtree(path, ignore_errors=True)
        excess -= sizes[path]
