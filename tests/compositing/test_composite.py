"""Compositing of an edited face into its frame, by an appearance change or by a generated face."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.appearance.change import AppearanceChange
from facevid.appearance.light import without_light
from facevid.appearance.lips import LipChange, lip_gap
from facevid.compositing import EditedFace, composite_face
from facevid.compositing.cloning import seamless
from facevid.compositing.matte import face_matte
from facevid.edits.attributes import parse_attribute
from facevid.faces.alignment import crop, crop_to_frame, ffhq_quad
from facevid.faces.mesh.detector import BundledDetector
from facevid.models import load_model
from facevid.options import Blend
from facevid.video import Frame, Patch, open_clip

Picture = NDArray[np.uint8]

SIZE = 128
"""Side of crops, in pixels."""

WAYS: list[Blend | None] = [None, "seamless", "feather"]
"""None applies an appearance change; the others replace the face by a generated one, with this blend."""


def frame_of(picture: Picture, folder: Path) -> Frame:
    cv2.imwrite(str(folder / "frame.png"), picture[..., ::-1])
    return next(iter(open_clip(folder / "frame.png").frames()))


@pytest.fixture(scope="module")
def face(portrait: Picture) -> EditedFace:
    """Return the portrait's face without an edit."""
    (detected,) = BundledDetector().detect(portrait)
    return EditedFace(0, SIZE, crop_to_frame(ffhq_quad(detected.landmarks), SIZE), detected.landmarks)


@pytest.fixture(scope="module")
def smile(portrait: Picture, face: EditedFace) -> AppearanceChange:
    return appearance_change(portrait, face, "smile")


def appearance_change(portrait: Picture, face: EditedFace, attribute: str) -> AppearanceChange:
    """Return the change of the portrait's face by the bundled model."""
    model = load_model()
    codes = model.encode(crop(portrait, ffhq_quad(face.landmarks), 400)[None])
    ((change,),) = model.decode_changes(codes, model.edit(codes, {attribute: 1.0}))
    return change.within(parse_attribute(attribute).region(1.0))


def edited(face: EditedFace, portrait: Picture, change: AppearanceChange, way: Blend | None) -> EditedFace:
    """Return the face with an appearance change, or with its negative as the generated face."""
    if way is None:
        return replace(face, change=change)
    return replace(face, picture=255 - crop(portrait, ffhq_quad(face.landmarks), SIZE).astype(np.float32))


def composited(frame: Frame, face: EditedFace, way: Blend | None) -> Patch:
    patch = composite_face(frame, face, way or "seamless")
    assert patch is not None
    return patch


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nothing_changes_away_from_the_face(
    portrait: Picture, face: EditedFace, smile: AppearanceChange, way: Blend | None, tmp_path: Path
) -> None:
    patch = composited(frame_of(portrait, tmp_path), edited(face, portrait, smile, way), way)
    changed = np.argwhere(patch.delta.any(axis=-1))[:, ::-1] + (patch.x, patch.y)
    quad = ffhq_quad(face.landmarks)
    assert len(changed) > 1000
    assert (changed.min(axis=0) > quad.min(axis=0)).all()
    assert (changed.max(axis=0) < quad.max(axis=0)).all()


def test_an_empty_change_gives_an_exactly_empty_patch(
    portrait: Picture, face: EditedFace, smile: AppearanceChange, tmp_path: Path
) -> None:
    nothing = AppearanceChange(0 * smile.shape, 0 * smile.colour, 0 * smile.gains)
    assert not composited(frame_of(portrait, tmp_path), replace(face, change=nothing), None).delta.any()


def test_a_darker_face_changes_its_colour_less(portrait: Picture, face: EditedFace, smile: AppearanceChange) -> None:
    dark = appearance_change((portrait * 0.5).astype(np.uint8), face, "smile")
    change, dark_change = (np.abs(each.colour[..., 0]).mean() for each in (smile, dark))
    assert 0.3 * change < dark_change < 0.75 * change


@pytest.mark.parametrize("attribute", ["smile", "age", "male"])
def test_the_cheeks_keep_their_colour(portrait: Picture, face: EditedFace, attribute: str, tmp_path: Path) -> None:
    change = appearance_change(portrait, face, attribute)
    result = composited(frame_of(portrait, tmp_path), replace(face, change=change), None).apply(portrait)
    means = []
    for picture in (portrait, result):
        lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        cheeks = np.rint((face.landmarks[[2, 14]] + face.landmarks[[31, 35]]) / 2).astype(int)
        means.append(np.mean([lab[y - 12 : y + 12, x - 12 : x + 12].mean(axis=(0, 1)) for x, y in cheeks], axis=0))
    assert np.linalg.norm(means[1] - means[0]) < 3.7  # CIE76 colour difference; the median over many people is 2.2


def test_light_and_skin_tone_are_removed_from_a_colour_map(smile: AppearanceChange) -> None:
    tinted = smile.colour + np.array([20, -5, 5], np.float32)
    assert np.abs(without_light(tinted) - without_light(smile.colour)).max() < 0.01
    assert np.abs(without_light(smile.colour)).max() > 0.5


def test_gains_amplify_or_attenuate_the_detail_of_the_plate(
    portrait: Picture, face: EditedFace, smile: AppearanceChange, tmp_path: Path
) -> None:
    frame, deviations = frame_of(portrait, tmp_path), []
    for gain in (-1.0, 1.0):
        change = AppearanceChange(0 * smile.shape, 0 * smile.colour, np.full_like(smile.gains, gain))
        result = composited(frame, replace(face, change=change), None).apply(portrait)
        x, y = np.rint(face.landmarks[[48, 31]].mean(axis=0)).astype(int)
        cheek = result[y - 8 : y + 8, x - 8 : x + 8].astype(np.float32).mean(axis=-1)
        deviations.append((cheek - cv2.GaussianBlur(cheek, (0, 0), 2)).std())
    assert deviations[1] > 1.5 * deviations[0]


