"""Find and run the ffmpeg program."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache

import imageio_ffmpeg

from facevid.errors import OutputError

MIN_VERSION = 7
"""Oldest supported major version of ffmpeg: the first with bitstream filters for inputs."""


@lru_cache(maxsize=1)
def ffmpeg_program() -> str:
    """Return the ffmpeg on PATH if it is recent enough (see MIN_VERSION), else the one in imageio-ffmpeg."""
    on_path = shutil.which("ffmpeg")
    if on_path is not None and _version(on_path) >= MIN_VERSION:
        return on_path
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _version(program: str) -> int:
    """Return the major version; development builds (N-12345) count as MIN_VERSION, failures to run as 0."""
    try:
        banner = subprocess.run(
            [program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    number = re.match(r"ffmpeg version n?(\d+)\.", banner)
    if number:
        return int(number[1])
    return MIN_VERSION if banner.startswith("ffmpeg version N-") else 0


def run_ffmpeg(arguments: Sequence[str], product: str) -> None:
    """Run ffmpeg and wait for it; an interrupt kills it.

    Args:
        arguments: the command line, without the program.
        product: the output file, named in the error message.

    Raises:
        OutputError: ffmpeg failed; the message has the last lines of its output.
    """
    command = [ffmpeg_program(), "-nostdin", "-hide_banner", "-loglevel", "error", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            _, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        tail = " | ".join(line.strip() for line in lines[-3:]) or f"exit status {process.returncode}"
        remedy = "free some space" if "No space left" in tail else "try another container, such as .mov or .mkv"
        msg = f"{product} cannot be written: ffmpeg failed: {tail}; {remedy}"
        raise OutputError(msg)
