"""Combine the re-encoded video stream with the source's other streams, by stream copy."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import ffmpeg
from av.stream import DataStream, Disposition, Stream

from facevid.errors import OutputError, UsageError
from facevid.video.encoding.codecs import VIDEO_SUFFIXES
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.info import ClipInfo
from facevid.video.writer.ffmpeg import run_ffmpeg

_TEXT_SUBTITLES = {"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"}
"""FFmpeg's names of text subtitle codecs, which can be converted to each other."""

_MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffix -> FFmpeg's name of the container."""

_SUBTITLE_CODECS = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
"""Suffix -> the container's text subtitle codec."""

# Metadata keys that FFmpeg's MP4 and QuickTime muxers write by default; all others need `use_metadata_tags`.
_COMMON_KEYS = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "encoder", "encoded_by"),
    *("creation_time", "timecode", "track", "disc", "compilation", "media_type", "location", "location-eng"),
}
_MOV_KEYS = {"make", "model"}
"""Further keys that the QuickTime muxer writes by default."""

_BRANDS = ("major_brand", "minor_version", "compatible_brands")
"""Keys that describe the source's container, and are not copied."""

_Options = dict[str, str | int | None]
"""Options of ffmpeg's command line: name -> value, None for a flag."""


@dataclass(frozen=True)
class CopiedStream:
    """One stream of the result.

    Attributes:
        index: stream index in the source.
        convert_to: FFmpeg's name of the codec to convert to; None to copy.
        disposition: value of ffmpeg's `-disposition`.
        metadata: `key=value` to set in addition to the source's metadata; an empty value deletes the key.
    """

    index: int
    convert_to: str | None
    disposition: str
    metadata: tuple[str, ...]


@dataclass(frozen=True)
class RemuxPlan:
    """The streams of a result.

    Attributes:
        streams: in the order of the result; empty for an image source.
        movie_timescale: units per second of MP4's and QuickTime's movie header.
        metadata_keys: keys of the source's metadata.
        warnings: what the result cannot keep.
    """

    streams: tuple[CopiedStream, ...]
    movie_timescale: int
    metadata_keys: frozenset[str]
    warnings: tuple[str, ...]


def plan_remux(info: ClipInfo, out: Path) -> RemuxPlan:
    """Decide for each stream of the source whether it is copied, converted or dropped; quick, before any decoding.

    Raises:
        UsageError: the container of `out` does not support the source's audio codec.
    """
    copied: list[CopiedStream] = []
    warnings: list[str] = []
    if info.is_image_source:
        return RemuxPlan((), info.time_base.denominator, frozenset(), ())
    bases = [info.time_base]
    with av.open(f"file:{info.path}", metadata_errors="replace") as container:
        for stream in container.streams:
            planned = _plan_stream(stream, info, out, warnings)
            if planned is not None:
                copied.append(planned)
                if stream.time_base:
                    bases.append(stream.time_base)
        metadata_keys = frozenset(name.lower() for name in container.metadata)
    return RemuxPlan(tuple(copied), _common_timescale(bases), metadata_keys, tuple(warnings))


def _plan_stream(stream: Stream, info: ClipInfo, out: Path, warnings: list[str]) -> CopiedStream | None:
    codec = stream.codec_context.name if stream.codec_context else "unknown"
    disposition = "+".join(flag.name or "" for flag in Disposition if flag in stream.disposition) or "0"
    copied = CopiedStream(stream.index, None, disposition, _metadata_changes(stream))
    if stream.index == info.stream_index or _can_copy(stream, codec, info, out):
        return copied
    if isinstance(stream, DataStream) and _is_made_by_muxer(stream):
        return None
    if stream.type == "audio" and stream.codec_context:
        supported = [suffix for suffix in VIDEO_SUFFIXES if _muxer_accepts(stream, info, suffix)]
        remedy = f"use one of {', '.join(supported)}" if supported else "convert the sound first, such as to AAC"
        raise UsageError(f"{out.name} cannot hold the source's {codec} sound; {remedy}")
    name = f"stream {stream.index} ({stream.type}, {codec})"
    if stream.type == "subtitle" and codec in _TEXT_SUBTITLES:
        text_codec = _SUBTITLE_CODECS[out.suffix.lower()]
        warnings.append(f"{out.name}: {name} is converted to {text_codec}")
        return replace(copied, convert_to=text_codec)
    warnings.append(f"{out.name} cannot hold the source's {name}: left out")
    return None


