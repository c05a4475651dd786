"""Damaged files of every kind that is read: refused with their name, or read; nothing else ever happens."""

import random
from pathlib import Path

import pytest

from facevid.errors import FacevidError
from facevid.video import ClipWriter, open_clip
from facevid.video.ffmpeg import run_ffmpeg

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
HEADER = 400
ROUNDS = 40


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """Flip bytes anywhere or in the header, cut, repeat or blank a part."""
    data = bytearray(whole)
    place = chance.randrange(len(data))
    match chance.choice(("flip", "header", "cut", "repeat", "blank")):
        case "flip":
            for _ in range(chance.choice((1, 4, 32))):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case "header":
            for _ in range(chance.choice((1, 3))):
                data[chance.randrange(min(HEADER, len(data)))] = chance.randrange(256)
        case "cut":
            del data[place:]
        case "repeat":
            data[place:place] = data[place : place + chance.randrange(2000)]
        case "blank":
            length = min(chance.randrange(500), len(data) - place)
            data[place : place + length] = bytes(length)
    return bytes(data)


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_refused_by_name_or_read(name: str, tmp_path: Path) -> None:
    whole, chance = tmp_path / name, random.Random(name)
    run_ffmpeg(["-y", *SOURCES, *KINDS[name], f"file:{whole}"], name)
    source = tmp_path / f"damaged{whole.suffix}"
    out = tmp_path / "out" / (name if "-an" in KINDS[name] else "out.mkv")
    out.parent.mkdir()
    refused = 0
    for _ in range(ROUNDS):
        source.write_bytes(damaged(whole.read_bytes(), chance))
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
