"""What is before a face: a bar that passes before a portrait, and what a face does by itself."""

import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid import edit_video
from facevid.analysis.occlusion import OcclusionEstimator
from facevid.compositing.appearance import SIDE
from facevid.evaluation.occluders import draw, occlude
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.options import CompositingOptions, ComputeOptions, EditOptions
from facevid.utils.frame_array import FrameArray
from facevid.utils.progress import silent
from facevid.video import open_clip
from tests.clips import camera_move, write_clip
from tests.faces.test_pose import turned_head

COUNT = 16
KEEP = CompositingOptions("keep")
EMPTY: Mapping[int, NDArray[np.floating]] = MappingProxyType({})
NOTHING = np.zeros((SIDE, SIDE), np.float32)
QUAD = np.array([[0, 0], [0, 256], [256, 256], [256, 0]], dtype=np.float64) - 0.5


@pytest.fixture(scope="module")
def face(portrait) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the portrait's crop, 256 px, and its landmarks in it."""
    (found,) = DlibDetector().detect(portrait)
    picture = crop(portrait, ffhq_quad(found.landmarks), 256)
    (again,) = DlibDetector().detect(picture)
    return picture, again.landmarks


def seen(
    face,
    tmp_path: Path,
    changed: dict[int, NDArray[np.uint8]],
    moved: Mapping[int, NDArray[np.floating]] = EMPTY,
    likely: Mapping[int, NDArray[np.floating]] = EMPTY,
) -> NDArray[np.bool_]:
    """Say what is before the face in each frame of a track whose frames are the face but for noise and `changed`.

    Landmarks are the face's but for those `moved`. The network knows of nothing but what is `likely`.
    """
    picture, landmarks = face
    rng = np.random.default_rng(0)
    sight = OcclusionEstimator(tmp_path / "sight.npy", COUNT)
    for index in range(COUNT):
        noisy = changed.get(index, picture) + rng.normal(0, 2, picture.shape)
        sight.add(index, noisy.round().clip(0, 255).astype(np.uint8), likely.get(index, NOTHING))
    found = np.stack([moved.get(index, landmarks) for index in range(COUNT)])
    every = found, np.repeat(QUAD[None], COUNT, axis=0)
    visible = FrameArray.create(tmp_path / "visible.npy", np.uint8, (COUNT, SIDE, SIDE))
    hidden = sight.visibility(*every, visible, silent)
    assert not (tmp_path / "sight.npy").exists()
    masks = visible[:] == 0
    assert (hidden > 0).tolist() == masks.any(axis=(1, 2)).tolist()
    return masks


def guess(rows: slice, columns: slice, likely: float = 0.05) -> NDArray[np.floating]:
    """Say what the network tells where it is not sure."""
    guessed = NOTHING.copy()
    guessed[rows, columns] = likely
    return guessed


def test_what_passes_before_a_face_is_found_where_it_is(face, tmp_path):
    occluded = face[0].copy()
    occluded[130:, 100:140] = (40, 90, 60)
    guesses = dict.fromkeys(range(5, 9), guess(slice(35, 60), slice(27, 34)))
    masks = seen(face, tmp_path, dict.fromkeys(range(5, 9), occluded), likely=guesses)
    assert sorted(set(np.nonzero(masks)[0])) == [5, 6, 7, 8]
    truth = np.zeros((SIDE, SIDE), dtype=bool)
    truth[33:55, 25:35] = True
    assert (masks[6] & truth).sum() / (masks[6, :55] | truth[:55]).sum() > 0.7


def test_a_face_that_looks_like_itself_only_in_some_frames_is_not_hidden(face, tmp_path):
    """A head that turns into the light; nothing is before it."""
    lit = face[0].copy()
    lit[60:200, 60:110] = lit[60:200, 60:110] // 2 + 120
    masks = seen(face, tmp_path, dict.fromkeys(range(5, 9), lit))
    assert not masks.any()


def test_an_opened_mouth_and_closed_eyes_are_the_face_itself(face, tmp_path):
    picture, landmarks = face
    moved = picture.copy()
    cv2.fillConvexPoly(moved, cv2.convexHull(landmarks[48:60]).astype(int), (40, 15, 15))
    for eye in (landmarks[36:42], landmarks[42:48]):
        skin = picture[int(eye[:, 1].max()) + 8, int(eye[:, 0].mean())].tolist()
        cv2.fillConvexPoly(moved, cv2.convexHull(eye).astype(int), skin)
    anything = dict.fromkeys(range(COUNT), guess(slice(None), slice(None)))
    assert not seen(face, tmp_path, dict.fromkeys(range(5, 7), moved), likely=anything).any()


