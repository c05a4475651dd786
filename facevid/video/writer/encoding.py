"""The one table of codecs: what each is called, which encoder and containers it has, and its settings."""

from dataclasses import dataclass, field
from pathlib import Path

from av import codecs_available

from facevid.errors import UsageError

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


@dataclass(frozen=True)
class Encoding:
    """What the user chose of the encoder; None follows the source.

    `codec` is a name of CODECS. `crf` is the constant quality of h264, h265 and av1: 0 is without loss (h264, h265),
    the default visually so. `pix_fmt` is FFmpeg's name of a pixel format; None keeps the source's depth and chroma.
    """

    codec: str | None = None
    crf: float | None = None
    pix_fmt: str | None = None


_X265_QUIET = "log-level=error"


@dataclass(frozen=True)
class CodecEntry:
    """One row of the table: FFmpeg's encoder, the containers that take it, the default crf, its fixed options.

    `quality` is the encoder's name of what is called crf here; `lossless` its options for crf 0. `keeps_fields` is
    set where its pictures can be marked as interlaced.
    """

    encoder: str
    suffixes: tuple[str, ...]
    crf: float | None
    options: dict[str, str] = field(default_factory=dict)
    quality: str = "crf"
    lossless: dict[str, str] | None = None
    keeps_fields: bool = False


_MPEG_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
_AV1_SUFFIXES = (".mp4", ".mkv", ".webm")
_NVENC = {"preset": "p6", "rc": "vbr", "b": "0"}
_NVENC_LOSSLESS = {"preset": "p6", "tune": "lossless"}

# Encoders in hardware are taken only when asked for by name: their pictures are larger, or poorer, than the others'.
CODECS = {
    "h264": CodecEntry(
        "libx264", _MPEG_SUFFIXES, 12, {"preset": "faster"}, lossless={"preset": "faster", "qp": "0"}, keeps_fields=True
    ),
    "h265": CodecEntry(
        "libx265",
        _MPEG_SUFFIXES,
        12,
        {"preset": "medium", "x265-params": _X265_QUIET},
        lossless={"preset": "medium", "x265-params": f"{_X265_QUIET}:lossless=1"},
    ),
    "av1": CodecEntry("libsvtav1", _AV1_SUFFIXES, 15, {"preset": "6"}),
    "prores": CodecEntry("prores_ks", (".mov", ".mkv"), None, {"vendor": "apl0"}, keeps_fields=True),
    "dnxhr": CodecEntry("dnxhd", (".mov", ".mkv"), None),
    "ffv1": CodecEntry("ffv1", (".mkv",), None, {"level": "3", "slicecrc": "1", "g": "1"}, keeps_fields=True),
    "h264_nvenc": CodecEntry("h264_nvenc", _MPEG_SUFFIXES, 12, _NVENC, "cq", _NVENC_LOSSLESS),
    "hevc_nvenc": CodecEntry("hevc_nvenc", _MPEG_SUFFIXES, 12, _NVENC, "cq", _NVENC_LOSSLESS),
    "av1_nvenc": CodecEntry("av1_nvenc", _AV1_SUFFIXES, 15, _NVENC, "cq", _NVENC_LOSSLESS),
    "h264_qsv": CodecEntry("h264_qsv", _MPEG_SUFFIXES, 12, {"preset": "slow"}, "global_quality"),
    "hevc_qsv": CodecEntry("hevc_qsv", _MPEG_SUFFIXES, 12, {"preset": "slow"}, "global_quality"),
    "av1_qsv": CodecEntry("av1_qsv", _AV1_SUFFIXES, 15, {"preset": "slow"}, "global_quality"),
}

FROM_SOURCE = {
    **{"h264": "h264", "hevc": "h265", "av1": "av1", "libdav1d": "av1", "prores": "prores", "dnxhd": "dnxhr"},
    **{"cfhd": "prores", "jpeg2000": "prores", "hap": "prores"},
}
LOSSLESS_SOURCES = (
    *("ffv1", "rawvideo", "v210", "v308", "v408", "v410", "r210", "r10k", "ayuv", "huffyuv", "ffvhuff", "utvideo"),
    *("magicyuv", "lagarith", "qtrle", "png", "tiff", "dpx", "exr", "bmp", "targa"),
)

PICTURE_ENCODERS = {
    ".png": "png",
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "libwebp",
    ".bmp": "bmp",
    ".exr": "exr",
    ".dpx": "dpx",
}
PICTURE_OPTIONS = {
    "png": {"pred": "mixed"},
    "mjpeg": {"flags": "+qscale", "global_quality": str(2 * 118), "qmin": "1", "qmax": "2", "huffman": "optimal"},
    "libwebp": {"quality": "95"},
}
PRORES_PROFILES = {
    "Proxy": "proxy",
    "LT": "lt",
    "Standard": "standard",
    "HQ": "hq",
    "4444": "4444",
    "XQ": "4444xq",
}
DNXHR_PROFILES = {"DNXHR LB": "dnxhr_lb", "DNXHR SQ": "dnxhr_sq"}
"""Profiles of a source that are kept; of the others the depth and chroma decide."""


def codec_entry(name: str, out: Path) -> CodecEntry:
    """Return the row of codec `name`. Raises UsageError for an unknown one, or where `out` cannot hold it."""
    if name not in CODECS:
        msg = f"unknown codec {name}; choose one of {', '.join(CODECS)}"
        raise UsageError(msg)
    entry = CODECS[name]
    if entry.encoder not in codecs_available:
        msg = f"codec {name} is not in this machine's PyAV; choose h264, h265 or av1"
        raise UsageError(msg)
    if out.suffix.lower() not in entry.suffixes:
        fitting = ", ".join(codec for codec, other in CODECS.items() if out.suffix.lower() in other.suffixes)
        msg = f"{out}: {name} goes into {', '.join(entry.suffixes)}; rename the result, or choose one of {fitting}"
        raise UsageError(msg)
    return entry


def codec_options(name: str, crf: float | None) -> dict[str, str]:
    """Return the encoder's options for a constant quality, the codec's own where `crf` is None. Raises UsageError."""
    entry = CODECS[name]
    if entry.crf is None:
        if crf is not None:
            msg = f"--crf has no meaning for {name}; leave it out, or choose h264, h265 or av1"
            raise UsageError(msg)
        return dict(entry.options)
    if crf == 0 and entry.lossless is not None:
        return dict(entry.lossless)
    return entry.options | {entry.quality: f"{entry.crf if crf is None else crf:g}"}
