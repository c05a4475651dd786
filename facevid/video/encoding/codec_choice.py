"""Choose the codec of a video, its profile and its options, from the source and the user's choices."""

from pathlib import Path

from av import VideoFormat

from facevid.video.color.pixels import has_alpha
from facevid.video.encoding.codecs import (
    CODEC_OF_SOURCE,
    CODECS,
    DNXHR_PROFILES,
    LOSSLESS_SOURCES,
    PRORES_PROFILES,
    codec_entry,
    codec_options,
)
from facevid.video.info import ClipInfo


def choose_codec(info: ClipInfo, out: Path, requested: str | None, warnings: list[str]) -> str:
    """Return the requested codec, else the one that matches the source if `out` supports it, else a default."""
    if requested is not None:
        codec_entry(requested, out)
        return requested
    suffix, depth = out.suffix.lower(), VideoFormat(info.pix_fmt).components[0].bits
    default = "av1" if suffix == ".webm" else "h264" if depth <= 8 else "h265"
    if info.sequence is not None:
        return {".mov": "prores", ".mkv": "ffv1"}.get(suffix, default)
    matching = "ffv1" if info.codec in LOSSLESS_SOURCES else CODEC_OF_SOURCE.get(info.codec, default)
    if suffix in CODECS[matching].suffixes:
        return matching
    if info.codec in LOSSLESS_SOURCES and suffix == ".mov":
        default = "prores"
    warnings.append(f"{out.name} cannot hold {matching}, which matches the source: encoded as {default}")
    return default


def playable_pix_fmt(info: ClipInfo, name: str, out: Path, warnings: list[str]) -> str | None:
    """Return 4:2:0 if 8-bit RGB becomes H.264 or H.265, because most players support no other; else None."""
    source = VideoFormat(info.pix_fmt)
    is_rgb = source.is_rgb and source.components[0].bits <= 8
    is_even = info.stored_width % 2 == info.stored_height % 2 == 0
    if info.codec in ("h264", "hevc") or not is_rgb or not is_even or name not in ("h264", "h265"):
        return None
    remedy = "--pix-fmt yuv444p keeps full chroma" + ("; alpha is dropped" if has_alpha(info.pix_fmt) else "")
    warnings.append(f"{out.name}: {info.pix_fmt} becomes yuv420p, which all players support; {remedy}")
    return "yuv420p"


def video_options(name: str, info: ClipInfo, pix_fmt: str, crf: float | None) -> dict[str, str]:
    """Return the encoder options for a codec, the profile of the source and a constant quality."""
    options = codec_options(name, crf) | _profile(name, info, pix_fmt)
    if not info.is_constant_rate:
        options["bf"] = "0"  # MP4 stores durations in decoding order: with B-frames, the last one would be lost
    return options


def _profile(name: str, info: ClipInfo, pix_fmt: str) -> dict[str, str]:
    """Return the option for the ProRes or DNxHR profile: the source's, unless depth or chroma need another."""
    full_chroma = "444" in pix_fmt or "gbr" in pix_fmt
    if name == "prores":
        profile = PRORES_PROFILES.get(info.codec_profile or "", "hq") if info.codec == "prores" else "hq"
        if full_chroma != profile.startswith("4444"):
            profile = "4444" if full_chroma else "hq"
        return {"profile": profile}
    if name == "dnxhr":
        if full_chroma or "10" in pix_fmt:
            return {"profile": "dnxhr_444" if full_chroma else "dnxhr_hqx"}
        return {"profile": DNXHR_PROFILES.get(info.codec_profile or "", "dnxhr_hq")}
    return {}
