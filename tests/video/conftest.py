"""Small synthetic clips, each made by one ffmpeg command.

Every clip shows ffmpeg's moving test pattern for about 12 frames, at 64x48 unless specified.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from facevid.video.writer.ffmpeg import ffmpeg_program, run_ffmpeg

LOSSLESS_H264 = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast")
SOUND = ("-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=0.6")
METADATA = """;FFMETADATA1
title=A shot
artist=Somebody
[CHAPTER]
TIMEBASE=1/1000
START=0
END=250
title=First
[CHAPTER]
TIMEBASE=1/1000
START=250
END=500
title=Second
"""
SUBTITLES = "1\n00:00:00,100 --> 00:00:00,300\nHello\n\n2\n00:00:00,300 --> 00:00:00,450\nthere\n"


@dataclass(frozen=True)
class ClipSpec:
    """How to make a clip with ffmpeg.

    Attributes:
        name: file name of the clip.
        arguments: ffmpeg's arguments between the inputs and the output file.
        pattern: lavfi source of the video.
        inputs: arguments of further inputs.
        base: options, then the name of the spec whose clip is the input instead of `pattern`.
    """

    name: str
    arguments: tuple[str, ...]
    pattern: str = "testsrc2=size=64x48:rate=24:duration=0.5"
    inputs: tuple[str, ...] = ()
    base: tuple[str, ...] = ()


def _h264(name: str, *arguments: str, pattern: str = "", inputs: tuple[str, ...] = ()) -> ClipSpec:
    return ClipSpec(name, (*LOSSLESS_H264, "-pix_fmt", "yuv420p", *arguments), pattern or ClipSpec.pattern, inputs)


def _rate(rate: str, size: str = "64x48") -> str:
    return f"testsrc2=size={size}:rate={rate}:duration=0.5"


def _tags(matrix: str, primaries: str, transfer: str, colour_range: str) -> tuple[str, ...]:
    params = f"setparams=range={colour_range}:color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"
    return ("-vf", f"scale=out_color_matrix={matrix}:out_range={colour_range},format=yuv420p,{params}")


def _copy(name: str, *base: str) -> ClipSpec:
    return ClipSpec(name, ("-c", "copy"), base=base)


_ODD = "testsrc2=size=66x48:rate=24:duration=0.5,format=yuv444p,crop=65:47:0:0:exact=1"
_HEVC = ("-c:v", "libx265", "-x265-params", "lossless=1:log-level=error", "-preset", "ultrafast", "-tag:v", "hvc1")
_MKV_FFV1 = ("-c:v", "ffv1", "-level", "3")

CLIPS = (
    _h264("constant.mp4"),
    _h264("sound.mp4", "-c:a", "aac", inputs=SOUND),
    _h264("ntsc.mov", "-c:a", "pcm_s16le", pattern=_rate("30000/1001"), inputs=SOUND),
    _h264("film.mkv", pattern=_rate("24000/1001")),
    ClipSpec("b-frames.mp4", ("-c:v", "libx264", "-qp", "0", "-preset", "medium", "-bf", "3", "-pix_fmt", "yuv420p")),
    _h264(
        "variable.mp4",
        *("-vf", r"settb=1/1000,setpts=N*40+mod(N*7\,5)*4", "-fps_mode", "passthrough", "-enc_time_base", "1/1000"),
        *("-video_track_timescale", "1000", "-c:a", "aac"),
        inputs=SOUND,
    ),
    _copy("rotated-90.mp4", "-display_rotation", "90", "sound.mp4"),
    _copy("rotated-180.mp4", "-display_rotation", "180", "sound.mp4"),
    _copy("rotated-270.mov", "-display_rotation", "270", "sound.mp4"),
    _copy("mirrored.mp4", "-display_hflip", "sound.mp4"),
    _copy("trimmed.mp4", "-ss", "0.2", "b-frames-sound.mp4"),
    _h264("sound-late.mp4", "-c:a", "aac", inputs=("-itsoffset", "0.3", *SOUND)),
    _copy("picture-late.mp4", "-itsoffset", "0.2", "constant.mp4"),
    _h264(
        "two-tracks.mp4",
        *("-map", "0", "-map", "1", "-map", "2", "-c:a", "aac", "-metadata:s:a:0", "language=eng"),
        *("-metadata:s:a:1", "language=fra", "-disposition:a:0", "0", "-disposition:a:1", "default"),
        inputs=(*SOUND, *SOUND),
    ),
    _h264("sound-first.mov", "-map", "1", "-map", "0", "-c:a", "aac", inputs=SOUND),
    _h264(
        "subtitles.mp4",
        *("-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-map_chapters", "3"),
        *("-c:a", "aac", "-c:s", "mov_text", "-metadata:s:s:0", "language=eng"),
        inputs=(*SOUND, "-i", "subtitles.srt", "-i", "metadata.txt"),
    ),
    _h264(
        "subtitles.mkv",
        *("-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-map_chapters", "3"),
        *("-c:a", "libopus", "-c:s", "srt"),
        inputs=(*SOUND, "-i", "subtitles.srt", "-i", "metadata.txt"),
    ),
    _h264("timecode.mov", "-timecode", "10:20:30:05", "-c:a", "aac", inputs=SOUND),
    _h264("drop-frame.mov", "-timecode", "10:20:30;05", pattern=_rate("30000/1001")),
    ClipSpec("odd-444.mp4", (*LOSSLESS_H264, "-pix_fmt", "yuv444p"), _rate("24", "65x47")),
    _h264("anamorphic.mp4", "-vf", "setsar=4/3"),
    ClipSpec("anamorphic-ffv1.mkv", (*_MKV_FFV1, "-vf", "setsar=16/15")),
    _h264("odd-anamorphic.mp4", "-vf", "setsar=391/390:max=1000"),
    _h264(
        "camera-metadata.mov",
        *("-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.make=Apple", "-metadata", "reel=A001"),
        *("-metadata:s:v", "title=Main picture", "-metadata:s:a", "title=Boom", "-c:a", "aac"),
        inputs=SOUND,
    ),
    _h264("interlaced.mov", "-flags", "+ildct", "-vf", "setfield=tff"),
    ClipSpec("ten-bit.mp4", (*LOSSLESS_H264, "-pix_fmt", "yuv422p10le")),
    ClipSpec("hevc.mp4", (*_HEVC, "-pix_fmt", "yuv420p")),
    ClipSpec("hevc-ten-bit.mp4", (*_HEVC, "-pix_fmt", "yuv420p10le")),
    ClipSpec("hevc-topleft.mp4", (*_HEVC, "-pix_fmt", "yuv420p10le", "-chroma_sample_location", "topleft")),
    ClipSpec("hevc-twelve-bit.mov", (*_HEVC, "-pix_fmt", "yuv444p12le")),
    ClipSpec(
        "hdr10.mp4",
        (
            *("-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params"),
            "log-level=error:lossless=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
            "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)",
        ),
    ),
    ClipSpec("bt601.mp4", (*_tags("smpte170m", "smpte170m", "smpte170m", "tv"), *LOSSLESS_H264)),
    ClipSpec("bt709.mp4", (*_tags("bt709", "bt709", "bt709", "tv"), *LOSSLESS_H264)),
    ClipSpec("bt2020-pq.mp4", (*_tags("bt2020nc", "bt2020", "smpte2084", "tv"), *LOSSLESS_H264)),
    ClipSpec("bt2020-hlg.mp4", (*_tags("bt2020nc", "bt2020", "arib-std-b67", "tv"), *LOSSLESS_H264)),
    _h264("chroma-topleft.mp4", "-chroma_sample_location", "topleft"),
    ClipSpec("full-range.mp4", (*_tags("bt709", "bt709", "bt709", "pc"), *LOSSLESS_H264)),
    ClipSpec("ffv1-sixteen-bit.mkv", (*_MKV_FFV1, "-pix_fmt", "yuv444p16le")),
    ClipSpec("ffv1-rgb-ten-bit.mkv", (*_MKV_FFV1, "-pix_fmt", "gbrp10le")),
    ClipSpec("ffv1-rgba.mkv", (*_MKV_FFV1, "-pix_fmt", "bgra")),
    ClipSpec("ffv1-odd.mkv", (*_MKV_FFV1, "-pix_fmt", "yuv420p"), _ODD),
    ClipSpec("ffv1-gray.mkv", (*_MKV_FFV1, "-pix_fmt", "gray")),
    ClipSpec("b-frames-sound.mp4", ("-c:v", "libx264", "-qp", "0", "-g", "48", "-c:a", "aac"), inputs=SOUND),
    ClipSpec("prores.mov", ("-c:v", "prores_ks", "-profile:v", "hq", "-c:a", "pcm_s24le"), inputs=SOUND),
    ClipSpec("mjpeg.mov", ("-c:v", "mjpeg", "-pix_fmt", "yuvj422p", "-q:v", "2")),
    ClipSpec("mpeg4.avi", ("-c:v", "mpeg4", "-q:v", "2", "-c:a", "libmp3lame"), inputs=SOUND),
    ClipSpec("vp9.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"), inputs=SOUND),
)
# Clips for single tests, which are not expected to be copied unchanged.
SPECIAL_CLIPS = (
    ClipSpec("hd.mp4", (*LOSSLESS_H264, "-pix_fmt", "yuv422p"), _rate("24", "256x120")),
    ClipSpec("hd-ten-bit.mp4", (*LOSSLESS_H264, "-pix_fmt", "yuv422p10le"), _rate("24", "256x120")),
    ClipSpec("hd-444.mp4", (*LOSSLESS_H264, "-pix_fmt", "yuv444p10le"), _rate("24", "256x120")),
    ClipSpec("hd-rgb.mkv", (*_MKV_FFV1, "-pix_fmt", "gbrp10le"), _rate("24", "256x120")),
    ClipSpec(
        "dnxhr-lb.mov", ("-c:v", "dnxhd", "-profile:v", "dnxhr_lb", "-pix_fmt", "yuv422p"), _rate("24", "256x120")
    ),
    ClipSpec("prores-proxy.mov", ("-c:v", "prores_ks", "-profile:v", "proxy")),
    ClipSpec("prores-4444xq.mov", ("-c:v", "prores_ks", "-profile:v", "4444xq", "-pix_fmt", "yuva444p10le")),
    ClipSpec("av1.mp4", ("-c:v", "libsvtav1", "-pix_fmt", "yuv420p10le")),
    ClipSpec("interlaced-bottom.mkv", (*_MKV_FFV1, "-flags", "+ildct", "-vf", "setfield=bff")),
    ClipSpec("odd-ten-bit.mkv", (*_MKV_FFV1, "-pix_fmt", "yuv420p10le"), _ODD),
    ClipSpec("prores-alpha.mov", ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")),
    ClipSpec("vp9-alpha.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "yuva420p")),
    ClipSpec("dv.avi", ("-c:v", "dvvideo", "-pix_fmt", "yuv420p"), _rate("25", "720x576") + ",setfield=bff"),
    ClipSpec("cover.jpg", ("-frames:v", "1", "-pix_fmt", "yuvj420p")),
    ClipSpec("cover.mkv", (*LOSSLESS_H264, "-attach", "cover.jpg", "-metadata:s:t", "mimetype=image/jpeg")),
    _copy("rotated-prores.mov", "-display_rotation", "90", "prores.mov"),
    ClipSpec("flat.mp4", (*_tags("bt709", "bt709", "bt709", "pc"), *LOSSLESS_H264), "color=0xC83C3C:size=64x48:d=0.2"),
    _h264("fast-start.mp4", "-movflags", "+faststart"),
    ClipSpec("intra.mp4", ("-c:v", "libx264", "-g", "1", "-crf", "10"), _rate("24", "160x120")),
    ClipSpec("intra.mkv", ("-c:v", "libx264", "-g", "1", "-cluster_time_limit", "100"), _rate("24", "160x120")),
    _h264("pause.mkv", "-vf", "setpts=N/24/TB+gte(N\\,6)/TB", "-fps_mode", "passthrough"),
    ClipSpec("long.mkv", ("-c:v", "mpeg4"), _rate("24").replace("0.5", "3")),
    ClipSpec("long.avi", ("-c:v", "mpeg4"), _rate("24").replace("0.5", "3")),
    ClipSpec("sound-only.m4a", ("-vn", "-map", "1", "-c:a", "aac"), inputs=SOUND),
    ClipSpec("still.png", ("-frames:v", "1", "-pix_fmt", "rgb24")),
    ClipSpec("still-alpha.png", ("-frames:v", "1", "-pix_fmt", "rgba")),
    ClipSpec("still-deep.png", ("-frames:v", "1", "-pix_fmt", "rgb48be")),
    ClipSpec("still-gray.png", ("-frames:v", "1", "-pix_fmt", "gray")),
    ClipSpec("still.jpg", ("-frames:v", "1", "-pix_fmt", "yuvj422p", "-q:v", "2")),
    ClipSpec("still.tif", ("-frames:v", "1", "-pix_fmt", "rgb48le")),
    ClipSpec("still.bmp", ("-frames:v", "1", "-pix_fmt", "bgr24")),
    ClipSpec("still.webp", ("-frames:v", "1")),
    ClipSpec("still.exr", ("-frames:v", "1", "-pix_fmt", "gbrpf32le")),
)
_BY_NAME = {spec.name: spec for spec in CLIPS + SPECIAL_CLIPS}


MakeClip = Callable[[str], Path]


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> MakeClip:
    """Return a function that makes the clip with a name, once, and returns its path."""
    folder = tmp_path_factory.mktemp("clips")
    return lambda name: _make(name, folder)


@pytest.fixture(params=[spec.name for spec in CLIPS])
def every_clip(request: pytest.FixtureRequest, make_clip: MakeClip) -> Path:
    """Return the path of each clip in turn."""
    return make_clip(request.param)


def _make(name: str, folder: Path) -> Path:
    path = folder / name
    if path.exists():
        return path
    spec = _BY_NAME[name]
    (folder / "metadata.txt").write_text(METADATA)
    (folder / "subtitles.srt").write_text(SUBTITLES)
    if spec.base:
        source = _make(spec.base[-1], folder)
        inputs: Sequence[str] = (*spec.base[:-1], "-i", str(source))
    else:
        inputs = ("-f", "lavfi", "-i", spec.pattern, *spec.inputs)
    _run(*inputs, *spec.arguments, str(path), folder=folder)
    return path


MakeSequence = Callable[..., Path]


@pytest.fixture
def make_sequence(tmp_path: Path) -> MakeSequence:
    """Return a function that makes frames 1001 to 1005 of `shot.%04d.SUFFIX` and returns their folder."""

    def make(suffix: str, pix_fmt: str, *arguments: str, first: int = 1001, name: str = "shot.%04d") -> Path:
        folder = tmp_path / "plates"
        folder.mkdir(exist_ok=True)
        frames = ("-frames:v", "5", "-start_number", str(first), "-pix_fmt", pix_fmt)
        _run("-f", "lavfi", "-i", ClipSpec.pattern, *frames, *arguments, f"{name}{suffix}", folder=folder)
        return folder

    return make


def _run(*arguments: str, folder: Path) -> None:
    command = [ffmpeg_program(), "-nostdin", "-y", "-loglevel", "error", *arguments]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FRAMES = 10
"""Number of frames of PICTURES."""

PICTURES = ["-f", "lavfi", "-i", f"testsrc2=s=64x48:r=25:d={FRAMES / 25}"]
TONE = ["-f", "lavfi", "-i", f"sine=d={FRAMES / 25}"]
MakeFile = Callable[..., Path]


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """Return a function that makes a file with ffmpeg."""

    def make(name: str, *arguments: str) -> Path:
        run_ffmpeg(["-y", *arguments, f"file:{tmp_path / name}"], name)
        return tmp_path / name

    return make
