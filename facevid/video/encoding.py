"""The one table of codecs: what each is called, which encoder and containers it has, and its settings."""

from dataclasses import dataclass, field
from pathlib import Path

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
    """One row of the table: FFmpeg's encoder, the containers that take it, the default crf, its fixed options."""

    encoder: str
    suffixes: tuple[str, ...]
    crf: float | None
    options: dict[str, str] = field(default_factory=dict)


CODECS = {
    "h264": CodecEntry("libx264", (".mp4", ".m4v", ".mov", ".mkv"), 12, {"preset": "medium"}),
    "h265": CodecEntry(
        "libx265", (".mp4", ".m4v", ".mov", ".mkv"), 12, {"preset": "medium", "x265-params": _X265_QUIET}
    ),
    "av1": CodecEntry("libsvtav1", (".mp4", ".mkv", ".webm"), 15, {"preset": "6"}),
    "prores": CodecEntry("prores_ks", (".mov", ".mkv"), None, {"vendor": "apl0"}),
    "dnxhr": CodecEntry("dnxhd", (".mov", ".mkv"), None),
    "ffv1": CodecEntry("ffv1", (".mkv",), None, {"level": "3", "slicecrc": "1", "g": "1"}),
}

FROM_SOURCE = {"h264": "h264", "hevc": "h265", "av1": "av1", "libdav1d": "av1", "prores": "prores", "dnxhd": "dnxhr"}
LOSSLESS_SOURCES = ("ffv1", "rawvideo", "v210", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "qtrle", "png")

STILL_ENCODERS = {
    ".png": "png",
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "libwebp",
    ".bmp": "bmp",
    ".exr": "exr",
}
STILL_OPTIONS = {
    "mjpeg": {"flags": "+qscale", "global_quality": str(2 * 118), "qmin": "1", "qmax": "2", "huffman": "optimal"},
    "libwebp": {"quality": "95"},
    "tiff": {"compression_algo": "deflate"},
}
PRORES_PROFILES = {
    "Proxy": "proxy",
    "LT": "lt",
    "Standard": "standard",
    "HQ": "hq",
    "4444": "4444",
    "XQ": "4444xq",
}


def codec_entry(name: str, out: Path) -> CodecEntry:
    """Return the row of codec `name`. Raises UsageError for an unknown one, or where `out` cannot hold it."""
    if name not in CODECS:
        msg = f"unknown codec {name}; choose one of {', '.join(CODECS)}"
        raise UsageError(msg)
    entry = CODECS[name]
    if out.suffix.lower() not in entry.suffixes:
        fitting = ", ".join(codec for codec, other in CODECS.items() if out.suffix.lower() in other.suffixes)
        msg = f"{out}: {name} goes into {', '.join(entry.suffixes)}; rename the result, or choose one of {fitting}"
        raise UsageError(msg)
    return entry


def quality_options(name: str, crf: float | None) -> dict[str, str]:
    """Return the encoder's options for a constant quality, the codec's own where `crf` is None. Raises UsageError."""
    entry = CODECS[name]
    if entry.crf is None:
        if crf is not None:
            msg = f"--crf has no meaning for {name}; leave it out, or choose h264, h265 or av1"
            raise UsageError(msg)
        return {}
    if crf == 0 and name == "h264":
        return {"qp": "0"}
    if crf == 0 and name == "h265":
        return {"x265-params": f"{_X265_QUIET}:lossless=1"}
    return {"crf": f"{entry.crf if crf is None else crf:g}"}
