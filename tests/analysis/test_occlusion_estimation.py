"""Occlusion: bars, microphones and hands in front of a portrait, and changes of the face itself."""

import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid import edit_video
from facevid.analysis.occlusion_estimation import OcclusionEstimator, occlusion_features
from facevid.analysis.reference_appearance import MASK_SIDE
from facevid.evaluation.drawn_occluders import draw, occlude
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.mesh.detector import BundledDetector
from facevid.options import CompositingOptions, ComputeOptions, EditOptions
from facevid.utils.frame_array import FrameArray
from facevid.utils.progress import no_progress
from facevid.video import open_clip
from tests.clips import camera_move, write_clip
from tests.faces.test_pose import turned_head

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Probability = NDArray[np.floating]
Face = tuple[Picture, NDArray[np.float32]]
"""A crop of 256 pixels, and its landmarks (84, 2) in pixels of the crop."""

COUNT = 16
"""Frames of the track in most tests."""

ZERO = np.zeros((MASK_SIDE, MASK_SIDE), np.float32)
NO_LANDMARKS: Mapping[int, NDArray[np.floating]] = MappingProxyType({})
NO_PROBABILITIES: Mapping[int, Probability] = MappingProxyType({})
CROP_QUAD = np.array([[0, 0], [0, 256], [256, 256], [256, 0]], dtype=np.float64) - 0.5


@pytest.fixture(scope="module")
def face(portrait: Picture) -> Face:
    (in_portrait,) = BundledDetector().detect(portrait)
    picture = crop(portrait, ffhq_quad(in_portrait.landmarks), 256)
    (in_crop,) = BundledDetector().detect(picture)
    return picture, in_crop.landmarks


def estimate_masks(
    face: Face,
    tmp_path: Path,
    pictures: Mapping[int, Picture],
    landmarks: Mapping[int, NDArray[np.floating]] = NO_LANDMARKS,
    probabilities: Mapping[int, Probability] = NO_PROBABILITIES,
) -> Mask:
    """Estimate the occlusion mask of each frame of a track, bool (COUNT, MASK_SIDE, MASK_SIDE).

    Args:
        face: shown in every frame, with noise.
        tmp_path: for temporary files.
        pictures: shown in some frames instead.
        landmarks: of some frames, in place of the face's.
        probabilities: of occlusion in some frames, as from the network; 0 in the others.
    """
    picture, own_landmarks = face
    rng = np.random.default_rng(0)
    estimator = OcclusionEstimator(tmp_path / "features.npy", COUNT)
    for index in range(COUNT):
        noisy = pictures.get(index, picture) + rng.normal(0, 2, picture.shape)
        crop = noisy.round().clip(0, 255).astype(np.uint8)
        estimator.add(index, occlusion_features(crop, probabilities.get(index, ZERO)))
    all_landmarks = np.stack([landmarks.get(index, own_landmarks) for index in range(COUNT)])
    quads = np.repeat(CROP_QUAD[None], COUNT, axis=0)
    visibility = FrameArray.create(tmp_path / "visibility.npy", np.uint8, (COUNT, MASK_SIDE, MASK_SIDE))
    occluded_share = estimator.estimate(all_landmarks, quads, visibility, no_progress)
    assert not (tmp_path / "features.npy").exists()
    masks: Mask = visibility[:] == 0
    assert (occluded_share > 0).tolist() == masks.any(axis=(1, 2)).tolist()
    return masks


def frames_with_occlusion(masks: Mask) -> list[int]:
    return np.flatnonzero(masks.any(axis=(1, 2))).tolist()


def probability_in(rows: slice, columns: slice, value: float = 0.05) -> Probability:
    """Return an occlusion probability of `value` in a rectangle, and 0 elsewhere."""
    probability = ZERO.copy()
    probability[rows, columns] = value
    return probability


def test_moving_occluder_is_found_in_place(face: Face, tmp_path: Path) -> None:
    occluded = face[0].copy()
    occluded[130:, 100:140] = (40, 90, 60)
    probabilities = dict.fromkeys(range(5, 9), probability_in(slice(35, 60), slice(27, 34)))
    masks = estimate_masks(face, tmp_path, dict.fromkeys(range(5, 9), occluded), probabilities=probabilities)
    assert frames_with_occlusion(masks) == [5, 6, 7, 8]
    truth = np.zeros((MASK_SIDE, MASK_SIDE), dtype=bool)
    truth[33:55, 25:35] = True
    assert (masks[6] & truth).sum() / (masks[6, :55] | truth[:55]).sum() > 0.7


def test_changed_light_is_not_an_occluder(face: Face, tmp_path: Path) -> None:
    lit = face[0].copy()
    lit[60:200, 60:110] = lit[60:200, 60:110] // 2 + 120
    masks = estimate_masks(face, tmp_path, dict.fromkeys(range(5, 9), lit))
    assert not masks.any()