def test_detail_that_stands_out_is_amplified_less(
    portrait: Picture, face: EditedFace, smile: AppearanceChange, tmp_path: Path
) -> None:
    """A faint spot and a mole, of 4 and 60 levels, on smooth skin."""
    skin = cv2.GaussianBlur(portrait, (0, 0), 8).astype(np.float32)
    x, y = np.rint(face.landmarks[[48, 31]].mean(axis=0)).astype(int).tolist()
    spot = np.zeros(skin.shape[:2], np.float32)
    spot[y, x] = 1
    spot = cv2.GaussianBlur(spot, (0, 0), 1.5)
    change = AppearanceChange(0 * smile.shape, 0 * smile.colour, np.full_like(smile.gains, 1.0))
    factors = []
    for depth in (4, 60):
        picture = np.rint(skin - depth * (spot / spot.max())[..., None]).astype(np.uint8)
        patch = composited(frame_of(picture, tmp_path), replace(face, change=change), None)
        factors.append(-float(patch.delta[y - patch.y, x - patch.x].mean()) / depth)
    assert factors[0] > 0.2 and factors[0] > 3 * factors[1]


def test_lips_close_over_teeth(portrait: Picture, face: EditedFace, smile: AppearanceChange, tmp_path: Path) -> None:
    """The portrait shows bright teeth; after the lips close, the mouth is darker."""
    side = float(np.linalg.norm(ffhq_quad(face.landmarks)[3] - ffhq_quad(face.landmarks)[0]))
    closing = LipChange(offset=-float(np.linalg.norm(lip_gap(face.landmarks))) / side)
    change = AppearanceChange(0 * smile.shape, 0 * smile.colour, 0 * smile.gains, closing)
    patch = composited(frame_of(portrait, tmp_path), replace(face, change=change), None)
    x, y = np.rint(face.landmarks[60:68].mean(axis=0)).astype(int)
    mouth = slice(y - 2, y + 3), slice(x - 10, x + 11)
    before, after = (picture[mouth].astype(float).mean() for picture in (portrait, patch.apply(portrait)))
    assert after < before - 10


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_occluder_is_not_changed_and_its_colour_does_not_spread(
    portrait: Picture, face: EditedFace, smile: AppearanceChange, way: Blend | None, tmp_path: Path
) -> None:
    """The occluder is the left half of the picture, in blue."""
    centre = round(float(face.landmarks[30, 0]))
    picture = portrait.copy()
    picture[:, :centre] = (0, 0, 255)
    crop_pixels = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(float)
    visibility = cv2.transform(crop_pixels, face.crop_to_frame)[..., 0] >= centre
    shifted = replace(smile, shape=np.tile(np.array([0.03, 0.0], np.float32), (84, 1)))
    occluded = replace(edited(face, portrait, shifted, way), visibility=visibility)
    patch = composited(frame_of(picture, tmp_path), occluded, way)
    assert not patch.delta[:, : max(centre - patch.x - 4, 0)].any()
    assert np.abs(patch.delta).max() > 10
    visible = patch.apply(picture)[:, centre + 1 :].astype(int)
    blueness = visible[..., 2] - visible[..., :2].max(axis=-1)
    assert not (blueness > 100).any()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_face_at_the_frames_edge_is_composited(
    portrait: Picture, face: EditedFace, smile: AppearanceChange, way: Blend | None, tmp_path: Path
) -> None:
    for x, y in ((150, 0), (0, 60), (150, 90)):
        cut = np.ascontiguousarray(portrait[y : y + 260, x : x + 200])
        moved = face.crop_to_frame - np.array([[0, 0, x], [0, 0, y]])
        shifted = replace(edited(face, portrait, smile, way), crop_to_frame=moved, landmarks=face.landmarks - (x, y))
        patch = composited(frame_of(cut, tmp_path), shifted, way)
        assert patch.apply(cut).shape == cut.shape


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_face_outside_the_frame_gives_no_patch(
    portrait: Picture, face: EditedFace, smile: AppearanceChange, way: Blend | None, tmp_path: Path
) -> None:
    moved = face.crop_to_frame + np.array([[0, 0, 5000], [0, 0, 0]])
    landmarks = face.landmarks + np.array([5000, 0])
    outside = replace(edited(face, portrait, smile, way), crop_to_frame=moved, landmarks=landmarks)
    assert composite_face(frame_of(portrait, tmp_path), outside, way or "seamless") is None


def test_cloning_shifts_nothing_and_does_not_change_the_matte() -> None:
    plate = np.full((80, 90, 3), 100, dtype=np.uint8)
    picture = np.full((80, 90, 3), 100, dtype=np.float32)
    picture[30:50, 20:40] = 180
    matte = np.zeros((80, 90), dtype=np.float32)
    matte[20:61, 10:51] = 1
    difference = seamless(picture, plate, matte)
    rows, columns = np.nonzero(difference[..., 0] > 40)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (30, 49, 20, 39)
    assert matte.max() == 1


def test_the_matte_is_soft_and_0_at_the_crops_edge(face: EditedFace) -> None:
    landmarks = cv2.transform(face.landmarks[None].astype(float), cv2.invertAffineTransform(face.crop_to_frame))[0]
    matte = face_matte(landmarks, SIZE)
    assert matte.max() == pytest.approx(1, abs=1e-3)
    assert np.diff(matte, axis=0).max() < 0.2
    assert not matte[0].any()
    assert not matte[:, 0].any()
    assert not face_matte(landmarks + np.array([0, 60]), SIZE)[-1].any()
