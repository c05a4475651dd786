"""Setting an edited face into its frame: what changes, what stays, what OpenCV must not be let do."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.appearance.change import AppearanceChange
from facevid.appearance.light import without_light
from facevid.appearance.lips import LipChange, gap
from facevid.compositing import EditedFace, composite
from facevid.compositing.cloning import seamless
from facevid.compositing.matte import face_matte
from facevid.faces.alignment import crop, crop_to_frame, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.models import load_model
from facevid.options import Blend
from facevid.video import Frame, Patch, open_clip

SIZE = 128
WAYS: list[Blend | None] = [None, "seamless", "feather"]
"""To change the plate's own pixels, or to replace them in one of two ways."""


def frame_of(picture: NDArray[np.uint8], folder: Path) -> Frame:
    cv2.imwrite(str(folder / "frame.png"), picture[..., ::-1])
    return next(iter(open_clip(folder / "frame.png").frames()))


@pytest.fixture(scope="module")
def face(portrait) -> EditedFace:
    """Return the portrait's own face, where it belongs, edited by nothing yet."""
    (found,) = DlibDetector().detect(portrait)
    return EditedFace(0, SIZE, crop_to_frame(ffhq_quad(found.landmarks), SIZE), found.landmarks)


@pytest.fixture(scope="module")
def smile(portrait, face) -> AppearanceChange:
    model = load_model()
    codes = model.encode(crop(portrait, ffhq_quad(face.landmarks), 400)[None])
    (change,) = model.changes(codes, model.edit(codes, {"smile": 1.0}))
    return change


def edited(face: EditedFace, portrait: NDArray[np.uint8], change: AppearanceChange, way: Blend | None) -> EditedFace:
    if way is None:
        return replace(face, change=change)
    return replace(face, picture=255 - crop(portrait, ffhq_quad(face.landmarks), SIZE).astype(np.float32))


def composited(frame: Frame, face: EditedFace, way: Blend | None) -> Patch:
    patch = composite(frame, face, way or "seamless")
    assert patch is not None
    return patch


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nothing_changes_away_from_the_face(portrait, face, smile, way, tmp_path):
    patch = composited(frame_of(portrait, tmp_path), edited(face, portrait, smile, way), way)
    changed = np.argwhere(patch.delta.any(axis=-1))[:, ::-1] + (patch.x, patch.y)
    quad = ffhq_quad(face.landmarks)
    assert len(changed) > 1000
    assert (changed.min(axis=0) > quad.min(axis=0)).all()
    assert (changed.max(axis=0) < quad.max(axis=0)).all()


def test_no_change_is_none_to_the_last_bit(portrait, face, smile, tmp_path):
    nothing = AppearanceChange(0 * smile.shape, 0 * smile.colour, 0 * smile.gains)
    assert not composited(frame_of(portrait, tmp_path), replace(face, change=nothing), None).delta.any()


@pytest.mark.parametrize("attribute", ["smile", "age", "male"])
def test_the_cheeks_keep_their_colour(portrait, face, attribute, tmp_path):
    model = load_model()
    codes = model.encode(crop(portrait, ffhq_quad(face.landmarks), 400)[None])
    (change,) = model.changes(codes, model.edit(codes, {attribute: 1.0}))
    result = composited(frame_of(portrait, tmp_path), replace(face, change=change), None).applied_to(portrait)
    means = []
    for picture in (portrait, result):
        lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        cheeks = np.rint((face.landmarks[[2, 14]] + face.landmarks[[31, 35]]) / 2).astype(int)
        means.append(np.mean([lab[y - 12 : y + 12, x - 12 : x + 12].mean(axis=(0, 1)) for x, y in cheeks], axis=0))
    assert np.linalg.norm(means[1] - means[0]) < 3  # CIE76


def test_light_and_skin_tone_are_no_part_of_a_colour_map(smile):
    tinted = smile.colour + np.array([20, -5, 5], np.float32)
    assert np.abs(without_light(tinted) - without_light(smile.colour)).max() < 0.01
    assert np.abs(without_light(smile.colour)).max() > 0.5