def _metadata_changes(stream: Stream) -> tuple[str, ...]:
    """Return `key=value` of the metadata to change in a copied stream."""
    changes = []
    if stream.type == "video":  # the muxer reads the timecode track's reel name from the video stream
        reels = (other.metadata["reel_name"] for other in stream.container.streams if "reel_name" in other.metadata)
        changes += [f"reel_name={name}" for name in [*reels][:1]]
    if "name" in stream.metadata and "title" not in stream.metadata:  # the QuickTime demuxer's key of a title
        changes += [f"title={stream.metadata['name']}", "name="]
    if "alpha_mode" in stream.metadata:
        changes.append("alpha_mode=")  # the alpha layer of VP8 and VP9 is not read
    return tuple(changes)


def _can_copy(stream: Stream, codec: str, info: ClipInfo, out: Path) -> bool:
    if stream.type == "attachment":
        return out.suffix.lower() == ".mkv"
    if stream.type == "video" and stream.disposition & Disposition.attached_pic:
        return out.suffix.lower() in (".mp4", ".m4v", ".mov")  # the Matroska muxer would add it as a second video
    if stream.type == "subtitle" and codec == _SUBTITLE_CODECS[out.suffix.lower()]:
        return True
    return stream.type in ("video", "audio", "subtitle") and _muxer_accepts(stream, info, out.suffix.lower())


def _is_made_by_muxer(stream: DataStream) -> bool:
    """Return whether the muxer creates this stream itself, from the timecode in the metadata or from the chapters."""
    is_text = stream.name == "bin_data"
    return "timecode" in stream.metadata or (is_text and bool(stream.container.chapters()))


def _muxer_accepts(stream: Stream, info: ClipInfo, suffix: str) -> bool:
    """Return whether the muxer of `suffix` accepts a copy of the stream, by running ffmpeg on its header only."""
    source = ffmpeg.input(f"file:{info.path}")[str(stream.index)]
    options: _Options = {"c": "copy", "t": "0", "f": _MUXERS[suffix]}
    try:
        run_ffmpeg(ffmpeg.get_args(ffmpeg.output(source, os.devnull, **options).overwrite_output()), os.devnull)
    except OutputError:
        return False
    return True


def _standard_keys(suffix: str) -> set[str]:
    """Return the metadata keys that need no `use_metadata_tags` in the container of `suffix`."""
    return {*_COMMON_KEYS, *_BRANDS} | (_MOV_KEYS if suffix == ".mov" else set())


def _common_timescale(bases: list[Fraction]) -> int:
    """Return the timescale in units per second that represents all time bases exactly, if it fits 31 bits."""
    scale = math.lcm(*(base.denominator for base in bases))
    return scale if scale < 2**31 else max(base.denominator for base in bases)


