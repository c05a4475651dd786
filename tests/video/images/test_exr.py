"""OpenEXR files: the image is edited, all other content is unchanged. OpenImageIO writes and reads the test files."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from facevid.errors import InputError, UsageError
from facevid.video import Encoding, Patch, open_clip
from tests.video.copies import copy_clip
from tests.video.images.exr_files import ATTRIBUTES, Part, read, rgba, write

CHANGE = Patch(20, 10, np.full((16, 24, 3), 30, np.float32))


def attributes_of(spec: oiio.ImageSpec) -> dict[str, Any]:
    return {each.name: str(each.value) for each in spec.extra_attribs}


def windows(spec: oiio.ImageSpec) -> tuple[str, str]:
    return str(spec.roi), str(spec.roi_full)


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz"])
def test_attributes_and_compression_are_kept(tmp_path: Path, compression: str) -> None:
    before = write(tmp_path / "in.exr", Part(rgba(), {"compression": compression, **ATTRIBUTES}))
    assert copy_clip(tmp_path / "in.exr", tmp_path / "out.exr") == []
    ((old_spec, _),), ((new_spec, samples),) = read(tmp_path / "in.exr"), read(tmp_path / "out.exr")
    assert new_spec.get_string_attribute("compression") == compression
    assert attributes_of(new_spec) == attributes_of(old_spec)
    assert np.array_equal(samples, before[0])


@pytest.mark.parametrize("compression", ["dwaa:90", "pxr24", "b44"])
def test_lossy_compressions_are_kept_too(tmp_path: Path, compression: str) -> None:
    (before,) = write(tmp_path / "in.exr", Part({**rgba(), "depth.Z": "float"}, {"compression": compression}))
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr")
    ((old_spec, _),), ((new_spec, samples),) = read(tmp_path / "in.exr"), read(tmp_path / "out.exr")
    assert attributes_of(new_spec) == attributes_of(old_spec)
    assert new_spec.channelnames == old_spec.channelnames == ("R", "G", "B", "A", "depth.Z")
    assert np.abs(samples - before).max() < 0.1  # the order of the channels is unchanged


def test_other_channels_tiles_and_parts_are_kept(tmp_path: Path) -> None:
    beauty = Part({**rgba(), "depth.Z": "float", "id": "uint"}, {"name": "rgba"}, tile=32)
    mattes = Part({"crypto00.R": "float", "crypto00.G": "float"}, {"name": "crypto"}, tile=32)
    numbers = Part({"objects": "uint"}, {"name": "objects"}, tile=32)
    before = write(tmp_path / "in.exr", beauty, mattes, numbers)
    assert copy_clip(tmp_path / "in.exr", tmp_path / "out.exr", CHANGE) == []
    old_parts, new_parts = read(tmp_path / "in.exr"), read(tmp_path / "out.exr")
    assert [(attributes_of(a), windows(a), a.channelnames, a.tile_width) for a, _ in new_parts] == [
        (attributes_of(a), windows(a), a.channelnames, a.tile_width) for a, _ in old_parts
    ]
    changed = (new_parts[0][1] != before[0]).any(axis=2)
    assert changed[10:26, 20:44].mean() > 0.9
    changed[10:26, 20:44] = False
    assert not changed.any()
    assert np.array_equal(new_parts[0][1][..., 3:], before[0][..., 3:])
    assert np.array_equal(new_parts[1][1], before[1])
    assert np.array_equal(new_parts[2][1], before[2])


def test_overscan_is_edited_and_kept(tmp_path: Path) -> None:
    part = Part(rgba(), {}, size=(76, 100), origin=(-10, -8), display=(0, 0, 80, 60))
    (before,) = write(tmp_path / "in.exr", part)
    clip = open_clip(tmp_path / "in.exr")
    assert (clip.info.width, clip.info.height, clip.info.display_window) == (100, 76, (10, 8, 80, 60))
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr", Patch(0, 0, np.full((12, 12, 3), 30, np.float32)))
    ((old_spec, _),), ((new_spec, samples),) = read(tmp_path / "in.exr"), read(tmp_path / "out.exr")
    assert windows(new_spec) == windows(old_spec)
    changed = (samples != before).any(axis=2)
    assert changed[:12, :12].mean() > 0.9
    assert not changed[12:].any()
    warnings = copy_clip(tmp_path / "in.exr", tmp_path / "out.png")
    assert any("in.exr" in warning and "display window" in warning for warning in warnings)
    assert (open_clip(tmp_path / "out.png").info.width, open_clip(tmp_path / "out.png").info.height) == (80, 60)


def test_a_data_window_inside_the_display_window_is_kept(tmp_path: Path) -> None:
    part = Part(rgba(), {}, size=(20, 30), origin=(1010, 1015), display=(1000, 1000, 80, 60))
    (before,) = write(tmp_path / "in.exr", part)
    (frame,) = open_clip(tmp_path / "in.exr").frames()
    assert (frame.width, frame.height) == (80, 60)
    assert not frame.float_rgb(0, 0, 80, 15).any()
    assert np.array_equal(frame.float_rgb(10, 15, 30, 20), before[..., :3])
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr", CHANGE)
    ((old_spec, _),), ((new_spec, samples),) = read(tmp_path / "in.exr"), read(tmp_path / "out.exr")
    assert windows(new_spec) == windows(old_spec)
    assert (samples != before).any()


def test_data_windows_that_differ_between_frames_are_kept(tmp_path: Path) -> None:
    samples_before = []
    for number, origin in enumerate([(0, 0), (5, 3), (-4, -2)]):
        part = Part(rgba(), {}, size=(40, 50), origin=origin, display=(0, 0, 80, 60))
        samples_before += write(tmp_path / f"in.{number}.exr", part)
    copy_clip(tmp_path / "in.#.exr", tmp_path / "out.#.exr")
    for number, before in enumerate(samples_before):
        ((old_spec, _),), ((new_spec, samples),) = (
            read(tmp_path / f"in.{number}.exr"),
            read(tmp_path / f"out.{number}.exr"),
        )
        assert windows(new_spec) == windows(old_spec)
        assert np.array_equal(samples, before)


@pytest.mark.parametrize(
    ("parts", "layer"),
    [
        ([Part({**rgba(), **rgba(prefix="beauty.")}, {})], "beauty"),
        ([Part(rgba(), {"name": "rgba"}), Part(rgba(), {"name": "beauty"})], "beauty"),
        ([Part({**{f"beauty.{name}": "half" for name in ("red", "green", "blue")}, "Z": "float"}, {})], "beauty"),
        ([Part({**rgba(prefix="View.Combined."), "View.Depth.Z": "float"}, {})], "View.Combined"),
    ],
)
def test_a_layer_is_selected_by_name(tmp_path: Path, parts: Sequence[Part], layer: str) -> None:
    before = write(tmp_path / "in.exr", *parts)
    copy_clip(open_clip(tmp_path / "in.exr", layer=layer), tmp_path / "out.exr", CHANGE)
    changed = set()
    for (spec, samples), old_samples in zip(read(tmp_path / "out.exr"), before, strict=True):
        different = (samples != old_samples).any(axis=(0, 1))
        part = spec.get_string_attribute("name")
        changed |= {
            f"{part}.{name}".strip(".")
            for name, is_changed in zip(spec.channelnames, different, strict=True)
            if is_changed
        }
    assert len(changed) == 3
    assert all(name.startswith(f"{layer}.") for name in changed)


def test_a_missing_layer_is_refused_with_the_existing_ones(tmp_path: Path) -> None:
    write(tmp_path / "in.exr", Part({**rgba(prefix="beauty."), **rgba(prefix="spec."), "Z": "float"}, {}))
    for layer in (None, "diffuse"):
        with pytest.raises(InputError, match=r"in\.exr .*--layer: beauty, spec"):
            open_clip(tmp_path / "in.exr", layer=layer)
    write(tmp_path / "data.exr", Part({"Z": "float"}, {}))
    with pytest.raises(InputError, match=r"data\.exr"):
        open_clip(tmp_path / "data.exr")
    png = tmp_path / "in.png"
    copy_clip(open_clip(tmp_path / "in.exr", layer="beauty"), png)
    with pytest.raises(UsageError, match="--layer"):
        open_clip(png, layer="beauty")


def test_channels_of_two_sample_types_are_read_and_kept(tmp_path: Path) -> None:
    kinds = {"R": "half", "G": "float", "B": "half"}
    (before,) = write(tmp_path / "in.exr", Part(kinds, {"compression": "dwaa"}))
    (frame,) = open_clip(tmp_path / "in.exr").frames()
    assert np.array_equal(frame.float_rgb(0, 0, 80, 60), before)
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr")
    ((spec, _),) = read(tmp_path / "out.exr")
    assert [str(spec.channelformat(channel)) for channel in range(3)] == [*kinds.values()]


def test_integers_too_large_to_be_kept_are_refused(tmp_path: Path) -> None:
    part = Part({**rgba(), "id": "uint"}, {}, max_integer=2**32)
    write(tmp_path / "in.exr", part)
    with pytest.raises(InputError, match=r"in\.exr: .*\bid\b"):
        copy_clip(tmp_path / "in.exr", tmp_path / "out.exr")
    assert [path.name for path in tmp_path.iterdir()] == ["in.exr"]


def test_files_that_cannot_be_edited_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "numbers.exr", Part(dict.fromkeys("RGB", "uint"), {}))
    with pytest.raises(InputError, match=r"numbers\.exr .*\buint\b"):
        open_clip(tmp_path / "numbers.exr")
    (tmp_path / "text.exr").write_text("not an image")
    with pytest.raises(InputError, match=r"text\.exr"):
        open_clip(tmp_path / "text.exr")
    write(tmp_path / "cut.exr", Part(rgba(), {"compression": "none"}))
    whole = (tmp_path / "cut.exr").read_bytes()
    (tmp_path / "cut.exr").write_bytes(whole[:-100])
    with pytest.raises(InputError, match=r"cut\.exr"):
        list(open_clip(tmp_path / "cut.exr").frames())
    write(tmp_path / "s.1.exr", Part(rgba(), {}))
    write(tmp_path / "s.2.exr", Part(rgba("float"), {}))
    with pytest.raises(InputError, match=r"s\.2\.exr .*gbrapf32le.*gbrapf16le"):
        list(open_clip(tmp_path / "s.#.exr").frames())
    write(tmp_path / "s.2.exr", Part(rgba(), {}, size=(30, 40)))
    with pytest.raises(InputError, match=r"s\.2\.exr .*40x30.*80x60"):
        list(open_clip(tmp_path / "s.#.exr").frames())


def test_the_requested_bit_depth_is_written(tmp_path: Path) -> None:
    write(tmp_path / "in.exr", Part({**rgba(), "N.X": "half"}, {}))
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr", encoding=Encoding(pix_fmt="gbrapf32le"))
    ((spec, _),) = read(tmp_path / "out.exr")
    assert [str(spec.channelformat(channel)) for channel in range(5)] == [*["float"] * 4, "half"]


def test_infinite_and_nan_samples_are_unchanged(tmp_path: Path) -> None:
    write(tmp_path / "in.exr", Part(dict.fromkeys("RGB", "half"), {}))
    ((spec, samples),) = read(tmp_path / "in.exr")
    samples[0, 0], samples[0, 1], samples[0, 2] = np.nan, np.inf, 65504
    out = oiio.ImageOutput.create("openexr")
    assert out is not None
    assert out.open(str(tmp_path / "in.exr"), spec) and out.write_image(samples) and out.close()
    copy_clip(tmp_path / "in.exr", tmp_path / "out.exr", Patch(0, 20, np.full((8, 8, 3), 20, np.float32)))
    ((_, result),) = read(tmp_path / "out.exr")
    assert np.array_equal(result[:20], samples[:20], equal_nan=True)
    copy_clip(tmp_path / "in.exr", tmp_path / "out.png")


def test_rate_timecode_and_primaries_reach_a_video(tmp_path: Path) -> None:
    attributes = {**ATTRIBUTES, "framesPerSecond": (oiio.TypeRational, (24000, 1001))}
    part = Part(dict.fromkeys("RGB", "half"), attributes, size=(64, 64))
    for number in (1, 2):
        ((spec, samples),) = (write(tmp_path / f"in.{number}.exr", part), read(tmp_path / f"in.{number}.exr"))[1]
        samples[...] = (0.8, 0.2, 0.1)
        out = oiio.ImageOutput.create("openexr")
        assert out is not None
        assert out.open(str(tmp_path / f"in.{number}.exr"), spec) and out.write_image(samples) and out.close()
    assert open_clip(tmp_path / "in.#.exr", Fraction(25)).info.average_rate == 25
    copy_clip(tmp_path / "in.#.exr", tmp_path / "out.mov")
    made = open_clip(tmp_path / "out.mov")
    assert made.info.average_rate == Fraction(24000, 1001)
    assert made.info.colour.primaries == 1
    with av.open(str(tmp_path / "out.mov")) as container:
        assert container.streams.video[0].metadata["timecode"] == "10:20:31:04"
    # Expected: ACEScg to linear BT.709 (Bradford) with OpenColorIO's built-in matrix, then the sRGB curve.
    to_709 = np.array([[1.70505, -0.62179, -0.08326], [-0.13026, 1.14080, -0.01055], [-0.02400, -0.12897, 1.15297]])
    linear = to_709 @ (0.8, 0.2, 0.1)
    expected = 255 * np.clip(1.055 * np.clip(linear, 0, 1) ** (1 / 2.4) - 0.055, 0, 1)
    (first, _) = made.frames()
    assert np.abs(first.rgb()[32, 32] - expected).max() < 2.5
