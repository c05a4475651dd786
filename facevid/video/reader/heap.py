"""Return unused heap memory to the operating system.

The C library keeps freed memory for reuse. Small long-lived objects, such as landmarks, are allocated inside the space
of a freed frame, which then no longer fits the next frame: fragmentation can grow the heap by one frame per frame.
Allocating frames outside the heap (`mallopt`) avoids this, but makes an edit a third slower.
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator

from facevid.video.frame import Frame

TRIM_INTERVAL_BYTES = 128 << 20
"""Bytes of RGB frames between two trims; fragmentation can add as much to the heap. A trim takes milliseconds, and
slows the next frames down by as much again, since the kernel clears the pages that they touch."""


def trim_heap(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield the frames, and trim the heap every TRIM_INTERVAL_BYTES bytes and after the last frame."""
    byte_count = 0
    for frame in frames:
        yield frame
        byte_count += 3 * frame.width * frame.height
        if byte_count >= TRIM_INTERVAL_BYTES:
            byte_count = 0
            _trim()
    _trim()


def _trim() -> None:
    """Release free pages of the heap with glibc's `malloc_trim`; does nothing on other systems."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
