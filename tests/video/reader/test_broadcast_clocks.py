"""Clocks of MPEG streams: their start, and restarts in concatenated files."""

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from facevid.errors import InputError
from facevid.video import RgbWriter, open_clip
from tests.video.conftest import FRAMES, PICTURES, TONE, MakeFile
from tests.video.copies import copy_clip
from tests.video.timestamps import pts_of, starts

MPEG_TS = ["-c:v", "libx264", "-c:a", "aac"]
MPEG_PS = ["-c:v", "mpeg2video", "-bf", "2", "-c:a", "ac3", "-f", "vob"]


@pytest.fixture
def make_part(make_file: MakeFile) -> MakeFile:
    """Return a function that makes a file of 25 frames a second, with a flash and a beep at its start."""

    def make(name: str, frames: int, *coded: str, sound: float | None = None, start: float = 0) -> Path:
        flash = f"color=black:s=64x48:r=25:d={frames / 25},drawbox=c=white:t=fill:enable='lt(n,2)'"
        beep = f"aevalsrc='lt(t,0.08)*sin(6283*t)':s=48000:d={frames / 25 if sound is None else sound}"
        inputs = ["-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep]
        return make_file(name, *inputs, *coded, "-output_ts_offset", str(start))

    return make


@pytest.mark.parametrize("offset", [0, 40000, 95443.5], ids=["usual", "late", "wraps"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_broadcast_clock_starts_at_0_and_stays_in_sync_with_sound(
    make_file: MakeFile, offset: float, suffix: str
) -> None:
    coded = ["-c:v", "libx264", "-c:a", "aac", "-bf", "0"]
    source = make_file("clock.ts", *PICTURES, *TONE, *coded, "-output_ts_offset", str(offset))
    out = source.with_suffix(suffix)
    warnings = [warning for warning in copy_clip(source, out) if source.name in warning]
    assert [bool(re.search(r"\b4000\d\.\d{3} s\b", warning)) for warning in warnings] == [True] * (offset == 40000)
    video, sound = starts(source)
    new_video, new_sound = starts(out)
    assert abs((new_video - new_sound) - (video - sound)) <= Fraction(1, 1000)
    assert min(new_video, new_sound) == 0
    assert len(pts_of(out)) == FRAMES


def joined(*parts: Path) -> Path:
    """Concatenate files, as `cat` does."""
    path = parts[0].with_name(f"joined{parts[0].suffix}")
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def onsets(path: Path) -> tuple[list[float], list[float]]:
    """Return the times in seconds at which flashes and beeps begin."""
    flashes = [float(frame.time) for frame in open_clip(path).frames() if frame.rgb().mean() > 128]
    beeps: list[float] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.05)
            beeps += [float(frame.pts * frame.time_base) + float(each) / frame.sample_rate for each in loud[:1]]
    return _first_of_each(flashes), _first_of_each(beeps)


def _first_of_each(times: list[float]) -> list[float]:
    return [time for before, time in pairwise([-1.0, *times]) if time - before > 0.1]


@pytest.mark.parametrize(
    ("suffix", "coded", "frames"),
    [(".ts", MPEG_TS, (10, 25, 7)), (".vob", MPEG_PS, (10, 25, 7)), (".ts", MPEG_TS, (2, 2, 2))],
    ids=["ts", "vob", "short"],
)
def test_parts_whose_clock_restarts_follow_each_other_in_sync(
    make_part: MakeFile, suffix: str, coded: list[str], frames: tuple[int, ...]
) -> None:
    source = joined(*(make_part(f"{n}{suffix}", count, *coded) for n, count in enumerate(frames)))
    for result in (".mp4", ".mov", ".mkv"):
        check_parts(source, source.with_suffix(result), frames)


def check_parts(source: Path, out: Path, frames: tuple[int, ...]) -> None:
    """Write `source` to `out`, and check the frames, the sound and their sync; `frames` counts those of each part."""
    assert any(source.name in warning for warning in copy_clip(source, out))
    assert len(pts_of(out)) == sum(frames)
    times = [frame.time for frame in open_clip(out).frames()]
    assert all(Fraction(39, 1000) < b - a < Fraction(81, 1000) for a, b in pairwise(times))
    flashes, beeps = onsets(out)
    if min(frames) > 2:  # otherwise everything is white
        assert np.allclose(np.diff(flashes), [count / 25 for count in frames[:-1]], atol=0.042)
        assert np.allclose(flashes, beeps, atol=0.002)
    with av.open(str(out)) as container:
        sound = [packet.dts for packet in container.demux(audio=0) if packet.dts is not None]
    assert sound == sorted(set(sound))


def test_many_parts_are_supported(make_part: MakeFile) -> None:
    part = make_part("part.ts", 2, *MPEG_TS)
    source = joined(*[part] * 150)
    check_parts(source, source.with_suffix(".mkv"), (2,) * 150)
    with pytest.raises(InputError, match=r"joined\.ts.*1001"):
        open_clip(joined(*[part] * 1002))


@pytest.mark.parametrize("start", [30, 36000, 95443.5], ids=["late", "later", "wraps"])
def test_a_part_may_start_at_any_time_of_the_clock(make_part: MakeFile, tmp_path: Path, start: float) -> None:
    """FFmpeg adds a period of the clock to timestamps that are earlier than those at the start of the file."""
    source = joined(make_part("first.ts", 10, *MPEG_TS, start=start), make_part("second.ts", 10, *MPEG_TS))
    copy_clip(source, tmp_path / "out.mp4")
    flashes, beeps = onsets(tmp_path / "out.mp4")
    assert np.allclose(np.diff(flashes), 0.4, atol=0.042)
    assert np.allclose(flashes, beeps, atol=0.002)


def test_a_part_begins_after_the_sound_of_the_part_before(make_part: MakeFile, tmp_path: Path) -> None:
    source = joined(make_part("long.ts", 10, *MPEG_TS, sound=1), make_part("short.ts", 10, *MPEG_TS, sound=0.2))
    copy_clip(source, tmp_path / "out.mkv")
    flashes, beeps = onsets(tmp_path / "out.mkv")
    assert np.allclose(np.diff(flashes), 1, atol=0.042)
    assert np.allclose(flashes, beeps, atol=0.002)


def test_a_gap_is_not_a_restart_of_the_clock(make_part: MakeFile, tmp_path: Path) -> None:
    source = joined(make_part("first.ts", 10, *MPEG_TS), make_part("second.ts", 10, *MPEG_TS, start=3600))
    assert open_clip(source).info.restarts == ()
    copy_clip(source, tmp_path / "out.mkv")
    flashes, beeps = onsets(tmp_path / "out.mkv")
    assert np.allclose(np.diff(flashes), 3600, atol=0.1)
    assert np.allclose(flashes, beeps, atol=0.002)


def test_overlays_report_restarts(make_part: MakeFile, tmp_path: Path) -> None:
    part = make_part("part.ts", 5, *MPEG_TS)
    writer = RgbWriter(tmp_path / "overlay.mp4", open_clip(joined(part, part)), 64, 48)
    assert any("joined.ts" in warning for warning in writer.warnings)
