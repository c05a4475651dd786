"""Encoder settings of a result, chosen from the source, the output file name and the user's options."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.video.color.hdr import hdr_options
from facevid.video.encoding.codec_choice import choose_codec, playable_pix_fmt, video_options
from facevid.video.encoding.codecs import (
    CODECS,
    IMAGE_ENCODERS,
    IMAGE_OPTIONS,
    Encoding,
    codec_entry,
)
from facevid.video.encoding.result_format import (
    BT601_MATRIX,
    BT709_MATRIX,
    BT709_PRIMARIES,
    BT709_TRANSFER,
    UNSPECIFIED,
    choose_pix_fmt,
    colours_of_result,
    gamut_of_result,
)
from facevid.video.images.dpx import dpx_pix_fmt
from facevid.video.images.oiio_file import OIIO_FORMATS, dropped_content, open_image
from facevid.video.info import ClipInfo, ColourTags
from facevid.video.orientation import Orientation
from facevid.video.sequence import IMAGE_SUFFIXES
from facevid.video.square_pixels import Box

MIN_REPORTED_START_SECONDS = 10
"""First timestamp of an MPEG stream, in seconds, above which its removal is reported: muxers start at 1 or 2 s."""


@dataclass(frozen=True)
class EncoderPlan:
    """Settings of an encoder.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        muxer: FFmpeg's name of the container of the file that the encoder writes.
        pix_fmt: FFmpeg's name of the pixel format to encode.
        options: encoder options.
        width, height: encoded size in pixels, after `orientation` is applied.
        sample_aspect_ratio: encoded pixel width divided by pixel height; None if unspecified.
        colour: colour tags to write, and to convert to.
        time_base: unit of the timestamps, in seconds.
        rate: average frames per second, if known.
        display_matrix: display matrix to write, or None.
        field_order: FFmpeg's AVFieldOrder; above 1 is interlaced.
        orientation: rotation and mirroring to apply to the samples, for files that cannot store it; None for none.
        crop: the part of the stored pixels to write (left, top, width, height); None for all.
        gamut_matrix: (3, 3), linear RGB of the source to linear RGB of the result; None if the primaries are the same.
        timecode: SMPTE timecode of the first frame.
        copies_metadata: whether metadata, and an EXR or TIFF file's other content, is copied from the source's image
            file.
        drops_icc_profile: whether the source's ICC profile does not apply to the result.
        warnings: what the result cannot keep of its source, for the user.
    """

    encoder: str
    muxer: str
    pix_fmt: str
    options: dict[str, str]
    width: int
    height: int
    sample_aspect_ratio: Fraction | None
    colour: ColourTags
    time_base: Fraction
    rate: Fraction | None
    display_matrix: tuple[int, ...] | None = None
    field_order: int = 0
    orientation: Orientation | None = None
    crop: Box | None = None
    gamut_matrix: NDArray[np.float32] | None = None
    timecode: str | None = None
    copies_metadata: bool = True
    drops_icc_profile: bool = False
    warnings: tuple[str, ...] = ()


def plan_encoder(info: ClipInfo, out: Path, encoding: Encoding) -> EncoderPlan:
    """Choose the encoder settings for a result with the source's size and format.

    Args:
        info: properties of the source.
        out: the result, which names the container.
        encoding: the user's choices.

    Raises:
        UsageError: the codec or pixel format is unknown, or does not fit the container or encoder.
    """
    warnings = [f"{info.path.name}: {description}" for description in info.ignored_content]
    if abs(info.start * info.time_base) > MIN_REPORTED_START_SECONDS:
        start = f"{float(info.start * info.time_base):.3f} s"
        warnings.append(f"{info.path.name}: its clock starts at {start}; the result starts at 0")
    warnings += _restart_warnings(info)
    if info.files[0].suffix.lower() in OIIO_FORMATS:
        warnings += dropped_content(open_image(info.files[0], info.layer), out.suffix.lower())
    orientation = None
    crop = info.display_window if out.suffix.lower() != ".exr" else None
    size = crop[2:] if crop else (info.stored_width, info.stored_height)
    if _is_image(out):
        encoder = _image_encoder(out, encoding)
        orientation = _orientation_to_apply(info, encoder)
        warnings += _metadata_warnings(info, encoder, out)
        pix_fmt = choose_pix_fmt(info.pix_fmt, encoder, encoding.pix_fmt, out, warnings, size=size)
        if encoder == "dpx":
            pix_fmt = dpx_pix_fmt(pix_fmt, info.files[0])
        options = dict(IMAGE_OPTIONS.get(encoder, {}))
    else:
        name = choose_codec(info, out, encoding.codec, warnings)
        encoder = codec_entry(name, out).encoder
        if name == info.codec == "h264" and info.pix_fmt == "gbrp":
            encoder = "libx264rgb"
        requested = encoding.pix_fmt or playable_pix_fmt(info, name, out, warnings)
        pix_fmt = choose_pix_fmt(info.pix_fmt, encoder, requested, out, warnings, size=size)
        options = video_options(name, info, pix_fmt, encoding.crf)
        _add_side_data(options, encoder, info, out, warnings)
        warnings += _add_chroma_and_field_options(options, name, info, pix_fmt)
    return EncoderPlan(
        encoder=encoder,
        muxer=_muxer(out),
        pix_fmt=pix_fmt,
        options=options,
        width=info.width if orientation else size[0],
        height=info.height if orientation else size[1],
        sample_aspect_ratio=displayed_aspect(info) if orientation else info.sample_aspect_ratio,
        colour=colours_of_result(info, pix_fmt, encoder),
        time_base=info.time_base,
        rate=info.average_rate,
        display_matrix=None if orientation else info.orientation.matrix,
        field_order=0 if _is_image(out) else info.field_order,
        orientation=orientation,
        crop=crop,
        gamut_matrix=gamut_of_result(info, pix_fmt),
        timecode=info.timecode if info.is_image_source else None,  # a video's is copied with its metadata
        drops_icc_profile=info.is_cmyk,
        warnings=tuple(warnings),
    )


def plan_rgb_encoder(info: ClipInfo, out: Path, size: tuple[int, int], encoding: Encoding) -> EncoderPlan:
    """Choose the encoder settings for 8-bit RGB frames of any size, in display orientation.

    A video becomes 8-bit 4:2:0 BT.709 with an even size, which all players support; an image stays RGB if possible.

    Args:
        info: properties of the source, for its time base and rate.
        out: the result, which names the container.
        size: width and height of the frames in pixels.
        encoding: the user's choices.

    Raises:
        UsageError: as for `plan_encoder`.
    """
    warnings = _restart_warnings(info)
    if _is_image(out):
        encoder = _image_encoder(out, encoding)
        pix_fmt = choose_pix_fmt("rgb24", encoder, encoding.pix_fmt, out, warnings, size=size)
        options = dict(IMAGE_OPTIONS.get(encoder, {}))
        is_jpeg = pix_fmt.startswith("yuvj")
        colour = (
            ColourTags(ColorRange.JPEG, BT601_MATRIX, UNSPECIFIED, UNSPECIFIED)
            if is_jpeg
            else ColourTags(ColorRange.UNSPECIFIED, UNSPECIFIED, UNSPECIFIED, UNSPECIFIED)
        )
    else:
        name = encoding.codec or ("av1" if out.suffix.lower() == ".webm" else "h264")
        encoder = codec_entry(name, out).encoder
        size = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        pix_fmt = choose_pix_fmt("yuv420p", encoder, encoding.pix_fmt, out, warnings, size=size)
        options = video_options(name, info, pix_fmt, encoding.crf)
        colour = ColourTags(ColorRange.MPEG, BT709_MATRIX, BT709_PRIMARIES, BT709_TRANSFER)
    return EncoderPlan(
        encoder=encoder,
        muxer=_muxer(out),
        pix_fmt=pix_fmt,
        options=options,
        width=size[0],
        height=size[1],
        sample_aspect_ratio=None,
        colour=colour,
        time_base=info.time_base,
        rate=info.average_rate,
        copies_metadata=False,
        warnings=tuple(warnings),
    )


def _orientation_to_apply(info: ClipInfo, encoder: str) -> Orientation | None:
    """Return the orientation to apply to the samples; None if there is none, or the result's file can store it."""
    has_matrix = info.orientation.matrix is not None and info.is_image_source
    can_store = encoder == info.codec == "tiff" or (encoder == "png" and has_matrix)
    return info.orientation if info.orientation.is_turned and not can_store else None


