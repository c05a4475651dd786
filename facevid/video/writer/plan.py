"""What an encoder is opened with: chosen from the source, the container and the user's wishes."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import VideoFormat
from numpy.typing import NDArray

from facevid.errors import UsageError
from facevid.video.color.hdr import hdr_options
from facevid.video.color.pixels import has_alpha
from facevid.video.images.dpx import dpx_pix_fmt
from facevid.video.images.image_file import FORMATS, lost_of, open_picture
from facevid.video.info import ClipInfo, ColourTags
from facevid.video.orientation import Orientation
from facevid.video.sequence import PICTURE_SUFFIXES
from facevid.video.square import Box
from facevid.video.writer.encoding import (
    CODECS,
    DNXHR_PROFILES,
    FROM_SOURCE,
    LOSSLESS_SOURCES,
    PICTURE_ENCODERS,
    PICTURE_OPTIONS,
    PRORES_PROFILES,
    Encoding,
    codec_entry,
    codec_options,
)
from facevid.video.writer.result_format import choose_pix_fmt, colours_of_result, gamut_of_result

TOLD_START = 10
"""Seconds that a broadcast's clock may be from 0 at its start without a word: muxers begin with one or two."""


@dataclass(frozen=True)
class EncoderPlan:
    """Everything an encoder is opened with, and what the user should be told of it.

    `muxer` is FFmpeg's name of the format of the encoder's own file. `field_order` is FFmpeg's number of it, above 1
    for interlaced pictures. `matrix` is the display matrix to write, or None. `crop` is the part of the pictures that
    is written, None all of it. `gamut`, (3, 3), takes linear R, G, B of the source to those of the result, None where
    they are the same. `turn` is how the pictures are to be turned and mirrored, for files that cannot say it; `width`
    and `height` are those after it. `timecode` is the first picture's. `carries` is set where the result takes over
    what the source's picture file holds beside the picture, `drops_profile` where its ICC profile is not of its RGB.
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
    matrix: tuple[int, ...] | None = None
    field_order: int = 0
    turn: Orientation | None = None
    crop: Box | None = None
    gamut: NDArray[np.float32] | None = None
    timecode: str | None = None
    carries: bool = True
    drops_profile: bool = False
    warnings: tuple[str, ...] = ()


def plan_encoder(info: ClipInfo, out: Path, encoding: Encoding) -> EncoderPlan:
    """Choose encoder and settings for a result of the source's size and format.

    Raises UsageError for an unknown codec or pixel format, and for one that the container or encoder cannot hold.
    """
    warnings = [f"{info.path.name}: {what}" for what in info.unread]
    if abs(info.start * info.time_base) > TOLD_START:
        begins = f"{float(info.start * info.time_base):.3f} s"
        warnings.append(f"{info.path.name}: its clock begins at {begins}, the result's at 0")
    if info.files[0].suffix.lower() in FORMATS:
        warnings += lost_of(open_picture(info.files[0], info.layer), out.suffix.lower())
    turn = None
    crop = info.display_window if out.suffix.lower() != ".exr" else None
    size = crop[2:] if crop else (info.stored_width, info.stored_height)
    if _is_picture(out):
        encoder = _picture_encoder(out, encoding)
        turn = _turn(info, encoder)
        warnings += _lost_notes(info, encoder, out)
        pix_fmt = choose_pix_fmt(info.pix_fmt, encoder, encoding.pix_fmt, out, warnings, size=size)
        if encoder == "dpx":
            pix_fmt = dpx_pix_fmt(pix_fmt, info.files[0])
        options = dict(PICTURE_OPTIONS.get(encoder, {}))
    else:
        name = _choose_codec(info, out, encoding.codec, warnings)
        encoder = codec_entry(name, out).encoder
        if name == info.codec == "h264" and info.pix_fmt == "gbrp":
            encoder = "libx264rgb"
        asked = encoding.pix_fmt or _playable_pix_fmt(info, name, out, warnings)
        pix_fmt = choose_pix_fmt(info.pix_fmt, encoder, asked, out, warnings, size=size)
        options = _video_options(name, info, pix_fmt, encoding.crf)
        _add_side_data(options, encoder, info, out, warnings)
        warnings += _add_sampling(options, name, info, pix_fmt)
    return EncoderPlan(
        encoder=encoder,
        muxer=_muxer(out),
        pix_fmt=pix_fmt,
        options=options,
        width=info.width if turn else size[0],
        height=info.height if turn else size[1],
        sample_aspect_ratio=upright_aspect(info) if turn else info.sample_aspect_ratio,
        colour=colours_of_result(info, pix_fmt, encoder),
        time_base=info.time_base,
        rate=info.average_rate,
        matrix=None if turn else info.orientation.matrix,
        field_order=0 if _is_picture(out) else info.field_order,
        turn=turn,
        crop=crop,
        gamut=gamut_of_result(info, pix_fmt),
        timecode=info.timecode,
        drops_profile=info.is_cmyk,
        warnings=tuple(warnings),
    )


def plan_rgb_encoder(info: ClipInfo, out: Path, size: tuple[int, int], encoding: Encoding) -> EncoderPlan:
    """Choose encoder and settings for upright RGB pictures of another size (width, height) than the source's.

    A video becomes 8-bit 4:2:0 BT.709 with an even size, which every player shows; a still stays RGB where it can.
    Raises UsageError as `plan_encoder` does.
    """
    warnings: list[str] = []
    if _is_picture(out):
        encoder = _picture_encoder(out, encoding)
        pix_fmt = choose_pix_fmt("rgb24", encoder, encoding.pix_fmt, out, warnings, size=size)
        options = dict(PICTURE_OPTIONS.get(encoder, {}))
        colour = ColourTags(2, 6, 2, 2) if pix_fmt.startswith("yuvj") else ColourTags(0, 2, 2, 2)
    else:
        name = encoding.codec or ("av1" if out.suffix.lower() == ".webm" else "h264")
        encoder = codec_entry(name, out).encoder
        size = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        pix_fmt = choose_pix_fmt("yuv420p", encoder, encoding.pix_fmt, out, warnings, size=size)
        options = _video_options(name, info, pix_fmt, encoding.crf)
        colour = ColourTags(1, 1, 1, 1)
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
        carries=False,
        warnings=tuple(warnings),
    )


def _turn(info: ClipInfo, encoder: str) -> Orientation | None:
    """Return how pictures are to be turned; None where they are not, or where the file can say it."""
    is_told = info.orientation.matrix is not None and info.is_of_pictures
    can_say = encoder == info.codec == "tiff" or (encoder == "png" and is_told)
    return info.orientation if info.orientation.is_turned and not can_say else None


def upright_aspect(info: ClipInfo) -> Fraction | None:
    """Return the pixel aspect ratio of the source's pictures as displayed."""
    aspect = info.sample_aspect_ratio
    return 1 / aspect if aspect and info.orientation.transpose else aspect


