"""What an encoder is opened with: chosen from the source, the container and the user's wishes."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av import VideoFormat
from av.codec import Codec

from facevid.errors import UsageError
from facevid.video.clip import ClipInfo, ColourTags
from facevid.video.colour import HD_LINES
from facevid.video.encoding import (
    CODECS,
    FROM_SOURCE,
    LOSSLESS_SOURCES,
    PRORES_PROFILES,
    STILL_ENCODERS,
    STILL_OPTIONS,
    Encoding,
    codec_entry,
    quality_options,
)
from facevid.video.hdr import hdr_options
from facevid.video.pixels import pix_fmt_loss


@dataclass(frozen=True)
class EncoderPlan:
    """Everything an encoder is opened with, and what the user should be told of it.

    `muxer` is FFmpeg's name of the format of the encoder's own file. `field_order` is FFmpeg's number of it, above 1
    for interlaced pictures. `matrix` is the display matrix to write, or None. `upright` asks for pictures turned as
    they are displayed, for files that cannot say how to turn them.
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
    upright: bool = False
    warnings: tuple[str, ...] = ()


def plan_encoder(info: ClipInfo, out: Path, encoding: Encoding) -> EncoderPlan:
    """Choose encoder and settings for a result of the source's size and format.

    Raises UsageError for an unknown codec or pixel format, and for one that the container or encoder cannot hold.
    """
    warnings: list[str] = []
    upright = False
    if info.is_still:
        encoder = _still_encoder(out, encoding)
        upright = encoder not in ("png", "tiff")
        if info.has_exif and encoder != "png":
            warnings.append(f"{out.name}: the camera's EXIF notes are not kept; a .png keeps them")
        pix_fmt = _choose_pix_fmt(info.pix_fmt, encoder, encoding.pix_fmt, out, warnings)
        options = dict(STILL_OPTIONS.get(encoder, {}))
    else:
        name = _choose_codec(info, out, encoding.codec, warnings)
        encoder = codec_entry(name, out).encoder
        if name == info.codec == "h264" and info.pix_fmt == "gbrp":
            encoder = "libx264rgb"
        pix_fmt = _choose_pix_fmt(info.pix_fmt, encoder, encoding.pix_fmt, out, warnings)
        options = _video_options(name, info, pix_fmt, encoding.crf)
        _add_hdr(options, encoder, info, out, warnings)
    return EncoderPlan(
        encoder=encoder,
        muxer=_muxer(info, out),
        pix_fmt=pix_fmt,
        options=options,
        width=info.width if upright else info.stored_width,
        height=info.height if upright else info.stored_height,
        sample_aspect_ratio=_upright_aspect(info) if upright else info.sample_aspect_ratio,
        colour=_colour_after(info, pix_fmt),
        time_base=info.time_base,
        rate=info.average_rate,
        matrix=None if upright else info.orientation.matrix,
        field_order=info.field_order,
        upright=upright,
        warnings=tuple(warnings),
    )


def plan_rgb_encoder(info: ClipInfo, out: Path, size: tuple[int, int], encoding: Encoding) -> EncoderPlan:
    """Choose encoder and settings for upright RGB pictures of another size (width, height) than the source's.

    A video becomes 8-bit 4:2:0 BT.709 with an even size, which every player shows; a still stays RGB where it can.
    Raises UsageError as `plan_encoder` does.
    """
    warnings: list[str] = []
    if info.is_still:
        encoder = _still_encoder(out, encoding)
        pix_fmt = _choose_pix_fmt("rgb24", encoder, encoding.pix_fmt, out, warnings)
        options = dict(STILL_OPTIONS.get(encoder, {}))
        colour = ColourTags(2, 6, 2, 2) if pix_fmt.startswith("yuvj") else ColourTags(0, 2, 2, 2)
    else:
        name = encoding.codec or ("av1" if out.suffix.lower() == ".webm" else "h264")
        encoder = codec_entry(name, out).encoder
        pix_fmt = _choose_pix_fmt("yuv420p", encoder, encoding.pix_fmt, out, warnings)
        options = _video_options(name, info, pix_fmt, encoding.crf)
        colour = ColourTags(1, 1, 1, 1)
        size = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    return EncoderPlan(
        encoder=encoder,
        muxer=_muxer(info, out),
        pix_fmt=pix_fmt,
        options=options,
        width=size[0],
        height=size[1],
        sample_aspect_ratio=_upright_aspect(info),
        colour=colour,
        time_base=info.time_base,
        rate=info.average_rate,
        warnings=tuple(warnings),
    )