def test_gains_sharpen_or_soften_the_plates_own_detail(portrait, face, smile, tmp_path):
    frame, spread = frame_of(portrait, tmp_path), []
    for gain in (-1.0, 1.0):
        change = AppearanceChange(0 * smile.shape, 0 * smile.colour, np.full_like(smile.gains, gain))
        result = composited(frame, replace(face, change=change), None).applied_to(portrait)
        x, y = np.rint(face.landmarks[[48, 31]].mean(axis=0)).astype(int)
        patch = result[y - 8 : y + 8, x - 8 : x + 8].astype(np.float32).mean(axis=-1)
        spread.append((patch - cv2.GaussianBlur(patch, (0, 0), 2)).std())
    assert spread[1] > 1.5 * spread[0]


def test_lips_close_over_teeth(portrait, face, smile, tmp_path):
    """The portrait smiles with its teeth; between closed lips none is left."""
    width = float(np.linalg.norm(ffhq_quad(face.landmarks)[3] - ffhq_quad(face.landmarks)[0]))
    closing = LipChange(apart=-float(np.linalg.norm(gap(face.landmarks))) / width)
    change = AppearanceChange(0 * smile.shape, 0 * smile.colour, 0 * smile.gains, closing)
    patch = composited(frame_of(portrait, tmp_path), replace(face, change=change), None)
    x, y = np.rint(face.landmarks[60:68].mean(axis=0)).astype(int)
    mouth = slice(y - 2, y + 3), slice(x - 10, x + 11)
    before, after = (picture[mouth].astype(float).mean() for picture in (portrait, patch.applied_to(portrait)))
    assert after < before - 10


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_before_the_face_stays_and_is_not_spread(portrait, face, smile, way, tmp_path):
    centre = round(float(face.landmarks[30, 0]))
    picture = portrait.copy()
    picture[:, :centre] = (0, 0, 255)
    places = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(float)
    visibility = cv2.transform(places, face.crop_to_frame)[..., 0] >= centre
    shifted = replace(smile, shape=np.tile(np.array([0.03, 0.0], np.float32), (68, 1)))
    hidden = replace(edited(face, portrait, shifted, way), visibility=visibility)
    patch = composited(frame_of(picture, tmp_path), hidden, way)
    assert not patch.delta[:, : max(centre - patch.x - 4, 0)].any()
    assert np.abs(patch.delta).max() > 10
    beside = patch.applied_to(picture)[:, centre + 1 :].astype(int)
    assert not (beside[..., 2] - beside[..., :2].max(axis=-1) > 100).any()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_face_at_the_frames_edge_is_composited(portrait, face, smile, way, tmp_path):
    for x, y in ((150, 0), (0, 60), (150, 90)):
        cut = np.ascontiguousarray(portrait[y : y + 260, x : x + 200])
        moved = face.crop_to_frame - np.array([[0, 0, x], [0, 0, y]])
        there = replace(edited(face, portrait, smile, way), crop_to_frame=moved, landmarks=face.landmarks - (x, y))
        patch = composited(frame_of(cut, tmp_path), there, way)
        assert patch.applied_to(cut).shape == cut.shape


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_face_outside_the_frame_gives_nothing(portrait, face, smile, way, tmp_path):
    moved = face.crop_to_frame + np.array([[0, 0, 5000], [0, 0, 0]])
    away = replace(
        edited(face, portrait, smile, way), crop_to_frame=moved, landmarks=face.landmarks + np.array([5000, 0])
    )
    assert composite(frame_of(portrait, tmp_path), away, way or "seamless") is None


def test_cloning_leaves_its_mask_in_place():
    plate = np.full((80, 90, 3), 100, dtype=np.uint8)
    picture = np.full((80, 90, 3), 100, dtype=np.float32)
    picture[30:50, 20:40] = 180
    matte = np.zeros((80, 90), dtype=np.float32)
    matte[20:61, 10:51] = 1
    difference = seamless(picture, plate, matte)
    rows, columns = np.nonzero(difference[..., 0] > 40)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (30, 49, 20, 39)
    assert matte.max() == 1


def test_the_matte_is_soft_and_off_the_crops_edge(face):
    landmarks = cv2.transform(face.landmarks[None].astype(float), cv2.invertAffineTransform(face.crop_to_frame))[0]
    matte = face_matte(landmarks, SIZE)
    assert matte.max() == pytest.approx(1, abs=1e-3)
    assert np.diff(matte, axis=0).max() < 0.2
    assert not matte[0].any()
    assert not matte[:, 0].any()
    assert not face_matte(landmarks + np.array([0, 60]), SIZE)[-1].any()
