"""Joining new pictures with everything else of the source, by stream copy."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import ffmpeg
from av.stream import DataStream, Disposition, Stream

from facevid.errors import UsageError
from facevid.video.ffmpeg import run_ffmpeg
from facevid.video.info import ClipInfo

_TEXT_SUBTITLES = {"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}
_TEXT_OF = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}

# What libavformat lists for QuickTime and MP4, but refuses to write.
_REFUSED = {".mov": {"opus", "libopus", "flac", "truehd", "vp8", "vp9", "av1"}, ".mp4": {"truehd"}, ".m4v": {"truehd"}}


@dataclass(frozen=True)
class CopiedStream:
    """One stream of the result: its number in the source, the codec if it must be converted, its disposition."""

    index: int
    convert_to: str | None
    disposition: str


@dataclass(frozen=True)
class RemuxPlan:
    """Which of the source's streams go into the result, in order, and what could not be kept."""

    streams: tuple[CopiedStream, ...]
    movie_timescale: int
    warnings: tuple[str, ...]


def plan_remux(info: ClipInfo, out: Path) -> RemuxPlan:
    """Decide, before any work, what becomes of each stream of the source; an image sequence has none to carry.

    Raises UsageError where the container of `out` cannot hold the source's sound.
    """
    copied: list[CopiedStream] = []
    warnings: list[str] = []
    if info.is_of_pictures:
        return RemuxPlan((), info.time_base.denominator, ())
    bases = [info.time_base]
    suffix = out.suffix.lower()
    with av.open(f"file:{info.path}", metadata_errors="replace") as container:
        held = _codecs_of(suffix)
        for stream in container.streams:
            each = _place_stream(stream, info, out, held, warnings)
            if each is not None:
                copied.append(each)
                if stream.time_base:
                    bases.append(stream.time_base)
    return RemuxPlan(tuple(copied), _common_timescale(bases), tuple(warnings))


def _place_stream(
    stream: Stream, info: ClipInfo, out: Path, held: set[str], warnings: list[str]
) -> CopiedStream | None:
    codec = stream.codec_context.name if stream.codec_context else "unknown"
    disposition = "+".join(flag.name or "" for flag in Disposition if flag in stream.disposition) or "0"
    each = CopiedStream(stream.index, None, disposition)
    if stream.index == info.stream_index or _is_held(stream, codec, out, held):
        return each
    if isinstance(stream, DataStream) and _is_written_anew(stream):
        return None
    if stream.type == "audio":
        msg = (
            f"{out.name} cannot hold the source's {codec} sound; name the result .mkv, or .mp4 or .mov if that holds it"
        )
        raise UsageError(msg)
    name = f"stream {stream.index} ({stream.type}, {codec})"
    if stream.type == "subtitle" and codec in _TEXT_SUBTITLES:
        text = _TEXT_OF[out.suffix.lower()]
        warnings.append(f"{out.name}: {name} is converted to {text}")
        return replace(each, convert_to=text)
    warnings.append(f"{out.name} cannot hold the source's {name}: left out")
    return None


def _is_held(stream: Stream, codec: str, out: Path, held: set[str]) -> bool:
    if stream.type == "attachment":
        return out.suffix.lower() == ".mkv"
    if stream.type == "video" and stream.disposition & Disposition.attached_pic:
        return True
    return stream.type in ("video", "audio", "subtitle") and (codec in held or codec == _TEXT_OF[out.suffix.lower()])


def _is_written_anew(stream: DataStream) -> bool:
    """Return whether the muxer makes this stream itself: from the timecode in the metadata, or from the chapters."""
    is_text = stream.name == "bin_data"
    return "timecode" in stream.metadata or (is_text and bool(stream.container.chapters()))


def _codecs_of(suffix: str) -> set[str]:
    """Return the names of the codecs a container holds, decoders' and encoders' names both."""
    kind = {".mkv": "matroska", ".m4v": "mp4"}.get(suffix, suffix[1:])
    with av.open("/dev/null", "w", format=kind) as container:
        return set(container.supported_codecs) - _REFUSED.get(suffix, set())


def _common_timescale(bases: list[Fraction]) -> int:
    """Return the units a second in which every stream's start is exact, or the best a 32-bit box can do."""
    scale = math.lcm(*(base.denominator for base in bases))
    return scale if scale < 2**31 else max(base.denominator for base in bases)


def remux(plan: RemuxPlan, info: ClipInfo, pictures: Path, result: Path, out: Path) -> None:
    """Write `result` from the new `pictures` and the source's other streams, all copied. Raises OutputError."""
    new, old = ffmpeg.input(f"file:{pictures}"), ffmpeg.input(f"file:{info.path}")
    streams = [new["0"] if each.index == info.stream_index else old[str(each.index)] for each in plan.streams]
    options: dict[str, str | int | None] = {
        "c": "copy",
        "copyts": None,
        "copypriorss": 1,
        "avoid_negative_ts": "disabled",
        "map_metadata": 1,
        "map_chapters": 1,
        "max_interleave_delta": 0,
    }
    for number, each in enumerate(plan.streams):
        options[f"map_metadata:s:{number}"] = f"1:s:{each.index}"
        options[f"disposition:{number}"] = each.disposition
        if each.convert_to is not None:
            options[f"c:{number}"] = each.convert_to
    options |= _muxer_options(plan, info, out.suffix.lower())
    # ffmpeg-python numbers inputs as they are first named and drops those that are not: two empty maps settle both.
    node = ffmpeg.output(new["v:99?"], *streams, old["v:99?"], f"file:{result}", **options)
    run_ffmpeg(ffmpeg.get_args(node), str(out))


def _muxer_options(plan: RemuxPlan, info: ClipInfo, suffix: str) -> dict[str, str | int | None]:
    if suffix in (".mkv", ".webm"):
        return {"f": "webm" if suffix == ".webm" else "matroska", "cues_to_front": 1}
    options: dict[str, str | int | None] = {
        "f": "mov" if suffix == ".mov" else "mp4",
        "movflags": "+faststart",
        "video_track_timescale": info.time_base.denominator,
        "movie_timescale": plan.movie_timescale,
    }
    return options