def test_open_mouth_and_closed_eyes_are_not_occluders(face: Face, tmp_path: Path) -> None:
    picture, landmarks = face
    expression = picture.copy()
    cv2.fillConvexPoly(expression, cv2.convexHull(landmarks[48:60]).astype(int), (40, 15, 15))
    for eye in (landmarks[36:42], landmarks[42:48]):
        skin = picture[int(eye[:, 1].max()) + 8, int(eye[:, 0].mean())].tolist()
        cv2.fillConvexPoly(expression, cv2.convexHull(eye).astype(int), skin)
    everywhere = dict.fromkeys(range(COUNT), probability_in(slice(None), slice(None)))
    masks = estimate_masks(face, tmp_path, dict.fromkeys(range(5, 7), expression), probabilities=everywhere)
    assert not masks.any()


def test_edit_keeps_the_pixels_of_a_moving_bar(portrait: Picture, tmp_path: Path) -> None:
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
        on_bar = change[top + 4 :, 140:154]
        assert on_bar.max() <= 10, index
        assert (on_bar > 2).mean() < 0.005, index  # a few pixels at a corner of the bar
        assert change[110:175, 160:190].mean() > 1, index


def test_confident_region_that_never_moves_is_found(face: Face, tmp_path: Path) -> None:
    probability = probability_in(slice(40, None), slice(28, 36), 0.9)
    masks = estimate_masks(face, tmp_path, {}, probabilities=dict.fromkeys(range(COUNT), probability))
    assert (masks[:, 42:50] == (probability[42:50] > 0.5)).all()


def test_confident_region_in_a_single_frame_is_ignored(face: Face, tmp_path: Path) -> None:
    probability = probability_in(slice(40, None), slice(28, 36), 0.9)
    masks = estimate_masks(face, tmp_path, {}, probabilities=dict.fromkeys((4, 9, 10, 11), probability))
    assert frames_with_occlusion(masks) == [9, 10, 11]


def test_confident_region_is_followed_while_its_probability_is_small(face: Face, tmp_path: Path) -> None:
    confident, small = (probability_in(slice(40, 60), slice(28, 36), value) for value in (0.9, 0.05))
    elsewhere = probability_in(slice(26, 34), slice(40, 46))
    probabilities = (
        dict.fromkeys(range(4), confident) | dict.fromkeys(range(4, 9), small) | dict.fromkeys((12, 13, 14), small)
    )
    probabilities |= {index: np.maximum(probabilities[index], elsewhere) for index in (6, 7, 8)}
    masks = estimate_masks(face, tmp_path, {}, probabilities=probabilities)
    assert frames_with_occlusion(masks) == list(range(9))
    assert (masks[6, 42:50] == (small[42:50] > 0)).all()
    assert not masks[6, 26:34, 40:46].any()


def change_of_edit(picture: Picture, edit: str, tmp_path: Path) -> NDArray[np.int_]:
    """Edit a still picture, and return the largest change of each pixel's channels: int (H, W)."""
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    compute, compositing = ComputeOptions(device="cpu"), CompositingOptions("keep")
    options = EditOptions(compute=compute, compositing=compositing, overwrite=True)
    edit_video(tmp_path / "in.png", tmp_path / "out.png", [edit], options)
    edited = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_COLOR_RGB)
    assert edited is not None
    change: NDArray[np.int_] = np.abs(edited.astype(int) - picture).max(axis=-1)
    return change


def with_microphone(picture: Picture, quad: NDArray[np.float64]) -> tuple[Picture, Mask]:
    """Draw a microphone in front of a face; returns the picture, and where the microphone is."""
    microphone = draw("microphone", crop(picture, quad, 256))
    return occlude(picture, quad, microphone, "microphone", 0.45)


def test_edit_keeps_the_pixels_of_a_microphone(portrait: Picture, tmp_path: Path) -> None:
    landmarks = BundledDetector().detect(portrait)[0].landmarks
    picture, occluded = with_microphone(portrait, ffhq_quad(landmarks))
    change = change_of_edit(picture, "male=1.5", tmp_path)
    inside = cv2.erode(occluded.astype(np.uint8), np.ones((5, 5))) > 0
    assert change[~occluded].max() > 10
    assert (change[inside] > 8).mean() < 0.05


def test_face_with_a_half_covered_mouth_keeps_its_shape(portrait: Picture, tmp_path: Path) -> None:
    """If the visible part of the lips moved, it would be displaced against the covered part."""
    landmarks = BundledDetector().detect(portrait)[0].landmarks
    picture, occluded = with_microphone(portrait, ffhq_quad(landmarks))
    lips = cv2.fillConvexPoly(np.zeros(occluded.shape), cv2.convexHull(landmarks[48:60]).astype(int), 1) == 1
    assert 0.2 < occluded[lips].mean() < 0.8
    change, change_without = (change_of_edit(each, "smile=1.5", tmp_path) for each in (picture, portrait))
    assert change[~occluded].mean() < 0.1 * change_without[~occluded].mean()


