"""Joining new pictures with everything else of the source, by stream copy."""

import math
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import ffmpeg
from av.stream import DataStream, Disposition, Stream

from facevid.errors import OutputError, UsageError
from facevid.video.info import ClipInfo
from facevid.video.writer.encoding import VIDEO_SUFFIXES
from facevid.video.writer.ffmpeg import run_ffmpeg
from facevid.video.writer.plan import EncoderPlan

_TEXT_SUBTITLES = {"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}
_MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_TEXT_OF = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}

# Notes that QuickTime's and MP4's muxers write, each in a place of its own; any other needs `use_metadata_tags`.
_COMMON_NOTES = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "encoder", "encoded_by"),
    *("creation_time", "timecode", "track", "disc", "compilation", "media_type", "location", "location-eng"),
}
_MOV_NOTES = {"make", "model"}
_BRANDS = ("major_brand", "minor_version", "compatible_brands")  # of the source's container: not the result's

_Options = dict[str, str | int | None]
"""Of ffmpeg's command line, by name."""


@dataclass(frozen=True)
class CopiedStream:
    """One stream of the result.

    Attributes:
        index: its number in the source.
        convert_to: the codec, if it must be converted.
        disposition: as ffmpeg's option has it.
        notes: `key=value` of those to be set beside the source's; without a value, to be left out.
    """

    index: int
    convert_to: str | None
    disposition: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RemuxPlan:
    """Which of the source's streams go into the result, in order, and what could not be kept.

    `has_own_notes` is set where the source holds notes under names that are a camera's or a studio's own.
    """

    streams: tuple[CopiedStream, ...]
    movie_timescale: int
    has_own_notes: bool
    warnings: tuple[str, ...]


def plan_remux(info: ClipInfo, out: Path) -> RemuxPlan:
    """Decide, before any work, what becomes of each stream of the source; an image sequence has none to carry.

    Raises UsageError where the container of `out` cannot hold the source's sound.
    """
    copied: list[CopiedStream] = []
    warnings: list[str] = []
    if info.is_of_pictures:
        return RemuxPlan((), info.time_base.denominator, False, ())
    bases = [info.time_base]
    suffix = out.suffix.lower()
    with av.open(f"file:{info.path}", metadata_errors="replace") as container:
        for stream in container.streams:
            each = _place_stream(stream, info, out, warnings)
            if each is not None:
                copied.append(each)
                if stream.time_base:
                    bases.append(stream.time_base)
        has_own_notes = not {name.lower() for name in container.metadata} <= _written_notes(suffix)
    return RemuxPlan(tuple(copied), _common_timescale(bases), has_own_notes, tuple(warnings))


def _place_stream(stream: Stream, info: ClipInfo, out: Path, warnings: list[str]) -> CopiedStream | None:
    codec = stream.codec_context.name if stream.codec_context else "unknown"
    disposition = "+".join(flag.name or "" for flag in Disposition if flag in stream.disposition) or "0"
    each = CopiedStream(stream.index, None, disposition, _notes(stream))
    if stream.index == info.stream_index or _is_held(stream, codec, info, out):
        return each
    if isinstance(stream, DataStream) and _is_written_anew(stream):
        return None
    if stream.type == "audio" and stream.codec_context:
        fitting = [suffix for suffix in VIDEO_SUFFIXES if _is_written(stream, info, suffix)]
        remedy = (
            f"end its name in one of {', '.join(fitting)}" if fitting else "convert its sound first, such as to AAC"
        )
        raise UsageError(f"{out.name} cannot hold the source's {codec} sound; {remedy}")
    name = f"stream {stream.index} ({stream.type}, {codec})"
    if stream.type == "subtitle" and codec in _TEXT_SUBTITLES:
        text = _TEXT_OF[out.suffix.lower()]
        warnings.append(f"{out.name}: {name} is converted to {text}")
        return replace(each, convert_to=text)
    warnings.append(f"{out.name} cannot hold the source's {name}: left out")
    return None


def _notes(stream: Stream) -> tuple[str, ...]:
    """Return what is to be changed of a stream's notes: `name`, as QuickTime's reader calls a title, to `title`.

    The muxer takes the reel's name of the timecode track that it makes from the pictures' stream.
    """
    notes = []
    if stream.type == "video":
        reels = (other.metadata["reel_name"] for other in stream.container.streams if "reel_name" in other.metadata)
        notes += [f"reel_name={name}" for name in [*reels][:1]]
    if "name" in stream.metadata and "title" not in stream.metadata:
        notes += [f"title={stream.metadata['name']}", "name="]
    if "alpha_mode" in stream.metadata:
        notes.append("alpha_mode=")  # the alpha beside a VP8's or VP9's pictures is not read
    return tuple(notes)


