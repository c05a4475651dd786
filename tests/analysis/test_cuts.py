"""Cut detection: changes that are cuts, and changes that are not."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.cuts import MAX_DISTURBANCE_FRAMES, CutDetector
from facevid.video import open_clip

Picture = NDArray[np.uint8]


def cuts_of(pictures: Iterable[Picture]) -> list[int]:
    detector = CutDetector()
    for picture in pictures:
        detector.add(picture)
    return list(detector.cuts())


def scene(seed: int, shift: int = 0) -> Picture:
    """Draw a random mosaic, uint8 (180, 320, 3), moved to the right by `shift` pixels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return np.roll(np.kron(coarse, np.ones((20, 20, 1), dtype=np.uint8)), shift, axis=1)


def flash(picture: Picture, share: float) -> Picture:
    return (picture + share * (255.0 - picture)).astype(np.uint8)


def cover_left(picture: Picture, share: float) -> Picture:
    covered = picture.copy()
    covered[:, : round(picture.shape[1] * share)] = 10
    return covered


def test_scene_change_is_a_cut() -> None:
    assert cuts_of([scene(0)] * 5 + [scene(1)] * 5 + [scene(2)] * 5) == [5, 10]


def test_scene_change_in_the_last_frame_is_a_cut() -> None:
    assert cuts_of([scene(0)] * 5 + [scene(1)]) == [5]


def test_first_frame_is_not_a_cut() -> None:
    assert cuts_of([scene(0)]) == []


def test_pan_and_noise_are_not_cuts() -> None:
    noise = np.random.default_rng(0)
    pan = [scene(0, 3 * index) for index in range(20)]
    noisy = [(scene(0) * 0.8 + noise.integers(0, 40, (180, 320, 3))).astype(np.uint8) for _ in range(10)]
    assert cuts_of(pan) == []
    assert cuts_of(noisy) == []


@pytest.mark.parametrize("frames", [4, 8, 15])
def test_fast_pan_is_not_a_cut(frames: int) -> None:
    """Each frame shows another part of a wide set and differs from the last one as much as another shot would."""
    before = [0] * 10
    moving = [640 * (index + 1) // frames for index in range(frames)]
    after = [640] * 10
    wide = np.concatenate([scene(seed) for seed in range(4)], axis=1)
    assert cuts_of(wide[:, left : left + 320] for left in before + moving + after) == []


@pytest.mark.parametrize("brightness", [1.0, 0.3, 0.1])
def test_scene_change_in_the_dark_is_a_cut(brightness: float) -> None:
    shots = [scene(0, index) for index in range(8)] + [scene(1, index) for index in range(8)]
    assert cuts_of((picture * brightness).astype(np.uint8) for picture in shots) == [8]


def test_cut_within_a_pan_is_found() -> None:
    assert cuts_of([scene(0, 2 * i) for i in range(10)] + [scene(5, 2 * i) for i in range(10)]) == [10]


@pytest.mark.parametrize("frames", [1, MAX_DISTURBANCE_FRAMES])
@pytest.mark.parametrize("disturb", [lambda picture: flash(picture, 0.8), lambda picture: cover_left(picture, 0.4)])
def test_disturbance_is_not_a_cut(disturb: Callable[[Picture], Picture], frames: int) -> None:
    pan = [scene(0, index) for index in range(24)]
    pan[10 : 10 + frames] = [disturb(picture) for picture in pan[10 : 10 + frames]]
    assert cuts_of(pan) == []


def test_flash_that_decays_is_not_a_cut() -> None:
    shot = [scene(0, index) for index in range(20)]
    for index, share in ((8, 1.0), (9, 0.5), (10, 0.2)):
        shot[index] = flash(shot[index], share)
    assert cuts_of(shot) == []


def test_cut_between_flashes_is_found() -> None:
    shots = [scene(0)] * 10 + [scene(1)] * 10
    shots[8] = flash(shots[8], 0.9)
    shots[12] = flash(shots[12], 0.9)
    assert cuts_of(shots) == [10]


def test_return_after_a_short_shot_is_two_cuts() -> None:
    assert cuts_of([scene(0)] * 8 + [scene(1)] * (MAX_DISTURBANCE_FRAMES + 1) + [scene(0)] * 8) == [8, 12]


def test_cuts_of_a_concert(shared: Path) -> None:
    pictures = (frame.rgb() for frame in open_clip(shared / "clips" / "stage-cuts-many-faces.mp4").frames())
    assert cuts_of(pictures) == [20, 82, 211]
