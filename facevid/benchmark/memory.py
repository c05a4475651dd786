"""Peak memory of this process."""

import re
import sys
from pathlib import Path


def peak_memory() -> int:
    """Return the peak resident memory of this process, in bytes.

    On Linux it is read from /proc, because `ru_maxrss` of a child process includes the peak of its parent.
    """
    status = Path("/proc/self/status")
    peak = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    if peak is not None:
        return int(peak[1]) * 1024
    import resource  # absent on Windows

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
