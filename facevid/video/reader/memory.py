"""Giving memory that is no longer used back to the system.

The C library keeps freed memory for later. But a small thing that lasts, such as a face's landmarks, is put into the
room that a picture has left, and the next picture does not fit there: the heap may grow by a picture a frame. Taking
pictures out of the heap for good (`mallopt`) would cost a third of the time of an edit.
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator

from facevid.video.frame import Frame

PASSED = 32 << 20
"""Bytes of pictures after which memory is given back: it takes a few milliseconds."""


def trimmed(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Pass frames through, and give unused memory back now and then, and in the end: another stage follows."""
    passed = 0
    for frame in frames:
        yield frame
        passed += 3 * frame.width * frame.height
        if passed >= PASSED:
            passed = 0
            _trim()
    _trim()


def _trim() -> None:
    """Give back whole pages in the heap that are free, where the C library is one that can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