def _add_side_data(options: dict[str, str], encoder: str, info: ClipInfo, out: Path, warnings: list[str]) -> None:
    """Add the options that keep the source's static HDR metadata; say what of that and of captions is lost."""
    kept = hdr_options(encoder, info.hdr)
    if kept is None:
        warnings.append(f"{out.name}: {encoder} cannot write the source's HDR10 metadata; h265 can")
    for name, value in (kept or {}).items():
        options[name] = f"{options[name]}:{value}" if name in options else value
    if info.hdr.is_dynamic:
        warnings.append(f"{out.name}: the source's Dolby Vision or HDR10+ metadata is not kept")
    if info.has_captions and encoder != "libx264":
        warnings.append(f"{out.name}: {encoder} cannot write the source's closed captions; h264 can")


def _add_sampling(options: dict[str, str], name: str, info: ClipInfo, pix_fmt: str) -> list[str]:
    """Keep where chroma lies; have an interlaced source's pictures encoded and marked as such, or say they are not."""
    if info.chroma_location is not None and "420" in pix_fmt:
        options["chroma_sample_location"] = info.chroma_location
    if info.field_order <= 1:
        return []
    if not CODECS[name].keeps_fields:
        return [f"{name} does not mark the pictures as interlaced, as the source is; h264 and prores do"]
    options["flags"] = "+ildct+ilme"
    return []


def _is_picture(out: Path) -> bool:
    return out.suffix.lower() in PICTURE_SUFFIXES


