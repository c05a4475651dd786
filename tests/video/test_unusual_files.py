"""Unusual files: old containers, rare pixel formats, stills of phones. Each is read correctly, or refused."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from facevid import edit_video
from facevid.errors import InputError, UsageError
from facevid.video import ClipWriter, Encoding, open_clip
from tests.video.conftest import FRAMES, PICTURES, TONE, MakeFile
from tests.video.copies import copy_clip
from tests.video.timestamps import pts_of, starts


def test_avi_with_b_frames_has_the_timestamps_of_its_chunks(make_file: MakeFile) -> None:
    source = make_file("b.avi", *PICTURES, "-c:v", "libx264", "-bf", "2")
    assert pts_of(source) == list(range(FRAMES))


def test_two_frames_in_one_millisecond_are_both_kept(make_file: MakeFile, tmp_path: Path) -> None:
    repeated = ["-bsf:v", "setts=ts=N-eq(mod(N\\,4)\\,3)"]
    source = make_file("twice.mkv", *PICTURES, "-c:v", "mjpeg", *repeated)
    times = pts_of(source)
    assert (len(times), times[2:4]) == (FRAMES, [80, 81])
    copy_clip(source, tmp_path / "out.mkv")
    assert pts_of(tmp_path / "out.mkv") == times


def test_timestamps_of_other_containers_that_go_back_are_refused(make_file: MakeFile, tmp_path: Path) -> None:
    back = ["-c:v", "mjpeg", "-bsf:v", "setts=dts=N-20:pts=if(lt(N\\,5)\\,N+5\\,N-5)"]
    source = make_file("back.mkv", *PICTURES, *back)
    with pytest.raises(InputError, match=r"back\.mkv"):
        pts_of(source)


def test_a_change_of_frame_size_is_refused(make_file: MakeFile, tmp_path: Path) -> None:
    large, small = (make_file(f"{w}.ts", *PICTURES, "-vf", f"scale={w}:48", "-c:v", "mpeg2video") for w in (64, 48))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(large.read_bytes() + small.read_bytes())
    with pytest.raises(InputError, match=r"joined\.ts.*64x48.*48x48"):
        pts_of(joined)


@pytest.mark.parametrize(("pix_fmt", "expected"), [("yuv411p", "yuv422p"), ("yuv440p", "yuv444p")])
def test_unsupported_chroma_subsampling_keeps_its_resolution(
    make_file: MakeFile, tmp_path: Path, pix_fmt: str, expected: str
) -> None:
    source = make_file("chroma.mkv", *PICTURES, "-pix_fmt", pix_fmt, "-c:v", "ffv1")
    copy_clip(source, tmp_path / "out.mp4", encoding=Encoding("h264", 0))
    assert open_clip(tmp_path / "out.mp4").info.pix_fmt == expected


@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2)], ids=str)
def test_faces_are_edited_in_square_pixels(
    make_file: MakeFile, portrait: NDArray[np.uint8], tmp_path: Path, aspect: Fraction
) -> None:
    """An image and its anamorphic version are edited alike, as far as their resolution allows."""
    height, width = portrait.shape[:2]
    Image.fromarray(portrait).save(tmp_path / "square.png")
    size = f"{round(width / max(aspect, 1))}:{round(height * min(aspect, 1))}"
    shaped = ["-vf", f"scale={size}:flags=area,setsar={aspect.numerator}/{aspect.denominator}"]
    plain = make_file("plain.mkv", "-i", str(tmp_path / "square.png"), "-c:v", "ffv1")
    squeezed = make_file("squeezed.mkv", "-i", str(tmp_path / "square.png"), *shaped, "-c:v", "ffv1")
    changes = []
    for source in (plain, squeezed):
        out = source.with_name(f"out-{source.name}")
        edit_video(source, out, ["smile=1"])
        before, after = (next(open_clip(path).frames()) for path in (source, out))
        assert (after.width, after.height, after.aspect) == (before.width, before.height, before.aspect)
        assert before.square_size == (width, height)
        changes.append(after.rgb().astype(float) - before.rgb())
    assert np.abs(changes[0]).max() > 20
    assert np.abs(changes[1] - changes[0]).mean() < 0.5 * np.abs(changes[0]).mean()
    stored = [next(open_clip(tmp_path / f"{name}squeezed.mkv").frames()) for name in ("", "out-")]
    top = [frame.float_rgb(0, 0, frame.width, frame.height // 16) for frame in stored]
    assert (top[0] == top[1]).all()


def test_windows_media_audio_is_copied_if_the_container_supports_it(make_file: MakeFile, tmp_path: Path) -> None:
    source = make_file("sound.wmv", *PICTURES, *TONE, "-c:v", "wmv2", "-c:a", "wmav2")
    copy_clip(source, tmp_path / "out.mkv")
    assert len(starts(tmp_path / "out.mkv")) == 2
    with pytest.raises(UsageError, match=r"\.mkv"):
        copy_clip(source, tmp_path / "out.mp4")


def test_negative_frame_numbers_are_supported(tmp_path: Path) -> None:
    for number in range(-2, 2):
        Image.new("L", (64, 48), 20 * (number + 3)).save(tmp_path / f"shot.{number:04d}.png")
    for path in (tmp_path, tmp_path / "shot.%04d.png"):
        clip = open_clip(path)
        assert (clip.info.first_number, clip.info.frame_count) == (-2, 4)
        assert [int(frame.rgb()[0, 0, 0]) for frame in clip.frames()] == [20, 40, 60, 80]


def test_orientations_that_differ_within_a_sequence_are_refused(tmp_path: Path) -> None:
    for number, orientation in ((1, 1), (2, 3)):
        picture = Image.fromarray(np.zeros((48, 64, 3), np.uint8))
        exif = picture.getexif()
        exif[0x112] = orientation
        picture.save(tmp_path / f"shot.{number:04d}.jpg", exif=exif)
    with pytest.raises(InputError, match=r"shot\.0002\.jpg"):
        list(open_clip(tmp_path).frames())


def test_a_heic_becomes_a_jpeg_or_png_with_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Model] = 6, "A phone"  # libheif applies the orientation
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = pillow_heif.from_pillow(noise_image((64, 48)))
    picture.save(tmp_path / "a.heic", quality=-1, exif=exif.tobytes(), icc_profile=profile)
    (frame,) = open_clip(tmp_path / "a.heic").frames()
    assert np.array_equal(frame.rgb(), np.asarray(pillow_heif.open_heif(tmp_path / "a.heic")))
    for name in ("out.png", "out.jpg"):
        copy_clip(tmp_path / "a.heic", tmp_path / name)
        made = Image.open(tmp_path / name)
        assert made.size == (48, 64)
        assert made.getexif()[ExifTags.Base.Model] == "A phone"
        assert made.getexif()[ExifTags.Base.Orientation] == 1
        assert made.info["icc_profile"] == profile
    with pytest.raises(UsageError, match=r"b\.heic"):
        copy_clip(tmp_path / "a.heic", tmp_path / "b.heic")


def test_a_heic_of_ten_bits_keeps_them(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(0, 1024, (48, 64, 3)).astype(np.uint16) << 6
    picture = pillow_heif.from_bytes("RGB;16", (64, 48), samples.tobytes())
    picture.save(tmp_path / "a.heic", quality=-1)
    copy_clip(tmp_path / "a.heic", tmp_path / "out.png")
    (before,), (after,) = (open_clip(tmp_path / name).frames() for name in ("a.heic", "out.png"))
    assert after.native.format.name == "rgb48be"
    assert np.array_equal(before.float_rgb(0, 0, 64, 48), after.float_rgb(0, 0, 64, 48))


def test_incomplete_heif_files_are_refused(make_file: MakeFile, tmp_path: Path) -> None:
    source = make_file("photo.mp4", *PICTURES, "-frames:v", "1", "-c:v", "libx264")
    as_heif = source.read_bytes().replace(b"ftypisom", b"ftypheic", 1)
    for name, content in {"photo.heic": as_heif, "named.jpg": as_heif, "cut.heif": as_heif[:200]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            open_clip(tmp_path / name)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match=r"pipe\.mp4"):
        open_clip(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("name", ["😀" * 64 + ".mp4", "x\udcff.mp4"], ids=["long", "no-utf-8"])
def test_invalid_output_names_are_refused_before_any_work(make_file: MakeFile, tmp_path: Path, name: str) -> None:
    source = make_file("plain.mp4", *PICTURES, "-c:v", "libx264")
    with pytest.raises(UsageError):
        ClipWriter(tmp_path / name, open_clip(source))
    out = tmp_path / ("😀" * 60 + ".mp4")
    copy_clip(source, out)
    assert out.is_file()


def noise_image(size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Return a random RGB image of `size` (width, height)."""
    samples = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(samples)


