"""OpenEXR files of OpenEXR's own library: what OpenImageIO cannot make, and a judge of its decoding."""

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.video import Patch, open_clip
from tests.video.copies import copy_clip

SIZE = 60, 80
RNG = np.random.default_rng(22)
CHANGE = Patch(20, 10, np.full((16, 24, 3), 30, np.float32))
SCANLINES = OpenEXR.scanlineimage
TILES = OpenEXR.tiledimage


def samples(*names: str, dtype: str = "f2") -> dict[str, NDArray[Any]]:
    return {name: RNG.random(SIZE).astype(dtype) for name in names}


def header(kind: Any, compression: Any = OpenEXR.ZIP_COMPRESSION, **more: Any) -> dict[str, Any]:
    tiles = {"tiles": OpenEXR.TileDescription()} if kind == TILES else {}
    return {"type": kind, "compression": compression, **tiles, **more}


def read(path: Path) -> list[tuple[dict[str, Any], dict[str, NDArray[Any]]]]:
    """Return header and channels of each part."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return [
            (dict(part.header), {name: np.array(channel.pixels) for name, channel in part.channels.items()})
            for part in file.parts
        ]


@pytest.mark.parametrize("compression", ["DWAA", "DWAB", "B44", "PXR24", "PIZ", "ZIPS"])
def test_samples_are_those_that_openexr_decodes(tmp_path: Path, compression: str) -> None:
    channels = samples("R", "G", "B", "A") | samples("depth.Z", "id.X", dtype="f4")
    kind = getattr(OpenEXR, f"{compression}_COMPRESSION")
    with OpenEXR.File(header(SCANLINES, kind), channels) as file:
        file.write(str(tmp_path / "in.exr"))
    ((_, decoded),) = read(tmp_path / "in.exr")
    (frame,) = open_clip(tmp_path / "in.exr").frames()
    assert np.array_equal(frame.float_rgb(0, 0, 80, 60), np.dstack([decoded[name] for name in "RGB"]))
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr", CHANGE)
    ((made, after),) = read(tmp_path / "out.exr")
    assert made["compression"] == kind
    assert after.keys() == decoded.keys()
    for name in ("depth.Z", "id.X"):
        assert np.abs(after[name] - decoded[name]).max() < 1e-3  # PXR24 rounds floats again
    if compression in ("PIZ", "ZIPS"):
        outside = np.ones(SIZE, bool)
        outside[10:26, 20:44] = False
        assert all(np.array_equal(after[name][outside], decoded[name][outside]) for name in decoded)


def test_parts_of_tiles_beside_parts_of_scan_lines_become_scan_lines_with_a_warning(tmp_path: Path) -> None:
    numbers = {"id": RNG.integers(0, 2**32, SIZE, dtype=np.uint32)}
    parts = [
        OpenEXR.Part(header(SCANLINES), samples("R", "G", "B"), "rgb"),
        OpenEXR.Part(header(TILES), samples("Z", dtype="f4"), "depth"),
        OpenEXR.Part(header(TILES), numbers, "objects"),
    ]
    with OpenEXR.File(parts) as file:
        file.write(str(tmp_path / "in.exr"))
    assert [text for text in copy_clip(tmp_path / "in.exr", tmp_path / "out.exr", CHANGE) if "in.exr" in text]
    before, after = read(tmp_path / "in.exr"), read(tmp_path / "out.exr")
    assert [made["type"] for made, _ in after] == [SCANLINES] * 3
    for (_, was), (_, now) in zip(before[1:], after[1:], strict=True):
        assert all(np.array_equal(was[name], now[name]) for name in was)


def test_attributes_of_every_common_type_are_kept(tmp_path: Path) -> None:
    attributes: dict[str, Any] = {
        **{"camera": "A", "nuke/version": "15.0", "iso": 800.0, "frame": 7, "views": ["left", "right"]},
        **{"v2f": np.array([1, 2], "f4"), "v3i": np.array([1, 2, 3], "i4"), "m44f": np.eye(4, dtype="f4")},
        "box": (np.array([1, 2], "i4"), np.array([3, 4], "i4")),
        "keyCode": OpenEXR.KeyCode(1, 2, 3, 4, 5, 6, 64),
    }
    with OpenEXR.File(header(TILES, lineOrder=OpenEXR.RANDOM_Y, **attributes), samples("R", "G", "B")) as file:
        file.write(str(tmp_path / "in.exr"))
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr")
    ((was, _),), ((now, _),) = read(tmp_path / "in.exr"), read(tmp_path / "out.exr")
    assert {name: str(was[name]) for name in attributes} == {name: str(now[name]) for name in attributes}
    assert str(was["tiles"]) == str(now["tiles"])


def test_deep_samples_are_refused(tmp_path: Path) -> None:
    deep = np.empty(SIZE, dtype=object)
    for index in np.ndindex(SIZE):
        deep[index] = np.zeros(index[1] % 3, np.float16)
    with OpenEXR.File(header(OpenEXR.deepscanline, OpenEXR.ZIPS_COMPRESSION), dict.fromkeys("RGB", deep)) as file:
        file.write(str(tmp_path / "deep.exr"))
    with pytest.raises(InputError, match=r"deep\.exr"):
        open_clip(tmp_path / "deep.exr")
