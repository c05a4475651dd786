"""Where cuts are seen, and where not."""

import numpy as np

from facevid.video.cuts import CutDetector


def cuts_of(pictures):
    detector = CutDetector()
    return [index for index, picture in enumerate(pictures) if detector.is_cut(picture)]


def scene(seed, shift=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return np.roll(np.kron(coarse, np.ones((20, 20, 1), dtype=np.uint8)), shift, axis=1)


def test_a_change_of_scene_is_a_cut():
    assert cuts_of([scene(0)] * 5 + [scene(1)] * 5 + [scene(2)] * 5) == [5, 10]


def test_the_first_frame_is_none():
    assert cuts_of([scene(0)]) == []


def test_a_pan_and_noise_are_none():
    noise = np.random.default_rng(0)
    pan = [scene(0, 3 * index) for index in range(20)]
    noisy = [(scene(0) * 0.8 + noise.integers(0, 40, (180, 320, 3))).astype(np.uint8) for _ in range(10)]
    assert cuts_of(pan) == []
    assert cuts_of(noisy) == []


def test_a_cut_within_a_pan_is_seen():
    assert cuts_of([scene(0, 2 * i) for i in range(10)] + [scene(5, 2 * i) for i in range(10)]) == [10]
