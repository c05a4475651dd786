"""Finding and running the ffmpeg program."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from facevid.errors import OutputError
from facevid.video.writer import ffmpeg


def write_fake_ffmpeg(folder: Path, banner: str) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho '{banner}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("banner", "is_used"),
    [
        ("ffmpeg version 7.1.1 Copyright", True),
        ("ffmpeg version n8.0-16-gd8605a6b55 Copyright", True),
        ("ffmpeg version N-118000-gabcdef Copyright", True),
        ("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", False),
        ("something else", False),
    ],
)
def test_the_program_on_the_path_is_used_if_recent_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, banner: str, is_used: bool
) -> None:
    write_fake_ffmpeg(tmp_path, banner)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    ffmpeg.ffmpeg_program.cache_clear()
    try:
        assert (ffmpeg.ffmpeg_program() == str(tmp_path / "ffmpeg")) is is_used
    finally:
        ffmpeg.ffmpeg_program.cache_clear()


def test_a_failure_quotes_the_program(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out\.mp4 .*none\.mp4"):
        ffmpeg.run_ffmpeg(["-i", str(tmp_path / "none.mp4"), str(tmp_path / "out.mp4")], "out.mp4")


def test_an_interrupt_kills_the_program(tmp_path: Path) -> None:
    endless = ["-f", "lavfi", "-re", "-i", "testsrc2=size=64x48", str(tmp_path / "out.mkv")]
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        ffmpeg.run_ffmpeg(endless, "out.mkv")
    size = (tmp_path / "out.mkv").stat().st_size
    time.sleep(0.3)
    assert (tmp_path / "out.mkv").stat().st_size == size
