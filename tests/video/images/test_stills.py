"""Stills: clips of one frame, in all image formats, with their metadata."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, TiffImagePlugin, TiffTags

from facevid.errors import UsageError
from facevid.video import ClipWriter, Encoding, Patch, RgbWriter, open_clip
from facevid.video.color.pixels import pixel_layout, plane_view
from tests.video.conftest import MakeClip
from tests.video.copies import copy_clip

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LOSSLESS = ("still.png", "still-alpha.png", "still-deep.png", "still-gray.png", "still.tif", "still.bmp", "still.exr")


@pytest.mark.parametrize("name", [*LOSSLESS, "still.jpg", "still.webp"])
def test_a_still_keeps_its_format_depth_and_unedited_pixels(make_clip: MakeClip, tmp_path: Path, name: str) -> None:
    source, out = make_clip(name), tmp_path / name
    assert copy_clip(source, out, Patch(8, 8, np.full((8, 8, 3), 20, np.float32))) == []
    original, result = open_clip(source), open_clip(out)
    assert original.info.is_still
    assert (result.info.codec, result.info.pix_fmt) == (original.info.codec, original.info.pix_fmt)
    (before,), (after,) = original.frames(), result.frames()
    if name in LOSSLESS:
        layout = pixel_layout(original.info.pix_fmt)
        assert layout is not None
        for plane in range(len(before.native.planes)):
            changed = plane_view(before.native, plane, layout) != plane_view(after.native, plane, layout)
            changed[8:16, 8:16] = False
            assert not changed.any()
    else:
        assert np.abs(after.rgb().astype(int) - before.rgb())[:, 20:].mean() < 4
    assert np.abs(after.rgb().astype(int) - before.rgb())[8:16, 8:16].mean() > 5


def test_png_to_jpeg_and_back(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("still.png")
    assert any("rgb24" in warning for warning in copy_clip(source, tmp_path / "out.jpg"))
    (before,), (after,) = open_clip(source).frames(), open_clip(tmp_path / "out.jpg").frames()
    assert np.abs(after.rgb().astype(int) - before.rgb()).mean() < 5
    copy_clip(tmp_path / "out.jpg", tmp_path / "again.png")
    (again,) = open_clip(tmp_path / "again.png").frames()
    assert np.abs(again.rgb().astype(int) - after.rgb()).mean() < 1


def test_rgb_frames_for_a_still(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = open_clip(make_clip("still-deep.png"))
    picture = np.random.default_rng(0).integers(0, 256, (31, 33, 3), dtype=np.uint8)
    with RgbWriter(tmp_path / "out.png", clip, 33, 31) as writer:
        for frame in clip.frames():
            writer.write(picture, frame)
    (made,) = open_clip(tmp_path / "out.png").frames()
    assert np.array_equal(made.rgb(), picture)


def test_a_still_cannot_become_a_video_and_has_no_codec(make_clip: MakeClip, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out\.mp4.*\.png"):
        ClipWriter(tmp_path / "out.mp4", open_clip(make_clip("still.png")))
    with pytest.raises(UsageError, match="--codec"):
        ClipWriter(tmp_path / "out.png", open_clip(make_clip("still.png")), encoding=Encoding("h264"))


def test_exif_orientation_is_applied_and_kept(make_clip: MakeClip, tmp_path: Path) -> None:
    content = make_clip("still.jpg").read_bytes()
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(content[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + content[2:])
    (stored,), (shown,) = open_clip(make_clip("still.jpg")).frames(), open_clip(turned).frames()
    assert np.array_equal(shown.rgb(), np.rot90(stored.rgb(), -1))
    copy_clip(turned, tmp_path / "out.png")
    assert open_clip(tmp_path / "out.png").info.orientation == open_clip(turned).info.orientation
    for name in ("out.png", "out.jpg", "out.webp"):
        copy_clip(turned, tmp_path / name, overwrite=True)
        (made,) = open_clip(tmp_path / name).frames()
        assert np.abs(made.rgb().astype(int) - shown.rgb()).mean() < 10  # above 50 with a wrong orientation


def camera_exif(byte_order: bytes) -> Image.Exif:
    """Return a camera's Exif metadata, with an orientation of 90 degrees."""
    exif = Image.Exif()
    exif.endian = "<" if byte_order == b"II" else ">"
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Model] = 6, "A camera"
    exif[ExifTags.Base.Artist], exif[ExifTags.Base.XResolution] = "An artist", 300.5
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = 0.25
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


def assert_has_metadata(made: Image.Image) -> None:
    exif = made.getexif()
    assert exif[ExifTags.Base.Model] == "A camera"
    assert (exif[ExifTags.Base.Artist], exif[ExifTags.Base.XResolution]) == ("An artist", 300.5)
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 0.25
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert made.info["icc_profile"] == PROFILE


