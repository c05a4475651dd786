"""Setting a drawn face into a drawn frame: what moves, what stays, what OpenCV must not be let do."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.compositing import EditedFace, Patch, ShapeChange, composite
from facevid.compositing.cloning import seamless
from facevid.compositing.matte import face_matte
from facevid.compositing.warp import landmark_warp, warped
from facevid.faces.alignment import crop, crop_to_frame, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.options import CompositingOptions

SIZE = 128
KEEP = CompositingOptions("keep")
WAYS = [KEEP, CompositingOptions("replace", "seamless"), CompositingOptions("replace", "feather")]


@pytest.fixture(scope="module")
def face(portrait) -> EditedFace:
    """Return the portrait's own face, cropped to 128 px and edited by nothing."""
    (found,) = DlibDetector().detect(portrait)
    to_frame = crop_to_frame(ffhq_quad(found.landmarks), SIZE)
    landmarks = cv2.transform(found.landmarks[None].astype(float), cv2.invertAffineTransform(to_frame))[0]
    picture = crop(portrait, ffhq_quad(found.landmarks), SIZE).astype(np.float32)
    shape = ShapeChange(landmarks, landmarks, np.zeros((68, 2)), 1.0)
    return EditedFace(SIZE, to_frame, landmarks, picture, picture, shape=shape)


def composited(frame: NDArray[np.uint8], face: EditedFace, way: CompositingOptions) -> Patch:
    patch = composite(frame, face, way)
    assert patch is not None
    return patch


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nothing_changes_beyond_the_matte(portrait, face, way):
    inverted = 255 - face.reconstruction
    patch = composited(portrait, replace(face, edited=inverted), way)
    matte = face_matte(face.landmarks, SIZE)
    reach = cv2.transform(np.argwhere(matte > 0)[:, None, ::-1].astype(float), face.crop_to_frame)[:, 0]
    changed = np.argwhere(np.abs(patch.delta).max(axis=-1) > 0)[:, ::-1] + (patch.x, patch.y)
    assert len(changed) > 1000
    assert (changed.min(axis=0) >= reach.min(axis=0) - 4).all()
    assert (changed.max(axis=0) <= reach.max(axis=0) + 4).all()


def test_without_an_edit_the_plate_keeps_its_pixels(portrait, face):
    patch = composited(portrait, face, KEEP)
    assert np.abs(patch.delta).max() < 1e-3


def test_a_softer_edit_leaves_the_plate_sharp(portrait, face):
    softer = cv2.GaussianBlur(face.reconstruction, (0, 0), 1.5)
    patch = composited(portrait, replace(face, edited=softer), KEEP)
    lost = np.abs(softer - face.reconstruction)[40:110, 30:100].mean()
    assert lost > 3
    assert np.abs(patch.delta).mean() < 0.15 * lost


def test_broad_shading_is_dropped(portrait, face):
    around = cv2.GaussianBlur(face_matte(face.landmarks, SIZE), (0, 0), 3)[..., None]
    x, y = cv2.transform(face.landmarks[None, [8, 57]].mean(axis=1, keepdims=True), face.crop_to_frame)[0, 0]
    patch = composited(portrait, replace(face, edited=face.reconstruction - 60 * around), KEEP)
    assert abs(patch.delta[round(y) - patch.y, round(x) - patch.x].mean()) < 15


def test_moved_landmarks_move_the_plates_pixels(portrait, face):
    shift = np.zeros((68, 2))
    shift[48:68] = (0, 3)
    after = face.landmarks + shift
    generated = warped(face.reconstruction, landmark_warp(after, face.landmarks, SIZE))
    edited = replace(face, edited=generated, shape=ShapeChange(face.landmarks, after, after - face.landmarks, 1.0))
    patch = composited(portrait, edited, KEEP)
    result = patch.applied_to(portrait)
    centre = cv2.transform(face.landmarks[None, 48:68].mean(axis=1, keepdims=True).astype(float), face.crop_to_frame)
    x, y = np.rint(centre[0, 0]).astype(int)
    template = portrait[y - 8 : y + 8, x - 16 : x + 16]
    score = cv2.matchTemplate(result[y - 30 : y + 30, x - 30 : x + 30], template, cv2.TM_CCOEFF_NORMED)
    _, _, _, (found_x, found_y) = cv2.minMaxLoc(score)
    assert abs(found_x - 14) <= 1
    assert 2 <= found_y - 22 <= 5  # 3 px of the crop are 4 of the frame, softened by the spline and the bound