def _muxer(out: Path) -> str:
    """Return the format of the encoder's own file: a picture's final one, else one that keeps the timestamps."""
    if _is_picture(out):
        return "image2pipe"
    return {".mkv": "matroska", ".webm": "webm", ".mov": "mov"}.get(out.suffix.lower(), "mp4")


def _picture_encoder(out: Path, encoding: Encoding) -> str:
    if encoding.codec is not None or encoding.crf is not None:
        msg = f"{out.name} is a still picture: --codec and --crf are for video; leave them out"
        raise UsageError(msg)
    return PICTURE_ENCODERS[out.suffix.lower()]


def _lost_notes(info: ClipInfo, encoder: str, out: Path) -> list[str]:
    """Say which of the notes in a picture its file cannot hold."""
    lost: list[str] = []
    keeps_exif = encoder == info.codec or encoder in {"tiff": (), "heif": ("png", "mjpeg")}.get(info.codec, ("png",))
    if info.has_exif and info.is_of_pictures and not keeps_exif:
        kept = f"a {info.files[0].suffix.lower()} keeps them" if info.codec == "tiff" else "a .png keeps them"
        lost.append(f"{out.name}: the camera's EXIF notes are not kept; {kept}")
    keeps_icc = encoder in ("png", "mjpeg") or encoder == info.codec == "tiff"
    if info.has_icc and (not keeps_icc or info.is_cmyk):
        lost.append(f"{out.name}: the ICC profile is not kept, so colours may look different; a .png or .jpg keeps it")
    return lost


def _choose_codec(info: ClipInfo, out: Path, asked: str | None, warnings: list[str]) -> str:
    """Return the asked codec, or the source's where `out` holds it, or the container's ordinary one."""
    if asked is not None:
        codec_entry(asked, out)
        return asked
    suffix, depth = out.suffix.lower(), VideoFormat(info.pix_fmt).components[0].bits
    ordinary = "av1" if suffix == ".webm" else "h264" if depth <= 8 else "h265"
    if info.sequence is not None:
        return {".mov": "prores", ".mkv": "ffv1"}.get(suffix, ordinary)
    natural = "ffv1" if info.codec in LOSSLESS_SOURCES else FROM_SOURCE.get(info.codec, ordinary)
    if suffix in CODECS[natural].suffixes:
        return natural
    if info.codec in LOSSLESS_SOURCES and suffix == ".mov":
        ordinary = "prores"
    warnings.append(f"{out.name} cannot hold {natural}, which the source calls for: encoded as {ordinary}")
    return ordinary


def _playable_pix_fmt(info: ClipInfo, name: str, out: Path, warnings: list[str]) -> str | None:
    """Return 4:2:0 where 8-bit RGB becomes H.264 or H.265: players show no other. Else None, the source's own."""
    source = VideoFormat(info.pix_fmt)
    is_rgb = source.is_rgb and source.components[0].bits <= 8
    is_even = info.stored_width % 2 == info.stored_height % 2 == 0
    if info.codec in ("h264", "hevc") or not is_rgb or not is_even or name not in ("h264", "h265"):
        return None
    kept = "--pix-fmt yuv444p keeps more" + ("; the alpha is left out" if has_alpha(info.pix_fmt) else "")
    warnings.append(f"{out.name}: {info.pix_fmt} becomes yuv420p, which players show; {kept}")
    return "yuv420p"


def _video_options(name: str, info: ClipInfo, pix_fmt: str, crf: float | None) -> dict[str, str]:
    options = codec_options(name, crf) | _profile(name, info, pix_fmt)
    if not info.is_constant_rate:
        options["bf"] = "0"  # MP4 keeps durations in decoding order: reordered, the last frame's would be lost
    return options


def _profile(name: str, info: ClipInfo, pix_fmt: str) -> dict[str, str]:
    full_chroma = "444" in pix_fmt or "gbr" in pix_fmt
    if name == "prores":
        kept = PRORES_PROFILES.get(info.codec_profile or "", "hq") if info.codec == "prores" else "hq"
        if full_chroma != kept.startswith("4444"):
            kept = "4444" if full_chroma else "hq"
        return {"profile": kept}
    if name == "dnxhr":
        if full_chroma or "10" in pix_fmt:
            return {"profile": "dnxhr_444" if full_chroma else "dnxhr_hqx"}
        return {"profile": DNXHR_PROFILES.get(info.codec_profile or "", "dnxhr_hq")}
    return {}
