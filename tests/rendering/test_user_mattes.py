"""The mattes of --mask and --holdout."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

from facevid import edit_video
from facevid.errors import InputError
from facevid.options import CompositingOptions, EditOptions
from tests.clips import camera_move

Matte = NDArray[np.float32]

LEFT = np.tile((np.arange(256) < 128).astype(np.float32), (256, 1))
"""A matte of the left half of a picture."""

RAMP = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (256, 1))


@pytest.fixture
def plate(portrait: NDArray[np.uint8], tmp_path: Path) -> NDArray[np.uint8]:
    """Write in.png and return its RGB pixels, uint8 (256, 256, 3)."""
    picture = portrait[:256, 96:352]
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    return picture


def change(folder: Path, plate: NDArray[np.uint8], compositing: CompositingOptions) -> NDArray[np.int64]:
    """Edit in.png and return the difference to the plate."""
    edit_video(folder / "in.png", folder / "out.png", ["male=1"], EditOptions(compositing=compositing, overwrite=True))
    result = cv2.imread(str(folder / "out.png"))
    assert result is not None
    return np.asarray(result[..., ::-1].astype(np.int64) - plate)


def write_matte(path: Path, channels: dict[str, Matte], data_window: oiio.ROI | None = None) -> Path:
    """Write channels by name as 16-bit integers, or as half floats of EXR with a data window."""
    pixels = np.dstack(list(channels.values()))
    height, width = pixels.shape[:2]
    window = data_window or oiio.ROI(0, width, 0, height)
    kind = {".exr": "half", ".jpg": "uint8"}.get(path.suffix, "uint16")
    spec = oiio.ImageSpec(window.width, window.height, len(channels), kind)
    spec.channelnames = tuple(channels)
    spec.x, spec.y = window.xbegin, window.ybegin
    spec.full_width, spec.full_height = width, height
    file = oiio.ImageOutput.create(str(path))
    assert file is not None
    assert file.open(str(path), spec)
    part = pixels[window.ybegin : window.yend, window.xbegin : window.xend]
    assert file.write_image(np.ascontiguousarray(part)), file.geterror()
    file.close()
    return path


def test_masks_limit_and_holdouts_protect(plate: NDArray[np.uint8], tmp_path: Path) -> None:
    matte = write_matte(tmp_path / "matte.png", {"Y": LEFT})
    whole = change(tmp_path, plate, CompositingOptions())
    masked = change(tmp_path, plate, CompositingOptions(mask=matte))
    assert not masked[:, 128:].any()
    assert (masked[:, :128] == whole[:, :128]).all()
    held = change(tmp_path, plate, CompositingOptions(holdout=matte))
    assert not held[:, :128].any()
    assert (held[:, 140:] == whole[:, 140:]).all()
    assert not change(tmp_path, plate, CompositingOptions(mask=matte, holdout=matte)).any()


def test_a_gray_matte_is_a_share_of_the_edit(plate: NDArray[np.uint8], tmp_path: Path) -> None:
    whole = change(tmp_path, plate, CompositingOptions())
    masked = change(tmp_path, plate, CompositingOptions(mask=write_matte(tmp_path / "matte.tif", {"Y": RAMP})))
    unclipped = (plate + whole > 0) & (plate + whole < 255)
    assert np.abs(masked - whole * RAMP[..., None])[unclipped].max() <= 1


OPAQUE = np.ones_like(LEFT)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("m.png", {"R": LEFT, "G": OPAQUE, "B": OPAQUE}),
        ("m.png", {"R": RAMP, "G": RAMP, "B": RAMP, "A": LEFT}),
        ("m.png", {"R": LEFT, "G": LEFT, "B": LEFT, "A": OPAQUE}),
        ("m.exr", {"A": LEFT}),
        ("m.exr", {"matte.red": LEFT}),
        ("m.dpx", {"R": LEFT, "G": LEFT, "B": LEFT}),
        ("m.jpg", {"Y": LEFT}),
    ],
    ids=lambda value: value if isinstance(value, str) else "".join(value),
)
def test_the_channel_of_a_matte(
    plate: NDArray[np.uint8], tmp_path: Path, name: str, channels: dict[str, Matte]
) -> None:
    masked = change(tmp_path, plate, CompositingOptions(mask=write_matte(tmp_path / name, channels)))
    assert not masked[:, 132:].any()
    assert masked[:, :124].any()


def test_a_matte_with_a_data_window_is_black_outside_it(plate: NDArray[np.uint8], tmp_path: Path) -> None:
    matte = write_matte(tmp_path / "matte.exr", {"A": OPAQUE}, oiio.ROI(100, 160, 90, 256))
    changed = change(tmp_path, plate, CompositingOptions(mask=matte)).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (rows.min() >= 90, columns.min() >= 100, columns.max() < 160) == (True, True, True)


def test_a_matte_sequence_has_the_numbers_of_the_plate(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    for number in range(1001, 1005):
        picture = camera_move(portrait, number - 1001, (256, 256))
        cv2.imwrite(str(tmp_path / f"plate.{number}.png"), picture[..., ::-1])
    for number in range(1002, 1004):
        write_matte(tmp_path / f"matte.{number}.exr", {"A": np.full_like(LEFT, number == 1003)})
    source, pattern = tmp_path / "plate.####.png", tmp_path / "matte.####.exr"
    options = EditOptions(frames=(1002, 1003), compositing=CompositingOptions(mask=pattern))
    edit_video(source, tmp_path / "out.####.png", ["male=1"], options)
    plates, results = (
        [oiio.ImageBuf(str(tmp_path / f"{name}.{number}.png")).get_pixels(oiio.UINT8) for number in range(1001, 1005)]
        for name in ("plate", "out")
    )
    assert [bool(np.all(a == b)) for a, b in zip(plates, results, strict=True)] == [True, True, False, True]
    with pytest.raises(InputError, match=r"matte\.####\.exr.* 1002 to 1003.* 1001 "):
        edit_video(source, tmp_path / "all.####.png", ["male=1"], replace(options, frames=None))
    assert not list(tmp_path.glob("all.*"))
    # A part of the frames needs no mattes of the others.
    edit_video(source, tmp_path / "part.####.png", ["male=1"], replace(options, frames=None, write_frames=(1002, 1003)))
    assert [path.name for path in sorted(tmp_path.glob("part.*"))] == ["part.1002.png", "part.1003.png"]


def test_mattes_that_do_not_fit(plate: NDArray[np.uint8], tmp_path: Path) -> None:
    small = write_matte(tmp_path / "small.png", {"Y": LEFT[:128]})
    with pytest.raises(InputError, match=r"small\.png has 256x128 .*in\.png has 256x256"):
        change(tmp_path, plate, CompositingOptions(mask=small))
    (tmp_path / "text.exr").write_text("not a matte")
    for name in ("missing.exr", "text.exr", "missing.####.exr"):
        with pytest.raises(InputError, match=name):
            change(tmp_path, plate, CompositingOptions(holdout=tmp_path / name))
