"""Table of codecs: encoder, supported containers and settings of each."""

from dataclasses import dataclass, field
from pathlib import Path

from av import codecs_available

from facevid.errors import UsageError

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
"""File name suffixes of the videos that can be written."""


@dataclass(frozen=True)
class Encoding:
    """The user's encoder options; None follows the source.

    Attributes:
        codec: a key of CODECS.
        crf: constant quality of h264, h265 and av1; 0 is lossless for h264 and h265; None is visually lossless.
        pix_fmt: FFmpeg's name of a pixel format; None keeps the source's bit depth and chroma subsampling.
    """

    codec: str | None = None
    crf: float | None = None
    pix_fmt: str | None = None


@dataclass(frozen=True)
class CodecEntry:
    """One codec.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        suffixes: file name suffixes of the containers that support it.
        crf: default constant quality; None if the encoder has none.
        options: encoder options that are always set.
        crf_option: the encoder's name of the constant quality option.
        lossless: encoder options for crf 0, instead of `options`; None if crf 0 is not lossless.
        supports_interlacing: whether frames can be marked as interlaced.
    """

    encoder: str
    suffixes: tuple[str, ...]
    crf: float | None
    options: dict[str, str] = field(default_factory=dict)
    crf_option: str = "crf"
    lossless: dict[str, str] | None = None
    supports_interlacing: bool = False


_X265_QUIET = "log-level=error"
"""Option of libx265, which otherwise logs to stderr."""

_MPEG_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
"""Containers of H.264 and H.265."""

_AV1_SUFFIXES = (".mp4", ".mkv", ".webm")
"""Containers of AV1."""

_MPEG_CRF = 12
"""Default constant quality of H.264 and H.265: visually lossless."""

_AV1_CRF = 15
"""Default constant quality of AV1: visually lossless."""

_NVENC = {"preset": "p6", "rc": "vbr", "b": "0"}
"""Constant quality (`cq`) with NVENC: variable rate without a target bit rate."""

_NVENC_LOSSLESS = {"preset": "p6", "tune": "lossless"}
"""Lossless mode of NVENC."""

# Hardware encoders are used only if requested by name: at the same size, their quality is lower.
CODECS = {
    "h264": CodecEntry(
        "libx264",
        _MPEG_SUFFIXES,
        _MPEG_CRF,
        {"preset": "faster"},
        lossless={"preset": "faster", "qp": "0"},
        supports_interlacing=True,
    ),
    "h265": CodecEntry(
        "libx265",
        _MPEG_SUFFIXES,
        _MPEG_CRF,
        {"preset": "medium", "x265-params": _X265_QUIET},
        lossless={"preset": "medium", "x265-params": f"{_X265_QUIET}:lossless=1"},
    ),
    "av1": CodecEntry("libsvtav1", _AV1_SUFFIXES, _AV1_CRF, {"preset": "6"}),
    "prores": CodecEntry("prores_ks", (".mov", ".mkv"), None, {"vendor": "apl0"}, supports_interlacing=True),
    "dnxhr": CodecEntry("dnxhd", (".mov",), None),
    "ffv1": CodecEntry("ffv1", (".mkv",), None, {"level": "3", "slicecrc": "1", "g": "1"}, supports_interlacing=True),
    "h264_nvenc": CodecEntry("h264_nvenc", _MPEG_SUFFIXES, _MPEG_CRF, _NVENC, "cq", _NVENC_LOSSLESS),
    "hevc_nvenc": CodecEntry("hevc_nvenc", _MPEG_SUFFIXES, _MPEG_CRF, _NVENC, "cq", _NVENC_LOSSLESS),
    "av1_nvenc": CodecEntry("av1_nvenc", _AV1_SUFFIXES, _AV1_CRF, _NVENC, "cq", _NVENC_LOSSLESS),
    "h264_qsv": CodecEntry("h264_qsv", _MPEG_SUFFIXES, _MPEG_CRF, {"preset": "slow"}, "global_quality"),
    "hevc_qsv": CodecEntry("hevc_qsv", _MPEG_SUFFIXES, _MPEG_CRF, {"preset": "slow"}, "global_quality"),
    "av1_qsv": CodecEntry("av1_qsv", _AV1_SUFFIXES, _AV1_CRF, {"preset": "slow"}, "global_quality"),
}

CODEC_OF_SOURCE = {
    "h264": "h264",
    "hevc": "h265",
    "av1": "av1",
    "libdav1d": "av1",
    "prores": "prores",
    "dnxhd": "dnxhr",
    "cfhd": "prores",
    "jpeg2000": "prores",
    "hap": "prores",
}
"""FFmpeg's name of the source's codec -> the codec of the result."""

LOSSLESS_SOURCES = (
    *("ffv1", "rawvideo", "v210", "v308", "v408", "v410", "r210", "r10k", "ayuv", "huffyuv", "ffvhuff", "utvideo"),
    *("magicyuv", "lagarith", "qtrle", "png", "tiff", "dpx", "exr", "bmp", "targa"),
)
"""FFmpeg's names of lossless codecs: their results are lossless too (ffv1), or ProRes in a .mov."""

IMAGE_ENCODERS = {
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
"""Suffix of an image file -> FFmpeg's name of its encoder."""

IMAGE_OPTIONS = {
    "png": {"pred": "mixed"},
    "mjpeg": {"flags": "+qscale", "global_quality": str(2 * 118), "qmin": "1", "qmax": "2", "huffman": "optimal"},
    "libwebp": {"quality": "95"},
}
"""Encoder options of image files. JPEG: quality scale 2, times FFmpeg's FF_QP2LAMBDA (118); visually lossless."""

PRORES_PROFILES = {
    "Proxy": "proxy",
    "LT": "lt",
    "Standard": "standard",
    "HQ": "hq",
    "4444": "4444",
    "XQ": "4444xq",
}
"""FFmpeg's name of a source's ProRes profile -> name of the encoder's option."""

DNXHR_PROFILES = {"DNXHR LB": "dnxhr_lb", "DNXHR SQ": "dnxhr_sq"}
"""8-bit 4:2:2 profiles of a source that are kept; other profiles follow from bit depth and chroma."""


def codec_entry(name: str, out: Path) -> CodecEntry:
    """Look up a codec in CODECS.

    Raises:
        UsageError: the codec is unknown, missing from this installation, or not supported by the container of `out`.
    """
    if name not in CODECS:
        msg = f"unknown codec {name}; choose one of {', '.join(CODECS)}"
        raise UsageError(msg)
    entry = CODECS[name]
    if entry.encoder not in codecs_available:
        msg = f"codec {name} is not part of the installed PyAV; choose h264, h265 or av1"
        raise UsageError(msg)
    if out.suffix.lower() not in entry.suffixes:
        supported = ", ".join(codec for codec, other in CODECS.items() if out.suffix.lower() in other.suffixes)
        containers = ", ".join(entry.suffixes)
        msg = f"{out}: {name} is supported in {containers}; rename the result, or choose one of {supported}"
        raise UsageError(msg)
    return entry


def codec_options(name: str, crf: float | None) -> dict[str, str]:
    """Return the encoder options for a constant quality; None is the codec's default.

    Raises:
        UsageError: the codec has no constant quality option.
    """
    entry = CODECS[name]
    if entry.crf is None:
        if crf is not None:
            msg = f"--crf has no effect on {name}; leave it out, or choose h264, h265 or av1"
            raise UsageError(msg)
        return dict(entry.options)
    if crf == 0 and entry.lossless is not None:
        return dict(entry.lossless)
    return entry.options | {entry.crf_option: f"{entry.crf if crf is None else crf:g}"}
