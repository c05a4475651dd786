"""TIFF files: tiles, sample types, pages and additional channels are kept. Other libraries write the test files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from facevid.errors import InputError
from facevid.video import Encoding, Patch, open_clip
from tests.video.copies import copy_clip
from tests.video.images.tiff_files import RNG, SIZE, read, write

CHANGE = Patch(20, 10, np.full((16, 24, 3), 30, np.float32))
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize(
    ("channels", "kind", "pix_fmt"),
    [
        (1, "uint8", "gray"),
        (1, "uint16", "gray16le"),
        (3, "uint8", "gbrp"),
        (4, "uint16", "gbrap16le"),
        (5, "uint16", "gbrap16le"),
        (3, "half", "gbrpf32le"),
        (6, "float", "gbrapf32le"),
    ],
)
def test_sample_type_tiles_and_additional_channels_are_kept(
    tmp_path: Path, tile: int, channels: int, kind: str, pix_fmt: str
) -> None:
    write(tmp_path / "in.tif", (channels, kind), tile=tile)
    assert open_clip(tmp_path / "in.tif").info.pix_fmt == pix_fmt
    assert copy_clip(tmp_path / "in.tif", tmp_path / "out.tif", CHANGE) == []
    ((old_spec, before),), ((new_spec, after),) = read(tmp_path / "in.tif"), read(tmp_path / "out.tif")
    for name in ("compression", "planarconfig", "oiio:BitsPerSample", "oiio:UnassociatedAlpha"):
        assert new_spec.getattribute(name) == old_spec.getattribute(name)
    assert (new_spec.tile_width, new_spec.nchannels, new_spec.channelnames) == (tile, channels, old_spec.channelnames)
    changed = (before != after)[..., :3]
    assert changed[10:26, 20:44].mean() > 0.9
    changed[10:26, 20:44] = False
    assert not changed.any()
    assert np.array_equal(before[..., 3:], after[..., 3:])


def test_separate_planes_stay_separate(tmp_path: Path) -> None:
    write(tmp_path / "in.tif", (3, "uint16"), planarconfig="separate")
    copy_clip(tmp_path / "in.tif", tmp_path / "out.tif")
    ((old_spec, before),), ((new_spec, after),) = read(tmp_path / "in.tif"), read(tmp_path / "out.tif")
    assert new_spec.get_string_attribute("planarconfig") == "separate" == old_spec.get_string_attribute("planarconfig")
    assert np.array_equal(before, after)


def test_big_tiff_is_read(tmp_path: Path) -> None:
    write(tmp_path / "in.tif", (3, "uint16"), tiff__bigtiff=1)
    assert (tmp_path / "in.tif").read_bytes()[:4] == b"II+\0"
    copy_clip(tmp_path / "in.tif", tmp_path / "out.tif")
    assert np.array_equal(read(tmp_path / "in.tif")[0][1], read(tmp_path / "out.tif")[0][1])


def test_pages_and_metadata_are_kept(tmp_path: Path) -> None:
    pages = [Image.fromarray(RNG.integers(0, 256, (*SIZE, 3), dtype=np.uint8)) for _ in range(3)]
    exif = Image.Exif()
    exif[315] = "An artist"
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:], exif=exif, icc_profile=PROFILE)
    assert copy_clip(tmp_path / "in.tif", tmp_path / "out.tif", CHANGE) == []
    made = Image.open(tmp_path / "out.tif")
    assert made.n_frames == 3  # type: ignore[attr-defined]
    assert made.info["icc_profile"] == PROFILE
    assert made.getexif()[315] == "An artist"
    assert not np.array_equal(np.asarray(made), np.asarray(pages[0]))
    for number in (1, 2):
        made.seek(number)
        assert np.array_equal(np.asarray(made), np.asarray(pages[number]))
    assert any("3 pages" in warning for warning in copy_clip(tmp_path / "in.tif", tmp_path / "out.png"))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_icc_profile_is_written_to_another_format(tmp_path: Path, suffix: str) -> None:
    profile = PROFILE + bytes(150_000)  # needs several segments in a JPEG file
    picture = Image.fromarray(RNG.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    picture.save(tmp_path / "in.tif", icc_profile=profile)
    assert not any("ICC" in warning for warning in copy_clip(tmp_path / "in.tif", tmp_path / f"out{suffix}"))
    made = Image.open(tmp_path / f"out{suffix}")
    assert made.info["icc_profile"] == profile
    made.load()


def test_cmyk_and_palettes_become_rgb(tmp_path: Path) -> None:
    picture = Image.fromarray(RNG.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    picture.convert("CMYK").save(tmp_path / "cmyk.tif", icc_profile=b"the profile of a press")
    warnings = copy_clip(tmp_path / "cmyk.tif", tmp_path / "rgb.tif")
    assert any("CMYK" in warning for warning in warnings)
    assert "icc_profile" not in Image.open(tmp_path / "rgb.tif").info
    picture.convert("P").save(tmp_path / "palette.tif")
    copy_clip(tmp_path / "palette.tif", tmp_path / "full.tif")
    full, palette = Image.open(tmp_path / "full.tif"), Image.open(tmp_path / "palette.tif").convert("RGB")
    assert np.abs(np.asarray(full).astype(int) - np.asarray(palette)).max() <= 1  # the palette has 16 bits
    picture.convert("1").save(tmp_path / "lines.tif", compression="group4")
    copy_clip(tmp_path / "lines.tif", tmp_path / "gray.tif")
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "gray.tif")), np.asarray(Image.open(tmp_path / "lines.tif").convert("L"))
    )


@pytest.mark.parametrize("number", range(1, 9))
def test_every_orientation_is_applied_and_kept(tmp_path: Path, number: int) -> None:
    write(tmp_path / "in.tif", (3, "uint8"), Orientation=number)
    turns, is_mirrored = {1: (0, 0), 2: (0, 1), 3: (2, 0), 4: (2, 1), 5: (1, 1), 6: (3, 0), 7: (3, 1), 8: (1, 0)}[
        number
    ]

    def shown(stored: np.ndarray) -> np.ndarray:
        turned = np.rot90(stored, turns)
        return turned[:, ::-1] if is_mirrored and turns % 2 == 0 else turned[::-1] if is_mirrored else turned

    ((_, stored),) = read(tmp_path / "in.tif")
    (frame,) = open_clip(tmp_path / "in.tif").frames()
    assert np.array_equal(frame.rgb(), shown(stored))
    copy_clip(tmp_path / "in.tif", tmp_path / "out.tif")
    copy_clip(tmp_path / "in.tif", tmp_path / "out.png")
    ((new_spec, samples),) = read(tmp_path / "out.tif")
    assert new_spec.get_int_attribute("Orientation") == number
    assert np.array_equal(samples, stored)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), shown(stored))


def test_the_requested_pixel_format_is_written(tmp_path: Path) -> None:
    write(tmp_path / "in.tif", (5, "uint8"))
    copy_clip(tmp_path / "in.tif", tmp_path / "out.tif", encoding=Encoding(pix_fmt="gbrap16le"))
    ((_, before),), ((new_spec, after),) = read(tmp_path / "in.tif"), read(tmp_path / "out.tif")
    assert str(new_spec.format) == "uint16"
    assert np.array_equal(before.astype(int) * 257, after)
    copy_clip(tmp_path / "in.tif", tmp_path / "gray.tif", encoding=Encoding(pix_fmt="gray"))
    ((_, gray),) = read(tmp_path / "gray.tif")
    assert np.array_equal(gray[..., 0], gray[..., 2])


@pytest.mark.parametrize("kind", ["double", "uint", "int16"])
def test_other_sample_types_are_refused(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "in.tif", (3, kind))
    with pytest.raises(InputError, match=rf"in\.tif .*\b{kind}\b"):
        open_clip(tmp_path / "in.tif")
