"""Damaged files of every kind that is read: refused with their name, or read; nothing else ever happens."""

import random
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from facevid.errors import FacevidError
from facevid.video import ClipWriter, open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.conftest import Outcome
from tests.damage import damaged_bytes
from tests.video import test_exr, test_tiff

SOURCES = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2"]
PICTURE = ["-an", "-frames:v", "1"]
KINDS = {
    "a.mp4": ["-c:v", "libx264", "-c:a", "aac"],
    "a.mov": ["-c:v", "prores_ks", "-c:a", "pcm_s16le"],
    "a.mkv": ["-c:v", "ffv1", "-c:a", "flac"],
    "a.ts": ["-c:v", "mpeg2video", "-c:a", "mp2"],
    "a.avi": ["-c:v", "mpeg4", "-c:a", "mp2"],
    "a.webm": ["-c:v", "libvpx", "-c:a", "libopus"],
    "a.png": PICTURE,
    "a.jpg": PICTURE,
    "a.tif": PICTURE,
    "a.exr": [*PICTURE, "-pix_fmt", "gbrpf32le"],
    "a.dpx": PICTURE,
    "a.webp": PICTURE,
    "a.bmp": PICTURE,
}
ROUNDS = 40
BY_COMMAND = 3
MEMORY = 400 << 20
"""Bytes by which all of these files may make the process grow, whatever sizes they claim."""


def make(name: str, folder: Path) -> Path:
    """Write a small file of the kind that its name says."""
    path = folder / name
    if name == "a.heic":
        samples = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        pillow_heif.from_pillow(Image.fromarray(samples)).save(path)
    elif name == "layers.exr":
        test_exr.write(path, test_exr.Part({**test_exr.rgba(), "Z": "float"}, test_exr.ATTRIBUTES, tile=16))
    elif name == "pages.tif":
        test_tiff.write(path, (3, "float"), (5, "uint16"), tile=16)
    else:
        run_ffmpeg(["-y", *SOURCES, *KINDS[name], f"file:{path}"], name)
    return path


@pytest.mark.parametrize("name", [*KINDS, "a.heic", "layers.exr", "pages.tif"])
def test_a_damaged_file_is_refused_by_name_or_read(
    name: str, tmp_path: Path, run_facevid: Callable[..., Outcome]
) -> None:
    whole, chance = make(name, tmp_path), random.Random(name)
    source = tmp_path / f"damaged{whole.suffix}"
    is_video = "-an" not in KINDS.get(name, PICTURE)
    out = tmp_path / "out" / ("out.mkv" if is_video else f"out{'.png' if name == 'a.heic' else whole.suffix}")
    out.parent.mkdir()
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(ROUNDS):
        source.write_bytes(damaged_bytes(whole.read_bytes(), chance))
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
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY
    out.unlink(missing_ok=True)
    for _ in range(BY_COMMAND):
        source.write_bytes(damaged_bytes(whole.read_bytes(), chance))
        outcome = run_facevid("edit", source, out, "--attr", "smile=1", "--quiet")
        assert outcome.code in (0, 3, 4)  # done, damaged, or without a face: the detector may see one in noise
        assert outcome.code == 0 or source.name in outcome.err.splitlines()[-1]
        assert [path.name for path in out.parent.iterdir()] == [out.name] * (outcome.code == 0)
        out.unlink(missing_ok=True)