def test_an_animated_webp_is_refused_and_a_still_one_read(tmp_path: Path) -> None:
    picture = noise_image()
    picture.save(tmp_path / "a.webp", save_all=True, append_images=[picture.rotate(180)])
    with pytest.raises(InputError, match=r"a\.webp"):
        open_clip(tmp_path / "a.webp")
    picture.save(tmp_path / "b.webp")
    assert open_clip(tmp_path / "b.webp").info.is_still


@pytest.mark.parametrize("arguments", [["a.gif"], ["a.avi", "-c:v", "rawvideo", "-pix_fmt", "bgr24"]])
def test_rgb_becomes_420_for_players_with_a_warning(make_file: MakeFile, tmp_path: Path, arguments: list[str]) -> None:
    source = make_file(arguments[0], *PICTURES, *arguments[1:])
    assert any("yuv420p" in warning for warning in copy_clip(source, tmp_path / "out.mp4"))
    assert open_clip(tmp_path / "out.mp4").info.pix_fmt == "yuv420p"
    copy_clip(source, tmp_path / "all.mp4", encoding=Encoding(pix_fmt="yuv444p"))
    assert open_clip(tmp_path / "all.mp4").info.pix_fmt == "yuv444p"


def test_a_cmyk_jpeg_has_no_alpha_and_its_conversion_is_reported(tmp_path: Path) -> None:
    noise_image().convert("CMYK").save(tmp_path / "a.jpg")
    warnings = copy_clip(tmp_path / "a.jpg", tmp_path / "out.png")
    assert any("CMYK" in warning for warning in warnings)
    assert not any("alpha" in warning for warning in warnings)
    assert Image.open(tmp_path / "out.png").mode == "RGB"
    noise_image().convert("CMYK").save(tmp_path / "b.jpg", icc_profile=b"the profile of a press")
    for name in ("b.png", "c.jpg"):
        copy_clip(tmp_path / "b.jpg", tmp_path / name)
        assert "icc_profile" not in Image.open(tmp_path / name).info


