"""Find where the clock of an MPEG stream restarts, as in concatenated recordings.

In a recording, the timestamps of each stream increase, apart from the reordering of pictures. A picture that can be
decoded on its own is displayed after all pictures demuxed before it, otherwise the clock was set back. The streams of a
file are interleaved loosely: around a restart, packets from before and after it are mixed. Every other stream restarts
where its own timestamps go back near the restart of the video stream. A sparse one, such as subtitles, whose timestamps
do not go back, restarts with the video stream.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from facevid.errors import InputError
from facevid.video.info import ClockRestart
from facevid.video.reader.container import default_duration, packets

CLOCK_PERIOD = 1 << 33
"""Ticks of 1/90000 s after which the clock of MPEG streams wraps (ISO/IEC 13818-1)."""

MAX_RESTARTS = 1000
"""Largest supported number of restarts: all of them are in one argument of ffmpeg, which Linux limits to 128 KB."""


@dataclass
class _Run:
    """Successive packets of one stream; timestamps are of presentation for the video stream, of decoding for others.

    Attributes:
        order: position of its first packet among those of the whole file.
        number: position of its first packet among those of the stream.
        goes_back: whether its first timestamp is before those of the previous run.
        first, last: earliest and latest timestamp.
        end: latest timestamp plus the duration of its packet.
    """

    order: int
    number: int
    goes_back: bool
    first: int
    last: int
    end: int

    def add(self, time: int, duration: int) -> None:
        self.first, self.last = min(self.first, time), max(self.last, time)
        self.end = max(self.end, time + duration)


def find_restarts(path: Path, container: InputContainer, video: VideoStream) -> tuple[ClockRestart, ...]:
    """Read all packets of an MPEG transport or program stream, without decoding them; return the clock's restarts.

    Each part follows the one before without a gap in the video stream; where this would set back the sound, the part
    starts as many frame durations later as necessary.

    Raises:
        InputError: there are more than MAX_RESTARTS; or as for `packets`.
    """
    runs, packet_counts = _runs(path, container, video)
    video_runs = runs[video.index]
    if len(video_runs) < 2:
        return ()
    if len(video_runs) > MAX_RESTARTS + 1:
        raise InputError(
            f"{path}: its timestamps restart {len(video_runs) - 1} times, at most {MAX_RESTARTS} are supported; "
            "cut the file, and edit the parts separately"
        )
    orders = [run.order for run in video_runs[1:]]
    numbers = [_first_packets(runs[each.index], orders, packet_counts[each.index]) for each in container.streams]
    numbers[video.index] = [run.number for run in video_runs[1:]]
    sound = [_parts(runs[each.index], numbers[each.index]) for each in container.streams.audio]
    offsets = _offsets(video_runs, sound, default_duration(video))
    return tuple(ClockRestart(*each) for each in zip(offsets, zip(*numbers, strict=True), strict=True))


def _runs(path: Path, container: InputContainer, video: VideoStream) -> tuple[dict[int, list[_Run]], dict[int, int]]:
    """Divide each stream where its timestamps go back, and all streams where those of the video stream do.

    Returns:
        The runs and the number of packets of each stream, by stream index.
    """
    runs: dict[int, list[_Run]] = defaultdict(list)
    packet_counts: dict[int, int] = defaultdict(int)
    frame_duration = default_duration(video)
    restart = 0  # order of the last restart of the video stream
    for order, packet in enumerate(packets(path, container)):
        index, is_video = packet.stream.index, packet.stream.index == video.index
        number, time = packet_counts[index], packet.pts if is_video else packet.dts
        packet_counts[index] += 1
        if time is None:
            continue
        run = runs[index][-1] if runs[index] else None
        goes_back = run is not None and (packet.is_keyframe or not is_video) and _is_before(time, run.last)
        if goes_back and is_video:
            restart = order
        if run is None or goes_back or run.order < restart:
            run = _Run(order, number, goes_back, time, time, time)
            runs[index].append(run)
        run.add(time, packet.duration or frame_duration)
    return runs, packet_counts


def _is_before(time: int, last: int) -> bool:
    """Return whether a clock that wraps was set back from `last` to `time`: by less than half of its period.

    FFmpeg adds a period to timestamps that are earlier than the first one of the file.
    """
    return (time - last) % CLOCK_PERIOD >= CLOCK_PERIOD // 2


def _first_packets(runs: Sequence[_Run], orders: Sequence[int], packet_count: int) -> list[int]:
    """Return the number of a stream's first packet after each restart.

    A stream that goes back as often as the video stream does so at the same restarts.

    Args:
        runs: of the stream.
        orders: position of each restart of the video stream among the packets of the file.
        packet_count: of the stream; returned if no packet follows.
    """
    jumps = [run for run in runs if run.goes_back]
    if len(jumps) == len(orders):
        return [run.number for run in jumps]
    midpoints = [0, *((a + b) // 2 for a, b in pairwise(orders))]
    numbers = []
    for order, start, end in zip(orders, midpoints, [*midpoints[1:], None], strict=True):
        near = [run for run in jumps if start <= run.order and (end is None or run.order < end)]
        near = near or [run for run in runs if run.order >= order][:1]
        numbers.append(min(near, key=lambda run: abs(run.order - order)).number if near else packet_count)
    return numbers


def _parts(runs: Sequence[_Run], numbers: Sequence[int]) -> list[tuple[int, int] | None]:
    """Return the earliest and the latest timestamp of each part of a stream, None without packets.

    Args:
        runs: of the stream.
        numbers: of the first packets of all parts but the first one.
    """
    parts: list[tuple[int, int] | None] = []
    for start, end in zip([0, *numbers], [*numbers, None], strict=True):
        part = [run for run in runs if start <= run.number and (end is None or run.number < end)]
        parts.append((min(run.first for run in part), max(run.last for run in part)) if part else None)
    return parts


def _offsets(
    video: Sequence[_Run], sound: Iterable[Sequence[tuple[int, int] | None]], frame_duration: int
) -> list[int]:
    """Return what to add to the timestamps of each part but the first one."""
    offsets = [0]
    for part, (before, run) in enumerate(pairwise(video), 1):
        offset = offsets[-1] + before.end - run.first
        for stream in sound:
            ends = [times[1] + shift for times, shift in zip(stream, offsets, strict=False) if times]
            times = stream[part]
            overlap = max(ends) + 1 - (times[0] + offset) if ends and times else 0
            offset += ceil(max(overlap, 0) / frame_duration) * frame_duration
        offsets.append(offset)
    return offsets[1:]