def displayed_aspect(info: ClipInfo) -> Fraction | None:
    """Return the source's pixel aspect ratio as displayed; None if unspecified."""
    aspect = info.sample_aspect_ratio
    return 1 / aspect if aspect and info.orientation.transpose else aspect


def _add_side_data(options: dict[str, str], encoder: str, info: ClipInfo, out: Path, warnings: list[str]) -> None:
    """Add options that write the source's static HDR metadata; warn of HDR metadata and captions that are lost."""
    added = hdr_options(encoder, info.hdr)
    if added is None:
        warnings.append(f"{out.name}: {encoder} cannot write the source's HDR10 metadata; h265 can")
    for name, value in (added or {}).items():
        options[name] = f"{options[name]}:{value}" if name in options else value
    if info.hdr.is_dynamic:
        warnings.append(f"{out.name}: the source's Dolby Vision or HDR10+ metadata is not kept")
    if info.has_captions and encoder != "libx264":
        warnings.append(f"{out.name}: {encoder} cannot write the source's closed captions; h264 can")


def _add_chroma_and_field_options(options: dict[str, str], name: str, info: ClipInfo, pix_fmt: str) -> list[str]:
    """Add options that keep the chroma location and interlacing.

    Returns:
        A warning if the codec cannot mark frames as interlaced.
    """
    if info.chroma_location is not None and "420" in pix_fmt:
        options["chroma_sample_location"] = info.chroma_location
    if info.field_order <= 1:
        return []
    if not CODECS[name].supports_interlacing:
        return [f"{info.path.name}: {name} cannot mark the frames as interlaced, as in the source; h264 and prores can"]
    options["flags"] = "+ildct+ilme"
    return []