def test_further_images_and_videos_in_a_jpeg_are_reported(tmp_path: Path) -> None:
    noise_image().save(tmp_path / "several.jpg", format="MPO", save_all=True, append_images=[noise_image()])
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><GCamera:MotionPhoto>1</GCamera:MotionPhoto></x:xmpmeta>'
    noise_image().save(tmp_path / "motion.jpg", xmp=xmp)
    noise_image().save(tmp_path / "plain.jpg")
    names = ("several", "motion", "plain")
    warning_counts = [len(copy_clip(tmp_path / f"{name}.jpg", tmp_path / f"{name}.out.jpg")) for name in names]
    assert warning_counts == [1, 1, 0]


def test_a_single_hash_in_the_name_of_a_still_is_literal(tmp_path: Path) -> None:
    noise_image().save(tmp_path / "portrait #1.png")
    copy_clip(tmp_path / "portrait #1.png", tmp_path / "result #1.png")
    assert (tmp_path / "result #1.png").is_file()
    with pytest.raises(UsageError):
        copy_clip(tmp_path / "portrait #1.png", tmp_path / "result.####.png")


def test_a_file_descriptor_path_is_resolved_to_the_file(make_file: MakeFile) -> None:
    source = make_file("a.mp4", *PICTURES)
    with source.open("rb") as file:
        given = Path(f"/dev/fd/{file.fileno()}")
        assert open_clip(given).info.path == source.resolve()


@pytest.mark.parametrize("name", ["a.tga", "a.jp2", "a.ppm"])
def test_stills_of_other_formats_become_stills(make_file: MakeFile, tmp_path: Path, name: str) -> None:
    source = make_file(name, *PICTURES, "-frames:v", "1")
    assert open_clip(source).info.is_still
    copy_clip(source, tmp_path / "out.png")
    assert open_clip(tmp_path / "out.png").info.width == 64