def test_a_bar_before_the_face_keeps_its_pixels(portrait, tmp_path):
    frames = [camera_move(portrait, index % 6, (320, 240)) for index in range(14)]
    tops = {index: 132 + 6 * abs(index - 7) for index in range(4, 11)}
    for index, top in tops.items():
        frames[index][top:, 136:158] = (30, 110, 50)
    source = write_clip(tmp_path / "in.mp4", frames, sound=False)
    options = EditOptions(compute=ComputeOptions(device="cpu"), codec="h264", crf=0)
    edit_video(source, tmp_path / "out.mp4", ["smile=1", "age=1"], options)
    before, after = (
        [frame.rgb().astype(int) for frame in open_clip(tmp_path / name).frames()] for name in ("in.mp4", "out.mp4")
    )
    for index, top in tops.items():
        change = np.abs(after[index] - before[index]).max(axis=-1)
        assert change[top + 4 :, 140:154].max() <= 2, index
        assert change[110:175, 160:190].mean() > 1, index


def test_what_the_network_knows_is_found_though_it_never_moves(face, tmp_path):
    known = NOTHING.copy()
    known[40:, 28:36] = 0.9
    masks = seen(face, tmp_path, {}, likely=dict.fromkeys(range(COUNT), known))
    assert (masks[:, 42:50] == (known[42:50] > 0.5)).all()


def test_what_the_network_sees_in_a_frame_alone_is_not_believed(face, tmp_path):
    known = NOTHING.copy()
    known[40:, 28:36] = 0.9
    masks = seen(face, tmp_path, {}, likely={4: known, 9: known, 10: known, 11: known})
    assert sorted(set(np.nonzero(masks)[0])) == [9, 10, 11]


def test_what_the_network_knew_is_found_as_long_as_it_guesses(face, tmp_path):
    sure, unsure = (guess(slice(40, 60), slice(28, 36), likely) for likely in (0.9, 0.05))
    elsewhere = guess(slice(26, 34), slice(40, 46))
    likely = dict.fromkeys(range(4), sure) | dict.fromkeys(range(4, 9), unsure) | dict.fromkeys((12, 13, 14), unsure)
    likely |= {index: np.maximum(likely[index], elsewhere) for index in (6, 7, 8)}
    masks = seen(face, tmp_path, {}, likely=likely)
    assert sorted(set(np.nonzero(masks)[0])) == list(range(9))
    assert (masks[6, 42:50] == (unsure[42:50] > 0)).all()
    assert not masks[6, 26:34, 40:46].any()


def changed(
    picture: NDArray[np.uint8], edit: str, tmp_path: Path, compositing: CompositingOptions = KEEP
) -> NDArray[np.int_]:
    """Edit a still face, and say how much each pixel changes."""
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    options = EditOptions(compute=ComputeOptions(device="cpu"), compositing=compositing, overwrite=True)
    edit_video(tmp_path / "in.png", tmp_path / "out.png", [edit], options)
    after = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_COLOR_RGB)
    assert after is not None
    return np.abs(after.astype(int) - picture).max(axis=-1)


def test_a_microphone_before_a_still_face_keeps_its_pixels(portrait, tmp_path):
    landmarks = DlibDetector().detect(portrait)[0].landmarks
    quad = ffhq_quad(landmarks)
    occluder = draw("microphone", crop(portrait, quad, 256))
    picture, hidden = occlude(portrait, quad, occluder, "microphone", 0.45)
    change = changed(picture, "male=1.5", tmp_path)
    within = cv2.erode(hidden.astype(np.uint8), np.ones((5, 5))) > 0
    assert change[~hidden].max() > 10
    assert (change[within] > 8).mean() < 0.05


def test_a_face_with_a_microphone_before_its_mouth_keeps_its_shape(portrait, tmp_path):
    """The rest of the lips would part from what is hidden."""
    landmarks = DlibDetector().detect(portrait)[0].landmarks
    quad = ffhq_quad(landmarks)
    occluder = draw("microphone", crop(portrait, quad, 256))
    picture, hidden = occlude(portrait, quad, occluder, "microphone", 0.45)
    lips = cv2.fillConvexPoly(np.zeros(hidden.shape), cv2.convexHull(landmarks[48:60]).astype(int), 1) == 1
    assert 0.2 < hidden[lips].mean() < 0.8
    change, free = (changed(each, "smile=1.5", tmp_path) for each in (picture, portrait))
    assert change[~hidden].mean() < 0.1 * free[~hidden].mean()


