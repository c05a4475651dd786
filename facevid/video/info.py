"""Properties of a video, an image sequence or a still."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from facevid.video.color.hdr import NO_HDR, HdrMetadata
from facevid.video.orientation import UPRIGHT, Orientation
from facevid.video.sequence import Sequence
from facevid.video.square_pixels import Box, pixel_aspect, square_size

STILL_TIME_BASE = Fraction(1, 25)
"""Time base of a still in seconds, as FFmpeg assigns it."""


@dataclass(frozen=True)
class ColourTags:
    """Colour tags of a source.

    Attributes:
        colour_range: FFmpeg's AVColorRange: 0 untagged, 1 limited, 2 full.
        matrix, primaries, transfer: code points of ITU-T H.273; 2 is unspecified.
    """

    colour_range: int
    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class ClockRestart:
    """A point where the clock of an MPEG stream is set back, as in concatenated files.

    Attributes:
        offset: added to all timestamps from here to the next restart, in units of `ClipInfo.time_base`.
        first_packets: number of the first packet after the restart, counted within its stream; by stream index.
    """

    offset: int
    first_packets: tuple[int, ...]


@dataclass(frozen=True)
class ClipInfo:
    """Properties of a source; the defaults are those of a still without metadata.

    For an image sequence, the properties are those of its first file.

    Attributes:
        path: the file; the pattern of an image sequence.
        width, height: size in pixels as displayed.
        stored_width, stored_height: size in pixels before the orientation is applied.
        pix_fmt: FFmpeg's name of the pixel format in which frames are edited.
        codec: FFmpeg's name of the codec.
        time_base: unit of all timestamps, in seconds.
        sample_aspect_ratio: stored pixel width divided by pixel height; None if unspecified.
        orientation: how stored pixels are rotated and mirrored for display.
        codec_profile: FFmpeg's name of the codec profile.
        colour: colour range, matrix, primaries and transfer.
        chroma_location: FFmpeg's name of a non-default chroma sample location; None for the default.
        hdr: static HDR metadata.
        field_order: FFmpeg's AVFieldOrder; above 1 is interlaced.
        average_rate: frames per second as declared; for information and progress only.
        is_constant_rate: whether the container declares a constant frame rate.
        start: the container's first timestamp (MPEG transport streams do not start at 0), in units of `time_base`; it
            is subtracted from all timestamps.
        restarts: where the container's clock is set back, in order.
        frame_count: number of frames as declared; for information and progress only.
        has_sound: whether there is an audio stream.
        is_still: whether the source is a single image.
        has_exif, has_icc: whether an image file has Exif metadata, or an ICC profile.
        has_captions: whether frames carry closed captions.
        ignored_content: descriptions of content that is not read, and therefore not in any result.
        stream_index: index of the video stream in its container.
        display_window: OpenEXR's display window (left, top, width, height) within the stored pixels; None if it covers
            all of them (no overscan).
        chromaticities: x and y of red, green, blue and white of an OpenEXR file (CIE 1931); None for BT.709.
        timecode: SMPTE timecode of the first frame.
        layer: the OpenEXR layer or part that the user selected.
        is_cmyk: whether the samples were converted from CMYK, so that the source's ICC profile does not apply.
        start_number: frame number that the user assigned to the first frame of a video.
        sequence: the files of an image sequence; None for a single file.
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
    restarts: tuple[ClockRestart, ...] = ()
    frame_count: int | None = 1
    has_sound: bool = False
    is_still: bool = True
    has_exif: bool = False
    has_icc: bool = False
    has_captions: bool = False
    ignored_content: tuple[str, ...] = ()
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
        """Pixel width divided by pixel height, as displayed."""
        aspect = pixel_aspect(self.sample_aspect_ratio)
        return 1 / aspect if self.orientation.transpose else aspect

    @property
    def square_size(self) -> tuple[int, int]:
        """Width and height as displayed, in square pixels: those of `Frame.rgb`."""
        return square_size((self.width, self.height), self.aspect)

    @property
    def first_number(self) -> int:
        """Frame number of the first frame: from an image sequence's file names, else `start_number`."""
        return self.sequence.first if self.sequence else self.start_number

    @property
    def files(self) -> list[Path]:
        """The source's files: one per frame for an image sequence, else one."""
        return self.sequence.paths() if self.sequence else [self.path]

    @property
    def is_image_source(self) -> bool:
        """Whether the source is a still or an image sequence, rather than a video."""
        return self.is_still or self.sequence is not None
