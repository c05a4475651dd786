"""Adding RGB patches to frames in their own pixel format, and converting frames to RGB."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from av import VideoFrame
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from facevid.errors import InputError
from facevid.video import Frame, Patch, add_patches
from facevid.video.color.pixels import component_view, pixel_layout, plane_view
from facevid.video.orientation import Orientation

FORMATS = (
    *("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv444p12le"),
    *("yuv420p16le", "yuva444p10le", "gray", "gray10le", "gray16be", "ya8", "gbrp", "gbrp10le", "gbrap12le"),
    *("rgb24", "bgr24", "rgba", "argb", "bgr0", "rgb48le", "rgb48be", "rgba64be"),
)
MATRICES = {"601": (5, 0.299, 0.114), "709": (1, 0.2126, 0.0722), "2020": (9, 0.2627, 0.0593)}
UPRIGHT = Orientation()
WIDTH = 34
HEIGHT = 22


def frame_of(native: VideoFrame, orientation: Orientation = UPRIGHT) -> Frame:
    native.time_base = Fraction(1, 24)
    return Frame(0, 0, 1, Fraction(1, 24), native, orientation)


def planes(native: VideoFrame) -> list[NDArray[Any]]:
    layout = pixel_layout(native.format.name)
    assert layout is not None
    return [plane_view(native, plane, layout) for plane in range(len(native.planes))]


def native_frame(name: str, seed: int | None = 0, width: int = WIDTH, height: int = HEIGHT) -> VideoFrame:
    """Return a frame of pixel format `name` with random samples around mid-range; all mid-range if `seed` is None."""
    native = VideoFrame(width, height, name)
    layout = pixel_layout(name)
    assert layout is not None
    rng = np.random.default_rng(seed)
    middle, spread = 2 ** (layout.depth - 1), 2 ** (layout.depth - 3)
    for plane in planes(native):
        plane[...] = middle if seed is None else rng.integers(middle - spread, middle + spread, plane.shape)
    return native


@pytest.mark.parametrize("name", FORMATS)
def test_only_samples_with_a_difference_change(name: str) -> None:
    native = native_frame(name)
    before = [plane.copy() for plane in planes(native)]
    delta = np.zeros((9, 11, 3), np.float32)
    delta[2:6, 4:8] = (30, -20, 10)
    edited = add_patches(frame_of(native), [Patch(2, 4, delta)]).native
    for plane, old_plane, new_plane in zip(range(9), before, planes(edited), strict=False):
        assert np.array_equal(planes(native)[plane], old_plane), "the decoder's frame must not change"
        changed = np.argwhere((old_plane != new_plane).any(axis=2))
        scale = (HEIGHT // old_plane.shape[0], WIDTH // old_plane.shape[1])
        if len(changed):
            assert (changed.min(axis=0) * scale >= 6 - 1).all()
            assert (changed.max(axis=0) * scale <= 9).all()
    assert any(
        not np.array_equal(old_plane, new_plane) for old_plane, new_plane in zip(before, planes(edited), strict=True)
    )


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_rgb_changes_by_the_patch(name: str, full: bool, matrix: str) -> None:
    native = native_frame(name, seed=None)
    native.colorspace = MATRICES[matrix][0]
    native.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    frame = frame_of(native)
    delta = np.empty((8, 10, 3), np.float32)
    delta[...] = (21, 21, 21) if "gray" in name or "ya" in name else (25, -12, 30)
    change = add_patches(frame, [Patch(4, 6, delta)]).rgb().astype(int) - frame.rgb()
    layout = pixel_layout(name)
    assert layout is not None
    assert np.abs(change[8:12, 6:12] - delta[2:6, 2:8]).max() <= (2 if layout.depth == 8 else 1)
    change[4:16, 2:16] = 0
    assert not change.any()


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(("name", "full"), [("yuv444p", False), ("yuv444p", True), ("yuv420p10le", False)])
def test_rgb_follows_matrix_and_range(name: str, full: bool, matrix: str) -> None:
    code, kr, kb = MATRICES[matrix]
    native = VideoFrame(16, 16, name)
    layout = pixel_layout(name)
    assert layout is not None
    unit = 2 ** (layout.depth - 8)
    for component, value in enumerate((100, 140, 110)):
        component_view(native, component, layout)[...] = value * unit
    native.colorspace, native.color_range = code, ColorRange.JPEG if full else ColorRange.MPEG
    luma = 100.0 if full else (100 - 16) * 255 / 219
    blue, red = ((value - 128) * (1 if full else 255 / 224) for value in (140, 110))
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    assert np.abs(frame_of(native).rgb().astype(float) - (r, g, b)).max() <= 1


def test_untagged_frames_are_bt709_from_720_lines() -> None:
    small, large = (native_frame("yuv444p", None, 16, height) for height in (576, 720))
    for native in (small, large):
        planes(native)[2][...] = 200
    tagged = {code: frame_of(native).rgb()[0, 0] for code, native in ((5, small), (1, large))}
    for code, native in ((5, small), (1, large)):
        native.colorspace = code
        assert np.array_equal(frame_of(native).rgb()[0, 0], tagged[code])
    assert not np.array_equal(tagged[5], tagged[1])


def test_the_mean_does_not_drift() -> None:
    native = native_frame("yuv420p", None, 256, 256)
    delta = np.random.default_rng(1).normal(0, 3, (256, 256, 3)).astype(np.float32)
    delta -= delta.mean(axis=(0, 1))
    edited = add_patches(frame_of(native), [Patch(0, 0, delta)]).native
    for old_plane, new_plane in zip(planes(native), planes(edited), strict=True):
        assert abs(new_plane.astype(float).mean() - old_plane.mean()) < 0.02


def test_chroma_takes_the_mean_of_its_block() -> None:
    native = native_frame("yuv420p16le", None)
    delta = np.zeros((2, 2, 3), np.float32)
    delta[0, 0] = (40, 0, 0)
    whole = add_patches(frame_of(native), [Patch(4, 6, np.full((2, 2, 3), (40, 0, 0), np.float32))]).native
    quarter = add_patches(frame_of(native), [Patch(4, 6, delta)]).native
    changes = [int(planes(edited)[2][3, 2, 0]) - 2**15 for edited in (whole, quarter)]
    assert changes[0] == pytest.approx(4 * changes[1], abs=4)
    assert changes[0] > 1000


@pytest.mark.parametrize(
    "orientation", [Orientation(bool(k & 1), bool(k & 2), bool(k & 4)) for k in range(8)], ids=lambda o: repr(o)[12:]
)
def test_patches_are_positioned_in_the_displayed_frame(orientation: Orientation) -> None:
    frame = frame_of(native_frame("gbrp", None), orientation)
    height, width = frame.rgb().shape[:2]
    assert (width, height) == (frame.width, frame.height)
    delta = np.random.default_rng(2).integers(-40, 40, (7, 9, 3)).astype(np.float32)
    expected = frame.rgb().astype(int)
    expected[3:10, 5:14] += delta.astype(int)
    assert np.array_equal(add_patches(frame, [Patch(5, 3, delta)]).rgb(), expected)


def test_patches_are_cropped_to_the_frame_and_add_up() -> None:
    frame = frame_of(native_frame("gbrp", None))
    delta = np.full((10, 10, 3), 20, np.float32)
    patches = [Patch(-5, -5, delta), Patch(WIDTH - 5, HEIGHT - 5, delta), Patch(0, 0, delta), Patch(WIDTH, 0, delta)]
    change = add_patches(frame, patches).rgb().astype(int) - frame.rgb()
    assert change[0, 0, 0] == 40
    assert change[9, 9, 0] == 20
    assert change[-1, -1, 0] == 20
    assert change[-6, -6, 0] == 0


def test_the_last_chroma_column_of_an_odd_frame_changes_fully() -> None:
    native = native_frame("yuv420p16le", None, 33, 21)
    delta = np.full((21, 33, 3), (40, 0, 0), np.float32)
    red = planes(add_patches(frame_of(native), [Patch(0, 0, delta)]).native)[2]
    assert np.ptp(red) == 0


def test_samples_stay_in_range() -> None:
    frame = frame_of(native_frame("rgb24"))
    for sign, value in ((1, 255), (-1, 0)):
        delta = np.full((HEIGHT, WIDTH, 3), sign * 300, np.float32)
        assert (add_patches(frame, [Patch(0, 0, delta)]).rgb() == value).all()


def test_scene_linear_frames_are_edited_in_srgb_values() -> None:
    native = native_frame("gbrpf32le", None)
    for plane in planes(native):
        plane[...] = 0.18
    planes(native)[2][0, 0] = 4.0  # a highlight above white is not to be clipped
    frame = frame_of(native)
    delta = np.zeros((4, 4, 3), np.float32)
    delta[2:, 2:] = 10
    edited = add_patches(frame, [Patch(0, 0, delta)])
    assert planes(edited.native)[2][0, 0] == 4.0
    change = edited.rgb().astype(int) - frame.rgb()
    assert (change[2:4, 2:4] == 10).all()
    assert not change[5:, 5:].any()


@pytest.mark.parametrize("make", [lambda: native_frame("yuv420p"), lambda: native_frame("rgb24")])
def test_without_patches_the_same_frame_is_returned(make: Callable[[], VideoFrame]) -> None:
    frame = frame_of(make())
    assert add_patches(frame, []) is frame


def test_constant_luminance_is_refused() -> None:
    native = native_frame("yuv420p10le")
    native.colorspace = 10
    with pytest.raises(InputError, match=r"\b10\b"):
        frame_of(native).rgb()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [(200, 160), (203, 161)])
def test_a_box_equals_that_part_of_the_whole_frame(name: str, size: tuple[int, int]) -> None:
    """Only the part around the box is converted; the frame has a different matrix from that of a small picture."""
    native = native_frame(name, 3, size[0], 5 * size[1])
    frame = frame_of(native, Orientation(transpose=True, mirror_x=True, mirror_y=False))
    whole_rgb, whole_float = frame.rgb(), frame.float_rgb(0, 0, frame.width, frame.height)
    for x, y, width, height in ((0, 0, 40, 30), (351, 33, 47, 61), (frame.width - 35, frame.height - 26, 35, 26)):
        inside = slice(y, y + height), slice(x, x + width)
        assert np.array_equal(frame.rgb((x, y, width, height)), whole_rgb[inside])
        assert np.array_equal(frame.float_rgb(x, y, width, height), whole_float[inside])