def test_a_smile_is_gone_before_a_microphone_is_there(portrait, tmp_path):
    free = np.ascontiguousarray(portrait[:256, 80:384])
    quad = ffhq_quad(DlibDetector().detect(free)[0].landmarks)
    covered, hidden = occlude(free, quad, draw("microphone", crop(free, quad, 256)), "microphone", 0.45)
    frames = [covered if 11 <= index < 14 else free for index in range(15)]
    source = write_clip(tmp_path / "in.mp4", frames, sound=False)
    options = EditOptions(compute=ComputeOptions(device="cpu"), codec="h264", crf=0)
    edit_video(source, tmp_path / "out.mp4", ["smile=1"], options)
    pairs = zip(*(open_clip(tmp_path / name).frames() for name in ("in.mp4", "out.mp4")), strict=True)
    smiles = [np.abs(after.rgb().astype(int) - before.rgb())[~hidden].mean() for before, after in pairs]
    assert np.mean(smiles[10:]) < 0.1 * smiles[0]
    assert np.abs(np.diff(smiles)).max() < 0.25 * smiles[0]


def test_a_face_drowned_in_light_is_hidden_whole(face, tmp_path):
    white = np.full_like(face[0], 255)
    masks = seen(face, tmp_path, dict.fromkeys(range(5, 7), white))
    assert sorted(set(np.nonzero(masks)[0])) == [5, 6]
    inside = cv2.fillConvexPoly(np.zeros((SIDE, SIDE)), cv2.convexHull(face[1][17:] / 4).astype(int), 1) == 1
    assert masks[5][inside].all()


def test_what_landmarks_retreat_from_is_found(face, tmp_path):
    """A pole covers the left third of the face, and the landmarks behave as if the face ended there."""
    picture, landmarks = face
    covered = picture.copy()
    edge = int(landmarks[36, 0])
    covered[:, :edge] = (40, 90, 60)
    retreated = landmarks.copy()
    retreated[:, 0] = np.maximum(retreated[:, 0], edge)
    guesses = dict.fromkeys(range(6, 10), guess(slice(None), slice(0, edge // 4)))
    masks = seen(face, tmp_path, dict.fromkeys(range(6, 10), covered), dict.fromkeys(range(6, 10), retreated), guesses)
    cheek = slice(30, 40), slice(int(landmarks[2, 0]) // 4 + 2, edge // 4 - 1)
    assert masks[7][cheek].all()
    assert not masks[12].any()


def looked_at(path: Path, count: int) -> Callable[[], tuple[FrameArray, NDArray[np.float32]]]:
    """Look at a long track of blurs and noise.

    The network guesses all the time that something is before it, and knows it now and then.

    Returns:
        what tells its visibility, written to a file, and the hidden share.
    """
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.float32), (0, 0), 4)
    head = turned_head(0, scale=0.22, centre=(SIDE / 2, SIDE / 2)) * 4
    landmarks, quads = head + rng.normal(0, 4, (count, 1, 2)), np.repeat(QUAD[None], count, axis=0)
    sight = OcclusionEstimator(path / "sight.npy", count)
    for index in range(count):
        noisy = picture + rng.normal(0, 3, picture.shape)
        noisy[20 + index % 40 :, 20:30] = (40, 200, 60)
        likely = guess(slice(24, SIDE), slice(18, 32), 0.9 if index % 50 in (30, 31) else 0.05)
        sight.add(index, noisy.round().clip(0, 255).astype(np.uint8), likely)
    visible = FrameArray.create(path / "visible.npy", np.uint8, (count, SIDE, SIDE))
    return lambda: (visible, sight.visibility(landmarks, quads, visible, silent))


def test_a_track_is_the_same_in_blocks_and_as_a_whole(tmp_path, monkeypatch):
    told = []
    for block in (9, 1000):
        monkeypatch.setattr("facevid.analysis.occlusion.BLOCK", block)
        visible, hidden = looked_at(tmp_path, 80)()
        told.append((visible[:], hidden))
    (in_blocks, hidden), (whole, hidden_of_whole) = told
    assert np.array_equal(in_blocks, whole)
    assert np.array_equal(hidden, hidden_of_whole)
    assert 0.01 < np.mean(whole == 0) < 0.5


def test_memory_does_not_grow_with_the_length_of_a_track(tmp_path, monkeypatch):
    for name, value in {"BLOCK": 16, "EXEMPLARS": 4, "WINDOW": 32}.items():
        monkeypatch.setattr(f"facevid.analysis.occlusion.{name}", value)
    peaks = []
    for count in (50, 250):
        tell = looked_at(tmp_path, count)
        tracemalloc.start()
        tell()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 200 * 1024  # a mask of a frame has 4096 bytes
