"""Reading and writing videos, image sequences and stills: frames with exact timestamps, colour, rotation, sound."""

from facevid.video.edit import add_edits
from facevid.video.frame import Edit, Frame
from facevid.video.info import ClipInfo, ColourTags
from facevid.video.reader.clip import Clip, open_clip
from facevid.video.writer.encoding import CODECS, Encoding
from facevid.video.writer.writer import ClipWriter, RgbWriter

__all__ = [
    "CODECS",
    "Clip",
    "ClipInfo",
    "ClipWriter",
    "ColourTags",
    "Edit",
    "Encoding",
    "Frame",
    "RgbWriter",
    "add_edits",
    "open_clip",
]
