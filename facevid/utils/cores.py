"""The share of the machine that this process may use, and settings of the C libraries that depend on it."""

import ctypes
import math
import os
import sys
from contextlib import suppress
from pathlib import Path

MMAP_THRESHOLD = 32 << 20
"""Size in bytes, glibc's maximum, below which memory comes from the heap: a fresh mapping of a picture costs as much
time as a pass over it, since the kernel clears each of its pages."""

TRIM_THRESHOLD = 256 << 20
"""Unused bytes at the end of the heap that are kept for the next picture."""

_M_TRIM_THRESHOLD = -1
"""Number of `mallopt`'s parameter (malloc.h)."""

_M_MMAP_THRESHOLD = -3
"""Number of `mallopt`'s parameter (malloc.h)."""


def core_count() -> int:
    """Return how many cores this process may use, at least 1.

    This is the minimum of the cores it is bound to, the quota of its control group, and OMP_NUM_THREADS.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [bound, *_cgroup_limit(), *_omp_limit()]
    return max(min(limits), 1)


def configure_process() -> None:
    """Set up the C libraries of this process, before they are imported; values that the user has set are kept.

    OpenMP's threads, which run PyTorch's networks, sleep while they wait; by default they wait actively and occupy
    cores that other threads need. OpenCV and NumPy get one thread, because several frames are processed at once. Freed
    memory is kept for reuse instead of being returned to the system immediately.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD)


def _omp_limit() -> list[int]:
    """Return OMP_NUM_THREADS, whose first number counts; nothing if it is missing or invalid."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return [int(first)] if first.isdecimal() and int(first) else []


def _cgroup_limit() -> list[int]:
    """Return the quota of the control group in whole cores, rounded up; nothing if there is none."""
    with suppress(OSError, ValueError):  # version 2
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return [] if quota == "max" else [math.ceil(int(quota) / int(period))]
    with suppress(OSError, ValueError):  # version 1
        folder = Path("/sys/fs/cgroup/cpu")
        quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return [math.ceil(int(quota) / int(period))] if int(quota) > 0 else []
    return []
