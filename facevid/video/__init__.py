"""Reading and writing clips: frames with exact timestamps, colour, rotation, sound; still pictures too."""

from facevid.video.clip import Clip, ClipInfo, ColourTags, open_clip
from facevid.video.edit import add_edits
from facevid.video.encoding import CODECS, Encoding
from facevid.video.frame import Edit, Frame
from facevid.video.writer import ClipWriter, RgbWriter

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