def test_smile_fades_before_a_microphone_appears(portrait: Picture, tmp_path: Path) -> None:
    free = np.ascontiguousarray(portrait[:256, 80:384])
    covered, occluded = with_microphone(free, ffhq_quad(BundledDetector().detect(free)[0].landmarks))
    frames = [covered if 11 <= index < 14 else free for index in range(15)]
    source = write_clip(tmp_path / "in.mp4", frames, sound=False)
    options = EditOptions(compute=ComputeOptions(device="cpu"), codec="h264", crf=0)
    edit_video(source, tmp_path / "out.mp4", ["smile=1"], options)
    pairs = zip(*(open_clip(tmp_path / name).frames() for name in ("in.mp4", "out.mp4")), strict=True)
    changes = [np.abs(after.rgb().astype(int) - before.rgb())[~occluded].mean() for before, after in pairs]
    assert np.mean(changes[10:]) < 0.1 * changes[0]
    assert np.abs(np.diff(changes)).max() < 0.25 * changes[0]


def test_overexposed_face_is_occluded_completely(face: Face, tmp_path: Path) -> None:
    white = np.full_like(face[0], 255)
    masks = estimate_masks(face, tmp_path, dict.fromkeys(range(5, 7), white))
    assert frames_with_occlusion(masks) == [5, 6]
    inside = cv2.fillConvexPoly(np.zeros((MASK_SIDE, MASK_SIDE)), cv2.convexHull(face[1][17:] / 4).astype(int), 1) == 1
    assert masks[5][inside].all()


def test_occluder_is_found_outside_of_shrunken_landmarks(face: Face, tmp_path: Path) -> None:
    """A pole covers the left third of the face, and the landmarks behave as if the face ended there."""
    picture, landmarks = face
    covered = picture.copy()
    edge = int(landmarks[36, 0])
    covered[:, :edge] = (40, 90, 60)
    shrunken = landmarks.copy()
    shrunken[:, 0] = np.maximum(shrunken[:, 0], edge)
    frames = range(6, 10)
    masks = estimate_masks(
        face,
        tmp_path,
        dict.fromkeys(frames, covered),
        dict.fromkeys(frames, shrunken),
        dict.fromkeys(frames, probability_in(slice(None), slice(0, edge // 4))),
    )
    cheek = slice(30, 40), slice(int(landmarks[2, 0]) // 4 + 2, edge // 4 - 1)
    assert masks[7][cheek].all()
    assert not masks[12].any()


def fill_long_track(path: Path, count: int) -> Callable[[], tuple[FrameArray, NDArray[np.float32]]]:
    """Fill an estimator with the features of a long track of blurred noise.

    The occlusion probability is small in all frames, and large in two of every 50.

    Returns:
        A function that estimates the visibility, which lies in a file, and the occluded share.
    """
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (MASK_SIDE, MASK_SIDE, 3)).astype(np.float32), (0, 0), 4)
    head = turned_head(0, scale=0.22, centre=(MASK_SIDE / 2, MASK_SIDE / 2)) * 4
    landmarks, quads = head + rng.normal(0, 4, (count, 1, 2)), np.repeat(CROP_QUAD[None], count, axis=0)
    estimator = OcclusionEstimator(path / "features.npy", count)
    for index in range(count):
        noisy = picture + rng.normal(0, 3, picture.shape)
        noisy[20 + index % 40 :, 20:30] = (40, 200, 60)
        probability = probability_in(slice(24, MASK_SIDE), slice(18, 32), 0.9 if index % 50 in (30, 31) else 0.05)
        estimator.add(index, occlusion_features(noisy.round().clip(0, 255).astype(np.uint8), probability))
    visibility = FrameArray.create(path / "visibility.npy", np.uint8, (count, MASK_SIDE, MASK_SIDE))
    return lambda: (visibility, estimator.estimate(landmarks, quads, visibility, no_progress))


def test_result_does_not_depend_on_the_block_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for block in (9, 1000):
        monkeypatch.setattr("facevid.analysis.occlusion_estimation.OUTLINE_BLOCK_FRAMES", block)
        visibility, occluded_share = fill_long_track(tmp_path, 80)()
        results.append((visibility[:], occluded_share))
    (in_blocks, share_in_blocks), (whole, share_of_whole) = results
    assert np.array_equal(in_blocks, whole)
    assert np.array_equal(share_in_blocks, share_of_whole)
    assert 0.01 < np.mean(whole == 0) < 0.5


def test_memory_does_not_grow_with_the_length_of_a_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the peak of several threads depends on their timing
    monkeypatch.setattr("facevid.analysis.occlusion_estimation.OUTLINE_BLOCK_FRAMES", 16)
    monkeypatch.setattr("facevid.analysis.reference_appearance.REFERENCE_FRAMES", 4)
    monkeypatch.setattr("facevid.analysis.reference_appearance.REFERENCE_WINDOW", 32)
    peaks = []
    for count in (50, 250):
        estimate = fill_long_track(tmp_path, count)
        tracemalloc.start()
        estimate()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 200 * 1024  # a mask of one frame takes 4096 bytes
