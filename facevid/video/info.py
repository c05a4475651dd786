"""What a source of pictures says of itself."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from facevid.video.color.hdr import NO_HDR, HdrMetadata
from facevid.video.orientation import UPRIGHT, Orientation
from facevid.video.sequence import Sequence
from facevid.video.square import Box, pixel_aspect, square_size

STILL_TIME_BASE = Fraction(1, 25)
"""Seconds that a picture on its own is shown, as FFmpeg has it."""


@dataclass(frozen=True)
class ColourTags:
    """The source's colour tags as ITU-T H.273 numbers (2 is untagged) and FFmpeg's range (0 untagged, 1 limited)."""

    colour_range: int
    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class ClipInfo:
    """What a source says of itself; a still picture that says nothing, where it is not told otherwise.

    `width` and `height` are as displayed, `stored_width` and `stored_height` before turning. `average_rate`,
    `is_constant_rate` and `frame_count` are what the container claims, for information and progress only.
    `start`, in units of `time_base`, is what a broadcast's clock shows at its first picture or sound: it is taken off
    all times. `chroma_location` is FFmpeg's name of where chroma lies, None where that is usual. `unread` names what
    the source holds and no result will.
    `display_window` is the part of the pictures, in their pixels, that is displayed where OpenEXR files hold more
    (overscan); None is all. `chromaticities` are those of an OpenEXR file, `timecode` is that of the first one, `layer`
    the layer in it that the user chose. `is_cmyk` is set where colours were converted, so that their profile is none of
    the result's.
    `start_number` is the number that the user gives the first frame of a video.
    `sequence` is set for an image sequence, whose `path` is its pattern; the rest is said of its first picture.
    """

    path: Path
    width: int
    height: int
    stored_width: int
    stored_height: int
    pix_fmt: str
    codec: str
    time_base: Fraction
    sample_aspect_ratio: Fraction | None = None
    orientation: Orientation = UPRIGHT
    codec_profile: str | None = None
    colour: ColourTags = ColourTags(0, 2, 2, 2)
    chroma_location: str | None = None
    hdr: HdrMetadata = NO_HDR
    field_order: int = 0
    average_rate: Fraction | None = None
    is_constant_rate: bool = True
    start: int = 0
    frame_count: int | None = 1
    has_sound: bool = False
    is_still: bool = True
    has_exif: bool = False
    has_icc: bool = False
    has_captions: bool = False
    unread: tuple[str, ...] = ()
    stream_index: int = 0
    display_window: Box | None = None
    chromaticities: tuple[float, ...] | None = None
    timecode: str | None = None
    layer: str | None = None
    is_cmyk: bool = False
    start_number: int = 0
    sequence: Sequence | None = None

    @property
    def aspect(self) -> Fraction:
        """The width of a pixel as displayed, in its height."""
        aspect = pixel_aspect(self.sample_aspect_ratio)
        return 1 / aspect if self.orientation.transpose else aspect

    @property
    def square_size(self) -> tuple[int, int]:
        """Width and height as displayed, in square pixels: those of `Frame.rgb`."""
        return square_size((self.width, self.height), self.aspect)

    @property
    def first_number(self) -> int:
        """Number of the first frame as people count: an image sequence's own, else the one that the user gave it."""
        return self.sequence.first if self.sequence else self.start_number

    @property
    def files(self) -> list[Path]:
        """The files that the pictures come from."""
        return self.sequence.paths() if self.sequence else [self.path]

    @property
    def is_of_pictures(self) -> bool:
        """Whether the source is a still or an image sequence, not a video."""
        return self.is_still or self.sequence is not None
