"""Randomly damaged files of every format: each is either read, or refused with an error that names it."""

import random
import resource
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from facevid.errors import FacevidError
from facevid.video import ClipWriter, open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.conftest import RunFacevid
from tests.damage import damaged_bytes
from tests.video.images import exr_files, tiff_files

SOURCES = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2"]
IMAGE = ["-an", "-frames:v", "1"]
ARGUMENTS = {
    "a.mp4": ["-c:v", "libx264", "-c:a", "aac"],
    "a.mov": ["-c:v", "prores_ks", "-c:a", "pcm_s16le"],
    "a.mkv": ["-c:v", "ffv1", "-c:a", "flac"],
    "a.ts": ["-c:v", "mpeg2video", "-c:a", "mp2"],
    "a.avi": ["-c:v", "mpeg4", "-c:a", "mp2"],
    "a.webm": ["-c:v", "libvpx", "-c:a", "libopus"],
    "a.png": IMAGE,
    "a.jpg": IMAGE,
    "a.tif": IMAGE,
    "a.exr": [*IMAGE, "-pix_fmt", "gbrpf32le"],
    "a.dpx": IMAGE,
    "a.webp": IMAGE,
    "a.bmp": IMAGE,
}
"""File name -> ffmpeg's arguments."""

LIBRARY_ROUNDS = 40
"""Damaged versions of each file that are read through the library."""

COMMAND_ROUNDS = 3
"""Damaged versions of each file that are read through the command, which is slower."""

MAX_GROWTH = 400 << 20
"""Bytes by which the process may grow, whatever sizes the damaged headers declare."""


def make(name: str, folder: Path) -> Path:
    """Write a small file in the format of its name."""
    path = folder / name
    if name == "a.heic":
        samples = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        pillow_heif.from_pillow(Image.fromarray(samples)).save(path)
    elif name == "layers.exr":
        exr_files.write(path, exr_files.Part({**exr_files.rgba(), "Z": "float"}, exr_files.ATTRIBUTES, tile=16))
    elif name == "pages.tif":
        tiff_files.write(path, (3, "float"), (5, "uint16"), tile=16)
    else:
        run_ffmpeg(["-y", *SOURCES, *ARGUMENTS[name], f"file:{path}"], name)
    return path


@pytest.mark.parametrize("name", [*ARGUMENTS, "a.heic", "layers.exr", "pages.tif"])
def test_a_damaged_file_is_read_or_refused_by_name(name: str, tmp_path: Path, run_facevid: RunFacevid) -> None:
    intact, rng = make(name, tmp_path), random.Random(name)
    source = tmp_path / f"damaged{intact.suffix}"
    is_video = "-an" not in ARGUMENTS.get(name, IMAGE)
    out = tmp_path / "out" / ("out.mkv" if is_video else f"out{'.png' if name == 'a.heic' else intact.suffix}")
    out.parent.mkdir()
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(LIBRARY_ROUNDS):
        source.write_bytes(damaged_bytes(intact.read_bytes(), rng))
        try:
            clip = open_clip(source)
            with ClipWriter(out, clip, overwrite=True) as writer:
                for frame in clip.frames():
                    writer.write(frame)
        except FacevidError as error:
            refused += 1
            assert source.name in str(error) or out.name in str(error)
        assert {path.name for path in out.parent.iterdir()} <= {out.name}
    assert refused > 0
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MAX_GROWTH
    out.unlink(missing_ok=True)
    for _ in range(COMMAND_ROUNDS):
        source.write_bytes(damaged_bytes(intact.read_bytes(), rng))
        outcome = run_facevid("edit", source, out, "--attr", "smile=1", "--quiet")
        assert outcome.code in (0, 3, 4)  # done, damaged, no face; noise may be detected as a face
        assert outcome.code == 0 or source.name in outcome.err.splitlines()[-1]
        assert [path.name for path in out.parent.iterdir()] == [out.name] * (outcome.code == 0)
        out.unlink(missing_ok=True)