def test_an_open_mouth_keeps_what_it_shows_and_closed_lips_do_not(portrait, face):
    generated = face.reconstruction.copy()
    box = cv2.boundingRect(face.landmarks[60:68].astype(np.float32))
    x, y = box[0] + box[2] // 2, box[1] + box[3] // 2
    cv2.circle(generated, (x, y), 4, (255.0, 255.0, 255.0), -1)
    shown = {}
    for name, opening in (("closed", 0.0), ("open", 8.0)):
        landmarks = face.landmarks.copy()
        for upper, lower in ((61, 67), (62, 66), (63, 65)):
            middle = (landmarks[upper] + landmarks[lower]) / 2
            landmarks[upper] = landmarks[lower] = middle
            landmarks[upper, 1] -= opening / 2
            landmarks[lower, 1] += opening / 2
        shape = ShapeChange(landmarks, landmarks, np.zeros((68, 2)), 1.0)
        edited = replace(face, edited=generated, landmarks=landmarks, shape=shape)
        patch = composited(portrait, edited, KEEP)
        place = np.rint(face.crop_to_frame @ (x, y, 1)).astype(int) - (patch.x, patch.y)
        shown[name] = np.abs(patch.delta[place[1], place[0]]).max()
    assert shown["closed"] > 10
    assert shown["open"] < 0.3 * shown["closed"]


@pytest.mark.parametrize("apart", [0.0, 10.0])
def test_between_lips_that_come_apart_the_generated_face_shows(portrait, face, apart):
    landmarks = face.landmarks.copy()
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        landmarks[upper] = landmarks[lower] = (landmarks[upper] + landmarks[lower]) / 2
    after = landmarks.copy()
    after[[61, 62, 63], 1] -= 5
    after[[65, 66, 67], 1] += 5
    generated = face.reconstruction.copy()
    x, y = landmarks[[62, 66]].mean(axis=0)
    cv2.circle(generated, (round(x), round(y)), 3, (0.0, 0.0, 255.0), -1)
    shape = ShapeChange(landmarks, after, after - landmarks, 1.0, apart)
    patch = composited(portrait, replace(face, edited=generated, landmarks=landmarks, shape=shape), KEEP)
    column, row = np.rint(face.crop_to_frame @ (x, y, 1)).astype(int)
    red, _, blue = patch.applied_to(portrait)[row, column].astype(int)
    assert (blue > red + 170) == (apart > 0)  # of the shading between closed lips some is added


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_before_the_face_stays_and_is_not_spread(portrait, face, way):
    centre = round(float(cv2.transform(face.landmarks[None, 30:31].astype(float), face.crop_to_frame)[0, 0, 0]))
    frame = portrait.copy()
    frame[:, :centre] = (0, 0, 255)
    places = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(float)
    visibility = cv2.transform(places, face.crop_to_frame)[..., 0] >= centre
    shift = np.tile([4.0, 0.0], (68, 1))
    shape = ShapeChange(face.landmarks, face.landmarks + shift, shift, 1.0)
    inverted = 255 - face.reconstruction
    patch = composited(frame, replace(face, edited=inverted, visibility=visibility, shape=shape), way)
    delta = patch.delta[:, : centre - patch.x - 4]
    assert not delta.any()
    assert np.abs(patch.delta).max() > 20
    beside = patch.applied_to(frame)[:, centre + 1 :].astype(int)
    assert not (beside[..., 2] - beside[..., :2].max(axis=-1) > 100).any()


def test_a_face_at_the_frames_edge_is_composited(portrait, face):
    for x, y in ((150, 0), (0, 60), (150, 90)):
        cut = np.ascontiguousarray(portrait[y : y + 260, x : x + 200])
        moved = face.crop_to_frame - np.array([[0, 0, x], [0, 0, y]])
        patch = composited(cut, replace(face, edited=face.reconstruction, crop_to_frame=moved), WAYS[1])
        assert patch.applied_to(cut).shape == cut.shape
        assert min(patch.x, patch.y) >= 1


def test_a_face_outside_the_frame_gives_nothing(portrait, face):
    away = replace(face, crop_to_frame=face.crop_to_frame + np.array([[0, 0, 5000], [0, 0, 0]]))
    assert composite(portrait, away, WAYS[0]) is None


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


def test_a_warp_brings_landmarks_to_their_target():
    rng = np.random.default_rng(0)
    source = rng.uniform(30, 98, (68, 2))
    target = source + 3 * np.sin(source[:, ::-1] / 20)
    picture = np.zeros((SIZE, SIZE, 1), dtype=np.float32)
    x, y = np.rint(source[0]).astype(int)
    picture[y, x] = 1
    spread = warped(cv2.GaussianBlur(picture, (0, 0), 2)[..., None], landmark_warp(target, source, SIZE))
    spread = spread.reshape(SIZE, SIZE)
    weights = spread / spread.sum()
    rows, columns = np.indices(weights.shape)
    found = np.array([(weights * columns).sum(), (weights * rows).sum()])
    assert np.abs(found - target[0] - (np.array([x, y]) - source[0])).max() < 1.0


def test_the_matte_is_soft_and_off_the_crops_edge(face):
    matte = face_matte(face.landmarks, SIZE)
    assert matte.max() == pytest.approx(1, abs=1e-3)
    assert np.diff(matte, axis=0).max() < 0.2
    assert not matte[0].any()
    assert not matte[:, 0].any()
    low = face_matte(face.landmarks + np.array([0, 60]), SIZE)
    assert not low[-1].any()