def _is_image(out: Path) -> bool:
    return out.suffix.lower() in IMAGE_SUFFIXES


def _muxer(out: Path) -> str:
    """Return FFmpeg's container for the encoder's file: that of the image, else a video one that keeps timestamps."""
    if _is_image(out):
        return "image2pipe"
    return {".mkv": "matroska", ".webm": "webm", ".mov": "mov"}.get(out.suffix.lower(), "mp4")


def _image_encoder(out: Path, encoding: Encoding) -> str:
    if encoding.codec is not None or encoding.crf is not None:
        msg = f"{out.name} is an image: --codec and --crf are for video; leave them out"
        raise UsageError(msg)
    return IMAGE_ENCODERS[out.suffix.lower()]


def _restart_warnings(info: ClipInfo) -> list[str]:
    if not info.restarts:
        return []
    times = "once" if len(info.restarts) == 1 else f"{len(info.restarts)} times"
    return [f"{info.path.name}: its timestamps restart {times}, as in concatenated files; the result continues instead"]


def _metadata_warnings(info: ClipInfo, encoder: str, out: Path) -> list[str]:
    """Return warnings of Exif metadata and ICC profiles that the result's file cannot store."""
    warnings: list[str] = []
    keeps_exif = encoder == info.codec or encoder in {"tiff": (), "heif": ("png", "mjpeg")}.get(info.codec, ("png",))
    if info.has_exif and info.is_image_source and not keeps_exif:
        suffix = {"tiff": info.files[0].suffix.lower(), "heif": ".jpg"}.get(info.codec, ".png")
        warnings.append(f"{out.name}: Exif metadata is not kept; a {suffix} keeps it")
    keeps_icc = encoder in ("png", "mjpeg") or encoder == info.codec == "tiff"
    if info.has_icc and (not keeps_icc or info.is_cmyk):
        warnings.append(
            f"{out.name}: the ICC profile is not kept, so colours may look different; a .png or .jpg keeps it"
        )
    return warnings