def _is_held(stream: Stream, codec: str, info: ClipInfo, out: Path) -> bool:
    if stream.type == "attachment":
        return out.suffix.lower() == ".mkv"
    if stream.type == "video" and stream.disposition & Disposition.attached_pic:
        return out.suffix.lower() in (".mp4", ".m4v", ".mov")  # Matroska's muxer would make a second video of it
    if stream.type == "subtitle" and codec == _TEXT_OF[out.suffix.lower()]:
        return True
    return stream.type in ("video", "audio", "subtitle") and _is_written(stream, info, out.suffix.lower())


def _is_written_anew(stream: DataStream) -> bool:
    """Return whether the muxer makes this stream itself: from the timecode in the metadata, or from the chapters."""
    is_text = stream.name == "bin_data"
    return "timecode" in stream.metadata or (is_text and bool(stream.container.chapters()))


def _is_written(stream: Stream, info: ClipInfo, suffix: str) -> bool:
    """Ask ffmpeg's muxer whether it writes a copy of a stream, of which it is given nothing but the header."""
    source = ffmpeg.input(f"file:{info.path}")[str(stream.index)]
    options: _Options = {"c": "copy", "t": "0", "f": _MUXERS[suffix]}
    try:
        run_ffmpeg(ffmpeg.get_args(ffmpeg.output(source, os.devnull, **options).overwrite_output()), os.devnull)
    except OutputError:
        return False
    return True


def _written_notes(suffix: str) -> set[str]:
    return {*_COMMON_NOTES, *_BRANDS} | (_MOV_NOTES if suffix == ".mov" else set())


def _common_timescale(bases: list[Fraction]) -> int:
    """Return the units a second in which every stream's start is exact, or the best a 32-bit box can do."""
    scale = math.lcm(*(base.denominator for base in bases))
    return scale if scale < 2**31 else max(base.denominator for base in bases)


def remux(
    plan: RemuxPlan, info: ClipInfo, encoded: EncoderPlan, *, pictures: Path, result: Path, out: Path
) -> list[str]:
    """Write `result` from the new `pictures` and the source's other streams, all copied; say what it does not keep.

    Raises:
        OutputError: the result cannot be written.
    """
    offset = f"{float(-info.start * info.time_base):.6f}"  # ffmpeg rounds it to the stream's own unit: exact at 1/90000
    new, old = ffmpeg.input(f"file:{pictures}"), ffmpeg.input(f"file:{info.path}", itsoffset=offset)
    streams = [new["0"] if each.index == info.stream_index else old[str(each.index)] for each in plan.streams]
    options: _Options = {
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
        if each.index == info.stream_index:
            options |= _aspect_option(number, encoded, pictures)
    options |= _muxer_options(plan, info, out.suffix.lower())
    # ffmpeg-python numbers inputs as they are first named and drops those that are not: two empty maps settle both.
    node = ffmpeg.output(new["v:99?"], *streams, old["v:99?"], f"file:{result}", **options)
    arguments = ffmpeg.get_args(node)
    arguments[-1:-1] = _note_arguments(plan)  # ffmpeg-python knows no option that is given twice
    run_ffmpeg(arguments, str(out))
    written = _aspect_of(result)
    if not encoded.sample_aspect_ratio or written == encoded.sample_aspect_ratio:
        return []
    ratios = [str(aspect).replace("/", ":") for aspect in (written, encoded.sample_aspect_ratio)]
    return [f"{out.name}: its pixels are {ratios[0]} wide instead of {ratios[1]}; a .mov or .mp4 keeps that"]


def _aspect_option(number: int, encoded: EncoderPlan, pictures: Path) -> _Options:
    """Return what has the shape of pixels written where Matroska's muxer did not take it from the encoder.

    ffmpeg knows ratios of numbers up to 255; others come out as the nearest of these.
    """
    if not encoded.sample_aspect_ratio or _aspect_of(pictures) == encoded.sample_aspect_ratio:
        return {}
    shape = encoded.sample_aspect_ratio * Fraction(encoded.width, encoded.height)
    return {f"aspect:{number}": f"{shape.numerator}:{shape.denominator}"}


def _aspect_of(video: Path) -> Fraction | None:
    with av.open(f"file:{video}", metadata_errors="replace") as container:
        return container.streams.video[0].sample_aspect_ratio


def _note_arguments(plan: RemuxPlan) -> list[str]:
    notes = [("-metadata", f"{name}=") for name in _BRANDS]
    notes += [(f"-metadata:s:{number}", note) for number, each in enumerate(plan.streams) for note in each.notes]
    return [argument for pair in notes for argument in pair]


def _muxer_options(plan: RemuxPlan, info: ClipInfo, suffix: str) -> _Options:
    if suffix in (".mkv", ".webm"):
        return {"f": _MUXERS[suffix], "cues_to_front": 1}
    options: _Options = {
        "f": _MUXERS[suffix],
        "movflags": "+faststart",
        "video_track_timescale": info.time_base.denominator,
        "movie_timescale": plan.movie_timescale,
    }
    if plan.has_own_notes:
        options["movflags"] = "+faststart+use_metadata_tags"
    return options
