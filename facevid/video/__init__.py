"""Read and write videos, image sequences and stills: frames with exact timestamps, colour, orientation and sound."""

from facevid.video.encoding.codecs import CODECS, Encoding
from facevid.video.frame import Frame, Patch
from facevid.video.info import ClipInfo, ColourTags
from facevid.video.patch import add_patches
from facevid.video.reader.clip import Clip
from facevid.video.reader.open_clip import open_clip
from facevid.video.writer.writer import ClipWriter, RgbWriter

__all__ = [
    "CODECS",
    "Clip",
    "ClipInfo",
    "ClipWriter",
    "ColourTags",
    "Encoding",
    "Frame",
    "Patch",
    "RgbWriter",
    "add_patches",
    "open_clip",
]
