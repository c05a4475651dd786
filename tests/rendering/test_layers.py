"""The `--layers` output: layers composited over the plate give the edited frame."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

from facevid import edit_video
from facevid.appearance.local_regions import LOCAL_REGIONS
from facevid.errors import OutputError, UsageError
from facevid.options import Blend, CompositingOptions, ComputeOptions, Detail, EditOptions, TrackingOptions
from facevid.video import ClipWriter, open_clip
from facevid.video.color.pixels import pixel_layout, plane_view
from tests.clips import camera_move

T = TypeVar("T")
Picture = NDArray[np.uint8]
FloatPicture = NDArray[np.float64]

CPU = ComputeOptions(device="cpu", batch_size=4)
LOSSLESS = EditOptions(compute=CPU, codec="h264", crf=0)


def read_index(folder: Path) -> dict[str, Any]:
    index: dict[str, Any] = json.loads((folder / "layers.json").read_text())
    return index


def read_frames(path: Path) -> list[FloatPicture]:
    """Return every frame as float RGB, converted from the bit depth of the clip."""
    clip = open_clip(path)
    return [frame.float_rgb(0, 0, clip.info.width, clip.info.height).astype(float) for frame in clip.frames()]


def read_layer(path: Path) -> tuple[FloatPicture, FloatPicture]:
    """Return the premultiplied colours of a layer, (H, W, 3), and its alpha, (H, W, 1)."""
    if path.suffix == ".png":
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        unpremultiplied = stored[..., [2, 1, 0, 3]] / 65535
        return unpremultiplied[..., :3] * unpremultiplied[..., 3:], unpremultiplied[..., 3:]
    (frame,) = open_clip(path).frames()
    layout = pixel_layout(frame.native.format.name)
    assert layout is not None
    alpha = plane_view(frame.native, len(layout.positions), layout).astype(float)
    return frame.float_rgb(0, 0, frame.width, frame.height).astype(float), alpha


def composite_layers(folder: Path, plates: list[FloatPicture], first: int = 0) -> list[FloatPicture]:
    """Composite every layer over its plate, in the order of `layers.json`; `first` is the number of the first plate."""
    composites = list(plates)
    for layer in read_index(folder)["layers"]:
        colours, alpha = read_layer(folder / layer["file"])
        index = layer["frame"] - first
        composites[index] = colours + composites[index] * (1 - alpha)
    return composites


def write_exr_plates(folder: Path, portrait: Picture, depth: type[np.unsignedinteger[Any]]) -> Path:
    """Write frames 1001 to 1003 in linear light, as half floats from 8-bit samples or as floats from 16-bit ones."""
    folder.mkdir()
    for index in range(3):
        picture = np.asarray(camera_move(portrait, index, (320, 320)).astype(depth) * (np.iinfo(depth).max // 255))
        cv2.imwrite(str(folder / f"plate.{1001 + index}.png"), picture[..., ::-1])
    clip = open_clip(folder)
    with ClipWriter(folder / "plate.####.exr", clip) as writer:
        for frame in clip.frames():
            writer.write(frame)
    return folder / "plate.####.exr"


@pytest.mark.parametrize(("detail", "blend"), [("keep", "seamless"), ("replace", "feather")])
def test_layers_over_the_plate_give_the_result(
    portrait_clip: Path, tmp_path: Path, published: str, detail: Detail, blend: Blend
) -> None:
    compositing = CompositingOptions(detail, blend)
    options = replace(LOSSLESS, model=published, layers=tmp_path / "layers", compositing=compositing)
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=0@0,1@10"], replace(options, frames=(3, 5)))
    plates, results = read_frames(portrait_clip), read_frames(tmp_path / "out.mp4")
    composites = composite_layers(tmp_path / "layers", plates)
    assert np.abs(np.stack(composites) - results).max() < 0.51 / 65535
    _, alpha = read_layer(tmp_path / "layers" / "face0.0004.png")
    assert alpha.shape[:2] == (240, 320)
    changed = (results[4] != plates[4]).any(axis=2)
    assert changed.any()
    assert (alpha[changed] == 1).all()
    assert ((alpha > 0) & (alpha < 1)).any()
    assert not alpha[:, :30].any()

    index = read_index(tmp_path / "layers")
    assert (index["width"], index["height"], index["time_base"]) == (320, 240, "1/12800")
    assert [layer["frame"] for layer in index["layers"]] == [3, 4, 5]
    layer = index["layers"][2]
    assert (layer["pts"], layer["face"], layer["file"]) == (2560, 0, "face0.0005.png")
    assert layer["strengths"] == [["smile", 0.5]]
    to_plate, ends = np.array(layer["crop_to_frame"]), (-0.5, layer["crop_size"] - 0.5)
    corners = [to_plate @ (ends[i], ends[j], 1) for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
    assert np.abs(np.array(corners) - layer["quad"]).max() < 0.01


@pytest.mark.parametrize(
    ("depth", "pix_fmt", "step"), [(np.uint8, "gbrpf16le", 2**-11), (np.uint16, "gbrpf32le", 1e-6)]
)
def test_exr_plates_give_premultiplied_exr_layers_with_a_data_window(
    portrait: Picture, tmp_path: Path, depth: type[np.unsignedinteger[Any]], pix_fmt: str, step: float
) -> None:
    source = write_exr_plates(tmp_path / "plates", portrait, depth)
    assert open_clip(source).info.pix_fmt == pix_fmt
    edit_video(source, tmp_path / "out", ["smile=1"], EditOptions(compute=CPU, layers=tmp_path / "layers"))
    plates, results = read_frames(source), read_frames(tmp_path / "out")
    composites = composite_layers(tmp_path / "layers", plates, first=1001)
    error = np.abs(np.stack(composites) - results)
    assert (error <= step * np.maximum(np.abs(results), 1e-3)).all()
    index = read_index(tmp_path / "layers")
    assert index["premultiplied"]
    layer = index["layers"][1]
    assert (layer["frame"], layer["file"]) == (1002, "face0.1002.exr")
    source_file = oiio.ImageInput.open(str(tmp_path / "layers" / layer["file"]))
    assert source_file is not None
    spec = source_file.spec()
    assert [spec.x, spec.y, spec.width, spec.height] == layer["box"]
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (0, 0, 320, 320)
    assert min(spec.x, spec.y) > 0


def test_strengths_follow_timecodes_and_fade_at_the_ends_of_the_range(portrait_clip: Path, tmp_path: Path) -> None:
    edits = ["smile=1", "age=0@00:00:00:04,1@00:00:00:06"]
    options = replace(LOSSLESS, layers=tmp_path / "layers", frames=(3, 8), fade=2)
    edit_video(portrait_clip, tmp_path / "out.mp4", edits, options)
    strengths = [dict(layer["strengths"]) for layer in read_index(tmp_path / "layers")["layers"]]
    fade = [1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3]
    assert [each["smile"] for each in strengths] == pytest.approx(fade, abs=1e-3)
    assert [each["age"] for each in strengths] == pytest.approx([0, 0, 0.5, 1, 2 / 3, 1 / 3], abs=1e-3)


def test_a_layer_has_the_mattes_of_its_regions_and_its_warp(portrait: Picture, tmp_path: Path) -> None:
    plate = portrait[:256, 96:352]
    cv2.imwrite(str(tmp_path / "in.png"), plate[..., ::-1])
    options = EditOptions(compute=CPU, layers=tmp_path / "layers")
    edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
    (layer,) = read_index(tmp_path / "layers")["layers"]

    mattes = oiio.ImageBuf(str(tmp_path / "layers" / layer["regions"]))
    names = [name.removeprefix("region.") for name in mattes.spec().channelnames]
    assert set(names) == set(LOCAL_REGIONS)
    assert (mattes.spec().full_width, mattes.spec().full_height) == (256, 256)
    values = np.asarray(mattes.get_pixels(oiio.FLOAT, oiio.ROI(0, 256, 0, 256)))
    assert (values.min(), values.max(), values.sum(axis=2).max()) == pytest.approx((0, 1, 1), abs=2e-3)
    eye, mouth, chin, forehead = (107, 101), (127, 145), (124, 176), (128, 70)  # x and y in the portrait
    for place, name in ((eye, "eyes"), (mouth, "mouth"), (chin, "jaw"), (forehead, "forehead")):
        assert values[place[1], place[0], names.index(name)] > 0.9

    stored = oiio.ImageBuf(str(tmp_path / "layers" / layer["stmap"]))
    assert stored.spec().channelnames == ("R", "G")
    places = np.asarray(stored.get_pixels(oiio.FLOAT))
    assert places[0, 0] == pytest.approx((0.5 / 256, 1 - 0.5 / 256), abs=1e-7)
    assert places[255, 255] == pytest.approx((1 - 0.5 / 256, 0.5 / 256), abs=1e-7)
    columns, rows = places[..., 0] * 256 - 0.5, (1 - places[..., 1]) * 256 - 0.5
    warped = cv2.remap(plate, columns, rows, cv2.INTER_CUBIC).astype(float)
    (result,) = read_frames(tmp_path / "out.png")
    lips = slice(130, 165), slice(95, 160)
    unwarped_error = np.abs(plate[lips] - result[lips] * 255).mean()
    assert np.abs(warped[lips] - result[lips] * 255).mean() < 0.5 * unwarped_error


def test_a_generated_face_has_regions_but_no_warp(portrait: Picture, tmp_path: Path, published: str) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), portrait[:256, 96:352, ::-1])
    compositing = CompositingOptions("replace", "feather")
    options = EditOptions(published, compute=CPU, layers=tmp_path / "layers", compositing=compositing)
    edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
    (layer,) = read_index(tmp_path / "layers")["layers"]
    assert layer["stmap"] is None
    assert (tmp_path / "layers" / layer["regions"]).is_file()


def test_each_face_has_its_own_layers(portrait: Picture, tmp_path: Path) -> None:
    face = portrait[:256, 96:352]
    cv2.imwrite(str(tmp_path / "in.png"), np.hstack([face, face])[..., ::-1])
    options = EditOptions(tracking=TrackingOptions(faces="all"), compute=CPU, layers=tmp_path / "layers")
    edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
    assert [layer["file"] for layer in read_index(tmp_path / "layers")["layers"]] == [
        "face0.0000.png",
        "face1.0000.png",
    ]
    (composite,) = composite_layers(tmp_path / "layers", read_frames(tmp_path / "in.png"))
    assert np.abs(composite - read_frames(tmp_path / "out.png")[0]).max() < 0.51 / 65535


def test_existing_layers_are_replaced_only_with_overwrite(portrait: Picture, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), portrait[:256, 96:352, ::-1])
    folder = tmp_path / "layers"
    folder.mkdir()
    for name in ("face0.0099.png", "face0.stmap.0099.exr", "shot.nk"):
        (folder / name).write_text("earlier")
    options = EditOptions(compute=CPU, layers=folder)
    with pytest.raises(OutputError, match=r"layers.*--overwrite"):
        edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
    edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], replace(options, overwrite=True))
    names = {"face0.0000.png", "face0.regions.0000.exr", "face0.stmap.0000.exr", "layers.json", "shot.nk"}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "shot.nk").read_text() == "earlier"


def test_a_part_of_a_sequence_is_rendered_as_in_a_whole_run(portrait: Picture, tmp_path: Path) -> None:
    for index in range(8):
        picture = camera_move(portrait, index, (320, 240))
        cv2.imwrite(str(tmp_path / f"plate.{1001 + index}.png"), picture[..., ::-1])
    source, edits = tmp_path / "plate.####.png", ["smile=1", "age=0@1002,1@1008:ease"]
    whole, parts = (EditOptions(compute=CPU, layers=tmp_path / name / "layers") for name in ("whole", "parts"))
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    edit_video(source, tmp_path / "whole" / "out.####.png", edits, whole)
    for first, last in ((1001, 1003), (1004, 1007), (1003, 1005), (1008, 1008)):
        summary = edit_video(
            source, tmp_path / "parts" / "out.####.png", edits, replace(parts, write_frames=(first, last))
        )
        assert summary.frames == last - first + 1
        assert not summary.warnings
    files = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.*")}
    assert len(files) == 8 * 4 + 1
    assert files == {path.relative_to(tmp_path / "parts") for path in (tmp_path / "parts").rglob("[!.]*.*")}
    for file in files:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "parts" / file).read_bytes(), file


@pytest.mark.parametrize(("target", "frames"), [("out.mp4", (2, 3)), ("out.####.png", (8, 12))])
def test_a_part_that_cannot_be_written(
    portrait_clip: Path, tmp_path: Path, target: str, frames: tuple[int, int]
) -> None:
    with pytest.raises(UsageError, match=r"out\.mp4" if target == "out.mp4" else r"--write-frames 8-12.* 0 to 9"):
        edit_video(portrait_clip, tmp_path / target, ["smile=1"], EditOptions(compute=CPU, write_frames=frames))
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_no_layers(portrait_clip: Path, tmp_path: Path) -> None:
    def interrupt(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        for number, item in enumerate(items):
            if stage == "edit" and number:
                raise KeyboardInterrupt
            yield item

    options = replace(LOSSLESS, layers=tmp_path / "layers")
    with pytest.raises(KeyboardInterrupt):
        edit_video(portrait_clip, tmp_path / "o.mp4", ["smile=1"], options, interrupt)
    assert not list(tmp_path.iterdir())


def test_the_layers_folder_cannot_be_the_output(portrait_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--layers .*o\.mp4"):
        edit_video(portrait_clip, tmp_path / "o.mp4", ["smile=1"], replace(LOSSLESS, layers=tmp_path / "o.mp4"))