@pytest.mark.parametrize("byte_order", [b"II", b"MM"])
def test_a_jpeg_keeps_its_metadata_and_is_stored_upright(
    make_clip: MakeClip, tmp_path: Path, byte_order: bytes
) -> None:
    picture, source = Image.open(make_clip("still.jpg")), tmp_path / "camera.jpeg"
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    picture.save(source, exif=camera_exif(byte_order), icc_profile=PROFILE, xmp=xmp, comment=b"first take", quality=95)
    out = tmp_path / "out.jpg"
    assert copy_clip(source, out) == []
    made = Image.open(out)
    assert_has_metadata(made)
    assert made.size == picture.size[::-1]
    assert made.getexif()[ExifTags.Base.Orientation] == 1
    assert made.info["xmp"] == xmp
    assert made.info["comment"] == b"first take"
    (before,), (after,) = open_clip(source).frames(), open_clip(out).frames()
    assert np.abs(after.rgb().astype(int) - before.rgb()).mean() < 4


@pytest.mark.parametrize("mode", ["RGB", "I;16B"])
def test_a_tiff_keeps_its_metadata_and_profile(tmp_path: Path, mode: str) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (32, 48, 3 if mode == "RGB" else 2), dtype=np.uint8)
    picture, source, out = Image.frombytes(mode, (48, 32), samples.tobytes()), tmp_path / "a.tif", tmp_path / "b.tiff"
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.update({tag: value for tag, value in camera_exif(b"II").items() if tag != ExifTags.Base.Orientation})
    tags[ExifTags.IFD.Exif] = {
        ExifTags.Base.ExposureTime: 0.25,
        ExifTags.IFD.Interop: {ExifTags.Interop.InteropIndex: "R98"},
    }
    tags[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    curve = tuple(range(3 * 256)) if mode == "RGB" else tuple(range(65536))
    tags[ExifTags.Base.TransferFunction], tags.tagtype[ExifTags.Base.TransferFunction] = curve, TiffTags.SHORT
    picture.save(source, tiffinfo=tags, icc_profile=PROFILE)
    assert source.read_bytes()[:2] == (b"II" if mode == "RGB" else b"MM")
    assert copy_clip(source, out) == []
    made = Image.open(out)
    assert_has_metadata(made)
    assert made.getexif().get_ifd(ExifTags.IFD.Interop) == {ExifTags.Interop.InteropIndex: "R98"}
    assert made.getexif()[ExifTags.Base.TransferFunction] == curve
    assert np.array_equal(np.asarray(made), np.asarray(Image.open(source)))


def test_the_profile_of_a_cmyk_tiff_is_dropped_and_reported(tmp_path: Path) -> None:
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ExifTags.Base.Artist] = "An artist"
    Image.new("CMYK", (48, 32), (10, 90, 40, 5)).save(source, tiffinfo=tags, icc_profile=PROFILE)
    assert any(warning.startswith("b.tif") and "ICC" in warning for warning in copy_clip(source, out))
    made = Image.open(out)
    assert made.mode == "RGB"
    assert "icc_profile" not in made.info
    assert made.getexif()[ExifTags.Base.Artist] == "An artist"


def test_a_png_keeps_its_text_chunks(make_clip: MakeClip, tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "A plate")
    texts.add_text("Comment", "long " * 100, zip=True)
    texts.add_itxt("Author", "Zo\u00eb", lang="fr")
    source, out = tmp_path / "text.png", tmp_path / "out.png"
    Image.open(make_clip("still.png")).save(source, pnginfo=texts)
    assert copy_clip(source, out) == []
    made = Image.open(out)
    assert np.array_equal(np.asarray(made), np.asarray(Image.open(source)))
    assert isinstance(made, PngImagePlugin.PngImageFile)
    assert made.text == {"Title": "A plate", "Comment": "long " * 100, "Author": "Zo\u00eb"}


@pytest.mark.parametrize(("suffix", "pix_fmt"), [(".exr", None), (".tif", "gbrp16le"), (".dpx", "gbrp10be")])
def test_black_and_white_are_kept_in_a_larger_bit_depth(tmp_path: Path, suffix: str, pix_fmt: str | None) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    Image.fromarray(ramp).save(tmp_path / "in.png")
    clip = open_clip(tmp_path / "in.png")
    with ClipWriter(tmp_path / f"out{suffix}", clip, encoding=Encoding(pix_fmt=pix_fmt)) as writer:
        for frame in clip.frames():
            writer.write(frame)
    (made,) = open_clip(tmp_path / f"out{suffix}").frames()
    shown = made.display_rgb(0, 0, 256, 32)
    assert (shown.min(), shown.max()) == pytest.approx((0, 1), abs=1e-6)
    assert np.abs(shown - ramp / 255).max() < 1 / 1023
    assert np.array_equal(made.rgb(), ramp)