def remux(
    plan: RemuxPlan,
    info: ClipInfo,
    encoded: EncoderPlan,
    *,
    encoded_video: Path,
    result: Path,
    out: Path,
    tags: Mapping[str, str],
) -> list[str]:
    """Combine the re-encoded frames with the source's other streams.

    Args:
        plan: which streams to copy.
        info: properties of the source.
        encoded: settings of the re-encoded video.
        encoded_video: the file with the re-encoded video.
        result: the file to write.
        out: the final path, named in messages.
        tags: metadata to add to that of the source.

    Returns:
        Warnings of what the result does not keep.

    Raises:
        OutputError: the result cannot be written.
    """
    offset = f"{float(-info.start * info.time_base):.6f}"  # ffmpeg rounds to the stream's time base: exact at 1/90000
    clock: _Options = {"itsoffset": offset}
    if info.restarts:
        clock |= {f"bsf:{each.index}": _continuous_timestamps(info, each.index) for each in plan.streams}
    new, old = ffmpeg.input(f"file:{encoded_video}"), ffmpeg.input(f"file:{info.path}", **clock)
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
            options |= _aspect_option(number, encoded, encoded_video)
    options |= _muxer_options(plan, info, out.suffix.lower())
    # ffmpeg-python numbers inputs in order of first use and drops unused ones. Two maps that match no stream ("v:99?")
    # fix the order: input 0 is the new video, input 1 the source.
    node = ffmpeg.output(new["v:99?"], *streams, old["v:99?"], f"file:{result}", **options)
    arguments = ffmpeg.get_args(node)
    arguments[-1:-1] = _metadata_arguments(plan, tags)  # ffmpeg-python does not support repeated options
    run_ffmpeg(arguments, str(out))
    written = _stored_aspect(result)
    if not encoded.sample_aspect_ratio or written == encoded.sample_aspect_ratio:
        return []
    ratios = [str(aspect).replace("/", ":") for aspect in (written, encoded.sample_aspect_ratio)]
    return [f"{out.name}: its pixel aspect ratio is {ratios[0]} instead of {ratios[1]}; a .mov or .mp4 keeps it"]


def _continuous_timestamps(info: ClipInfo, index: int) -> str:
    """Return a bitstream filter that adds the offsets of the clock's restarts to the timestamps of a stream."""
    terms, previous = [], 0
    for restart in info.restarts:
        terms.append(f"gte(N,{restart.first_packets[index]})*{restart.offset - previous}")
        previous = restart.offset
    shift = f"round({_sum(terms)}*{info.time_base}/TB)"
    pts, dts = (f"if(eq({name},NOPTS),NOPTS,{name}+{shift})" for name in ("PTS", "DTS"))
    return f"setts=pts={pts}:dts={dts}".replace(",", "\\,")


def _sum(terms: list[str]) -> str:
    """Return an expression of the sum, as a balanced tree: ffmpeg limits the depth of expressions."""
    half = len(terms) // 2
    return terms[0] if len(terms) == 1 else f"({_sum(terms[:half])}+{_sum(terms[half:])})"


def _aspect_option(number: int, encoded: EncoderPlan, encoded_video: Path) -> _Options:
    """Return the option that sets the pixel aspect ratio, if the Matroska muxer did not take it from the encoder.

    ffmpeg approximates ratios of numbers above 255.
    """
    if not encoded.sample_aspect_ratio or _stored_aspect(encoded_video) == encoded.sample_aspect_ratio:
        return {}
    shape = encoded.sample_aspect_ratio * Fraction(encoded.width, encoded.height)
    return {f"aspect:{number}": f"{shape.numerator}:{shape.denominator}"}


def _stored_aspect(video: Path) -> Fraction | None:
    with av.open(f"file:{video}", metadata_errors="replace") as container:
        return container.streams.video[0].sample_aspect_ratio


def _metadata_arguments(plan: RemuxPlan, tags: Mapping[str, str]) -> list[str]:
    """Return the ffmpeg arguments that delete the source's brands, add tags, and change metadata of single streams."""
    options = [("-metadata", f"{name}=") for name in _BRANDS]
    options += [("-metadata", f"{name}={value}") for name, value in tags.items()]
    for number, stream in enumerate(plan.streams):
        options += [(f"-metadata:s:{number}", change) for change in stream.metadata]
    return [argument for option in options for argument in option]


def _muxer_options(plan: RemuxPlan, info: ClipInfo, suffix: str) -> _Options:
    if suffix in (".mkv", ".webm"):
        return {"f": _MUXERS[suffix], "cues_to_front": 1}
    options: _Options = {
        "f": _MUXERS[suffix],
        "movflags": "+faststart",
        "video_track_timescale": info.time_base.denominator,
        "movie_timescale": plan.movie_timescale,
    }
    if not plan.metadata_keys <= _standard_keys(suffix):
        options["movflags"] = "+faststart+use_metadata_tags"
    return options
