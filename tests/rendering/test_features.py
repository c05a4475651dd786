"""Edits with a Feature-Style encoder: the features of each face in the plate enter the generated face."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from facevid import edit_video
from facevid.analysis.analysis import Analysis
from facevid.evaluation.sheet import GAP
from facevid.faces.alignment import crop
from facevid.faces.landmarks import choose_detector
from facevid.models import import_model, load_model
from facevid.models.store import stored_names
from facevid.options import CompositingOptions, ComputeOptions, EditOptions, EngineOptions, TrackingOptions
from facevid.rendering.renderer import Renderer
from facevid.rendering.track_edit import TimedEdit, TrackEdit
from facevid.utils.progress import no_progress
from facevid.video import open_clip
from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid
from tests.models.files import WIDTH, feature_style_content, save, save_psp

OPTIONS = EditOptions(compute=ComputeOptions(device="cpu", batch_size=2), codec="ffv1")

CELL = 96
"""Side of a cell of a sheet, in pixels."""

RATE = 25
"""Frames per second of the clip."""


@pytest.fixture
def models(tmp_path: Path) -> tuple[str, str]:
    """Import two models that differ only in the features: those of the second are the constant bias of a layer."""
    torch.manual_seed(0)
    np.save(tmp_path / "smile.npy", np.random.default_rng(0).normal(size=(1, WIDTH)).astype(np.float32))
    psp, content = save_psp(tmp_path), feature_style_content()
    constant = content | {"content_layer.5.weight": torch.zeros_like(content["content_layer.5.weight"])}
    for name, each in (("features", content), ("constant", constant)):
        import_model([psp, save(tmp_path / f"{name}.pth", each), tmp_path / "smile.npy"], name)
    return "features", "constant"


@pytest.fixture(scope="module")
def clip(portrait: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of a moving face, 2 frames, 160x120."""
    pictures = [camera_move(portrait, index, (160, 120)) for index in range(2)]
    return write_clip(tmp_path_factory.mktemp("clips") / "in.mp4", pictures)


def pictures(path: Path) -> NDArray[np.int64]:
    return np.stack([frame.rgb() for frame in open_clip(path).frames()]).astype(np.int64)


def edited(clip: Path, folder: Path, model: str, options: EditOptions = OPTIONS) -> NDArray[np.int64]:
    edit_video(clip, folder / "out.mkv", ["smile=0.2"], replace(options, model=model, overwrite=True))
    return pictures(folder / "out.mkv")


def test_edits(models: tuple[str, str], clip: Path, tmp_path: Path) -> None:
    """Features change generated faces and not kept detail, and frames do not depend on segments."""
    replacing = replace(OPTIONS, compare=tmp_path / "compare.mkv")
    keeping = replace(OPTIONS, compositing=CompositingOptions(detail="keep"))
    replaced, reconstructed, kept = [], [], []
    for model in models:
        replaced.append(edited(clip, tmp_path, model, replacing))
        reconstructed.append(np.split(pictures(tmp_path / "compare.mkv"), 3, axis=2)[1])
        kept.append(edited(clip, tmp_path, model, keeping))
    for first, second in (replaced, reconstructed):
        change = np.abs(first - second).max(axis=(0, -1))
        assert change[45:85, 60:100].mean() > 3  # the face is in the middle of the picture
    assert np.abs(replaced[0] - reconstructed[0]).max() > 3
    assert np.array_equal(kept[0], kept[1])
    assert np.abs(kept[0] - pictures(clip)).max() > 3
    segments = replace(OPTIONS, engine=EngineOptions(segment=1 / RATE))
    assert np.array_equal(edited(clip, tmp_path, models[0], segments), replaced[0])


def test_features_are_of_the_plate_and_follow_the_edit(models: tuple[str, str], clip: Path) -> None:
    """The generated face has the features F + G(w') - G(w), and its reconstruction F, of the crop of its frame."""
    source, model = open_clip(clip), load_model(models[0])
    tracking_options = TrackingOptions(smooth=0)
    analysis = Analysis(source, choose_detector("auto", "cpu").detector, tracking_options, no_progress)
    tracking = analysis.track()
    (encoded,) = analysis.encode(tracking, list(tracking.tracks), model, OPTIONS.compute)
    edit = TrackEdit(encoded, [TimedEdit("smile", np.array([0.2, 0.5], np.float32))])
    renderer = Renderer(model, sigma=0, batch_size=2, keep_detail=False, reconstruct=True)
    frames = list(source.frames())
    faces = [face for (face,) in renderer.render([edit], frames)]
    crops = np.stack([crop(frame.rgb(), quad, 256) for frame, quad in zip(frames, encoded.quads, strict=True)])
    codes = model.encode(crops)
    residual = model.feature_residual(crops, codes)
    for name, each in (("picture", model.edit(codes, {"smile": [0.2, 0.5]})), ("reconstruction", codes)):
        expected = (model.generate(each, residual).permute(0, 2, 3, 1) * 127.5 + 127.5).clamp(0, 255).numpy()
        assert np.abs(np.stack([getattr(face, name) for face in faces]) - expected).max() < 0.1


def test_other_commands(models: tuple[str, str], clip: Path, tmp_path: Path, run_facevid: RunFacevid) -> None:
    sheets: list[NDArray[np.uint8]] = []
    for model in models:
        out = tmp_path / f"{model}.png"
        ranges = ("--attr", "smile=0.2", "--cell", CELL)
        assert run_facevid("sheet", clip, out, *ranges, "--device", "cpu", "-q", "--model", model).code == 0
        second = GAP + CELL + GAP  # the reconstruction, after the source
        sheets.append(np.asarray(Image.open(out).convert("RGB"))[:, second : second + CELL])
    assert not np.array_equal(sheets[0], sheets[1])
    tuned = run_facevid("tune", clip, "--name", "shot", "--steps", "1", "--device", "cpu", "-q", "--model", models[0])
    assert tuned.code == 5
    assert models[0] in tuned.err
    assert "shot" not in stored_names()