def _upright_aspect(info: ClipInfo) -> Fraction | None:
    aspect = info.sample_aspect_ratio
    return 1 / aspect if aspect and info.orientation.transpose else aspect


def _add_hdr(options: dict[str, str], encoder: str, info: ClipInfo, out: Path, warnings: list[str]) -> None:
    """Add the options that keep the source's static HDR metadata, or say that it is lost."""
    kept = hdr_options(encoder, info.hdr)
    if kept is None:
        warnings.append(f"{out.name}: {encoder} cannot write the source's HDR10 metadata; h265 can")
    for name, value in (kept or {}).items():
        options[name] = f"{options[name]}:{value}" if name in options else value
    if info.hdr.is_dynamic:
        warnings.append(f"{out.name}: the source's Dolby Vision or HDR10+ metadata is not kept")


def _muxer(info: ClipInfo, out: Path) -> str:
    """Return the format of the encoder's own file: a still's final one, else one that keeps the result's timestamps."""
    if info.is_still:
        return "image2pipe"
    return {".mkv": "matroska", ".webm": "matroska", ".mov": "mov"}.get(out.suffix.lower(), "mp4")


def _still_encoder(out: Path, encoding: Encoding) -> str:
    if encoding.codec is not None or encoding.crf is not None:
        msg = f"{out.name} is a still picture: --codec and --crf are for video; leave them out"
        raise UsageError(msg)
    return STILL_ENCODERS[out.suffix.lower()]


def _choose_codec(info: ClipInfo, out: Path, asked: str | None, warnings: list[str]) -> str:
    """Return the asked codec, or the source's where `out` holds it, or the container's ordinary one."""
    if asked is not None:
        codec_entry(asked, out)
        return asked
    suffix, depth = out.suffix.lower(), VideoFormat(info.pix_fmt).components[0].bits
    ordinary = "av1" if suffix == ".webm" else "h264" if depth <= 8 else "h265"
    natural = "ffv1" if info.codec in LOSSLESS_SOURCES else FROM_SOURCE.get(info.codec, ordinary)
    if suffix in CODECS[natural].suffixes:
        return natural
    if info.codec in LOSSLESS_SOURCES and suffix == ".mov":
        ordinary = "prores"
    warnings.append(f"{out.name} cannot hold {natural}, which the source calls for: encoded as {ordinary}")
    return ordinary


def _video_options(name: str, info: ClipInfo, pix_fmt: str, crf: float | None) -> dict[str, str]:
    options = {**CODECS[name].options, **quality_options(name, crf), **_profile(name, info, pix_fmt)}
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
        return {"profile": "dnxhr_444" if full_chroma else "dnxhr_hqx" if "10" in pix_fmt else "dnxhr_hq"}
    return {}


def _choose_pix_fmt(source: str, encoder: str, asked: str | None, out: Path, warnings: list[str]) -> str:
    """Return the asked pixel format, or the encoder's one nearest to the source's that loses least."""
    formats = [fmt.name for fmt in Codec(encoder, "w").video_formats or ()]
    if encoder == "mjpeg":
        formats = [name for name in formats if name.startswith("yuvj")]  # a JPEG file is always of full range
    if asked is not None:
        if asked not in formats:
            msg = f"{out.name}: {encoder} does not take pixel format {asked}; choose one of {', '.join(formats)}"
            raise UsageError(msg)
        return asked
    if source in formats:
        return source
    best = min(formats, key=lambda name: pix_fmt_loss(source, name))
    if any(pix_fmt_loss(source, best)[:4]):
        warnings.append(f"{out.name}: {encoder} cannot hold {source}: converted to {best}")
    return best


def _colour_after(info: ClipInfo, pix_fmt: str) -> ColourTags:
    """Return the source's tags, or, where RGB becomes YUV or anything becomes JPEG, those of the conversion."""
    was, becomes = VideoFormat(info.pix_fmt), VideoFormat(pix_fmt)
    primaries, transfer = info.colour.primaries, info.colour.transfer
    if pix_fmt.startswith("yuvj") and not info.pix_fmt.startswith("yuvj"):
        return ColourTags(2, 6, primaries, transfer)
    if was.is_rgb and not becomes.is_rgb and len(becomes.components) > 2:
        return ColourTags(1, 6 if info.stored_height < HD_LINES else 1, primaries, transfer)
    return info.colour
