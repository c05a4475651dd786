"""`--layers`: laid over the plate, they give the edited frame."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from facevid import edit_video
from facevid.errors import OutputError, UsageError
from facevid.options import CompositingOptions, ComputeOptions, EditOptions, TrackingOptions
from facevid.video import ClipWriter, open_clip
from facevid.video.color.pixels import pixel_layout, plane_view
from tests.clips import camera_move

CPU = ComputeOptions(device="cpu", batch_size=4)
LOSSLESS = EditOptions(compute=CPU, codec="h264", crf=0)


def listed(folder: Path) -> dict:
    return json.loads((folder / "layers.json").read_text())


def as_floats(path: Path) -> list[np.ndarray]:
    """Return every frame as RGB at the clip's own depth."""
    clip = open_clip(path)
    return [frame.float_rgb(0, 0, clip.info.width, clip.info.height).astype(float) for frame in clip.frames()]


def read_layer(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's colours, premultiplied, and its alpha."""
    if path.suffix == ".png":
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        straight = stored[..., [2, 1, 0, 3]] / 65535
        return straight[..., :3] * straight[..., 3:], straight[..., 3:]
    (frame,) = open_clip(path).frames()
    layout = pixel_layout(frame.native.format.name)
    assert layout is not None
    alpha = plane_view(frame.native, len(layout.places), layout).astype(float)
    return frame.float_rgb(0, 0, frame.width, frame.height).astype(float), alpha


def laid_over(folder: Path, plates: list[np.ndarray], first: int = 0) -> list[np.ndarray]:
    """Lay every layer over its plate, in the order of the file."""
    made = list(plates)
    for layer in listed(folder)["layers"]:
        colours, alpha = read_layer(folder / layer["file"])
        index = layer["frame"] - first
        made[index] = colours + made[index] * (1 - alpha)
    return made


def write_exr_plates(folder: Path, portrait: np.ndarray, depth: type[np.unsignedinteger]) -> Path:
    """Write frames 1001 to 1003 in linear light: samples of 8 bits become half floats, those of 16 bits floats."""
    folder.mkdir()
    for index in range(3):
        picture: np.ndarray = camera_move(portrait, index, (320, 320)).astype(depth) * (np.iinfo(depth).max // 255)
        cv2.imwrite(str(folder / f"plate.{1001 + index}.png"), picture[..., ::-1])
    clip = open_clip(folder)
    with ClipWriter(folder / "plate.####.exr", clip) as writer:
        for frame in clip.frames():
            writer.write(frame)
    return folder / "plate.####.exr"


@pytest.mark.parametrize(("detail", "blend"), [("keep", "seamless"), ("replace", "feather")])
def test_over_the_plate_they_are_the_result(portrait_clip, tmp_path, published, detail, blend):
    options = replace(
        LOSSLESS, model=published, layers=tmp_path / "layers", compositing=CompositingOptions(detail, blend)
    )
    edit_video(portrait_clip, tmp_path / "out.mp4", ["smile=0@0,1@10"], replace(options, frames=(3, 5)))
    plates, results = as_floats(portrait_clip), as_floats(tmp_path / "out.mp4")
    made = laid_over(tmp_path / "layers", plates)
    assert np.abs(np.stack(made) - results).max() < 0.51 / 65535
    _, alpha = read_layer(tmp_path / "layers" / "face0.0004.png")
    assert alpha.shape[:2] == (240, 320)
    changed = (results[4] != plates[4]).any(axis=2)
    assert changed.any()
    assert (alpha[changed] == 1).all()
    assert ((alpha > 0) & (alpha < 1)).any()
    assert not alpha[:, :30].any()

    told = listed(tmp_path / "layers")
    assert (told["width"], told["height"], told["time_base"]) == (320, 240, "1/12800")
    assert [layer["frame"] for layer in told["layers"]] == [3, 4, 5]
    layer = told["layers"][2]
    assert (layer["pts"], layer["face"], layer["file"]) == (2560, 0, "face0.0005.png")
    assert layer["strengths"] == [["smile", 0.5]]
    to_plate, ends = np.array(layer["crop_to_frame"]), (-0.5, layer["crop_size"] - 0.5)
    corners = [to_plate @ (ends[i], ends[j], 1) for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
    assert np.abs(np.array(corners) - layer["quad"]).max() < 0.01


@pytest.mark.parametrize(
    ("depth", "pix_fmt", "step"), [(np.uint8, "gbrpf16le", 2**-11), (np.uint16, "gbrpf32le", 1e-6)]
)
def test_exr_plates_get_premultiplied_exr_layers_with_a_data_window(portrait, tmp_path, depth, pix_fmt, step):
    source = write_exr_plates(tmp_path / "plates", portrait, depth)
    assert open_clip(source).info.pix_fmt == pix_fmt
    edit_video(source, tmp_path / "out", ["smile=1"], EditOptions(compute=CPU, layers=tmp_path / "layers"))
    plates, results = as_floats(source), as_floats(tmp_path / "out")
    made = laid_over(tmp_path / "layers", plates, first=1001)
    error = np.abs(np.stack(made) - results)
    assert (error <= step * np.maximum(np.abs(results), 1e-3)).all()
    told = listed(tmp_path / "layers")
    assert told["premultiplied"]
    layer = told["layers"][1]
    assert (layer["frame"], layer["file"]) == (1002, "face0.1002.exr")
    source_file = oiio.ImageInput.open(str(tmp_path / "layers" / layer["file"]))
    assert source_file is not None
    spec = source_file.spec()
    assert [spec.x, spec.y, spec.width, spec.height] == layer["box"]
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (0, 0, 320, 320)
    assert min(spec.x, spec.y) > 0


def test_two_faces_get_layers_of_their_own(portrait, tmp_path):
    face = portrait[:256, 96:352]
    cv2.imwrite(str(tmp_path / "in.png"), np.hstack([face, face])[..., ::-1])
    options = EditOptions(tracking=TrackingOptions(faces="all"), compute=CPU, layers=tmp_path / "layers")
    edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
    assert [layer["file"] for layer in listed(tmp_path / "layers")["layers"]] == ["face0.0000.png", "face1.0000.png"]
    (made,) = laid_over(tmp_path / "layers", as_floats(tmp_path / "in.png"))
    assert np.abs(made - as_floats(tmp_path / "out.png")[0]).max() < 0.51 / 65535


def test_existing_layers_are_replaced_only_when_asked(portrait, tmp_path):
    cv2.imwrite(str(tmp_path / "in.png"), portrait[:256, 96:352, ::-1])
    folder = tmp_path / "layers"
    folder.mkdir()
    for name in ("face0.0099.png", "shot.nk"):
        (folder / name).write_text("as it was")
    options = EditOptions(compute=CPU, layers=folder)
    with pytest.raises(OutputError, match="holds layers already"):
        edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], options)
    edit_video(tmp_path / "in.png", tmp_path / "out.png", ["smile=1"], replace(options, overwrite=True))
    assert {path.name for path in folder.iterdir()} == {"face0.0000.png", "layers.json", "shot.nk"}
    assert (folder / "shot.nk").read_text() == "as it was"


def test_a_failure_leaves_no_layers(portrait_clip, tmp_path):
    def fail(stage, items, total):
        for number, item in enumerate(items):
            if stage == "edit" and number:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        edit_video(portrait_clip, tmp_path / "o.mp4", ["smile=1"], replace(LOSSLESS, layers=tmp_path / "layers"), fail)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="is OUT itself"):
        edit_video(portrait_clip, tmp_path / "o.mp4", ["smile=1"], replace(LOSSLESS, layers=tmp_path / "o.mp4"))
