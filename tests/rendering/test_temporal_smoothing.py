"""Temporal smoothing."""

from pathlib import Path

import numpy as np
import pytest

from facevid.rendering.temporal_smoothing import FIRST_TEXTURE_LAYER, smooth, smooth_codes, smooth_effect
from facevid.utils.frame_array import FrameArray

VALUES = np.random.default_rng(0).normal(size=(60, 3, 2)).astype(np.float32)


def test_sigma_0_returns_the_values() -> None:
    assert np.array_equal(smooth(VALUES, 0), VALUES)


def test_an_impulse_gives_the_gaussian_of_sigma() -> None:
    impulse = np.zeros((41, 1))
    impulse[20] = 1
    weights = smooth(impulse, 2.0)[:, 0]
    expected = np.exp(-0.5 * (np.arange(-20, 21) / 2.0) ** 2)
    assert weights == pytest.approx(expected / expected.sum(), abs=1e-4)


def test_a_constant_stays_constant_up_to_the_ends() -> None:
    assert smooth(np.full((5, 2), 7.0), 3.0) == pytest.approx(7.0)


@pytest.mark.parametrize("span", [(0, 60), (0, 7), (25, 31), (50, 60), (59, 60)])
def test_a_part_equals_that_part_of_the_whole(span: tuple[int, int]) -> None:
    assert smooth(VALUES, 2.5, *span) == pytest.approx(smooth(VALUES, 2.5)[slice(*span)], abs=1e-6)


def test_shape_and_dtype_are_kept() -> None:
    smoothed = smooth(VALUES, 1.0)
    assert (smoothed.shape, smoothed.dtype) == (VALUES.shape, VALUES.dtype)
    assert np.diff(smoothed, axis=0).std() < np.diff(VALUES, axis=0).std() / 2


def test_texture_layers_are_smoothed_wider_than_expression_layers() -> None:
    codes = np.random.default_rng(1).normal(size=(120, 12, 4)).astype(np.float32)
    codes[60:] += 5
    smoothed = smooth_codes(codes, 2.0)
    step = np.abs(smoothed[66] - smoothed[54]).mean(axis=-1)
    assert (step[:FIRST_TEXTURE_LAYER] > 4).all()
    assert (step[FIRST_TEXTURE_LAYER:] < 2).all()
    assert smooth_codes(codes, 2.0, 40, 50) == pytest.approx(smoothed[40:50], abs=1e-5)


def test_codes_in_a_file_give_the_same_result(tmp_path: Path) -> None:
    codes, weights = np.random.default_rng(4).normal(size=(300, 12, 4)), np.linspace(0.1, 1, 300)
    np.save(tmp_path / "codes.npy", codes)
    smoothed = smooth_codes(FrameArray(tmp_path / "codes.npy"), 2.0, 140, 156, weights)
    assert np.array_equal(smoothed, smooth_codes(codes, 2.0, 140, 156, weights))


def test_a_frame_of_low_weight_takes_the_code_of_its_neighbours() -> None:
    codes = np.ones((21, 12, 4), dtype=np.float32)
    codes[10] = 100.0
    weights = np.ones(21, dtype=np.float32)
    weights[10] = 1e-3
    assert smooth_codes(codes, 1.0, weights=weights) == pytest.approx(1.0, abs=0.2)
    assert smooth_codes(codes, 1.0, 8, 13, weights) == pytest.approx(smooth_codes(codes, 1.0, weights=weights)[8:13])
    assert smooth_codes(codes, 1.0, weights=np.full(21, 1e-3)) == pytest.approx(smooth_codes(codes, 1.0), rel=1e-4)


def test_an_effect_is_smoothed_in_proportion_to_its_strength() -> None:
    strengths = np.concatenate([np.zeros(10), np.linspace(0, 1, 5), np.ones(45)])[None].astype(np.float32)
    rng = np.random.default_rng(2)
    noisy = np.array([4.0, -2.0]) + rng.normal(0, 1, (60, 2))
    effects = (strengths[0, :, None] * noisy).astype(np.float32)
    smoothed = smooth_effect(effects, strengths, 12.0)
    assert (smoothed.shape, smoothed.dtype) == (effects.shape, effects.dtype)
    assert smoothed == pytest.approx(strengths[0, :, None] * [4.0, -2.0], abs=0.5)
    assert not smoothed[:10].any()
    assert smooth_effect(effects, strengths, 0) is effects


def test_effects_of_edits_at_different_times_are_separated() -> None:
    strengths = np.ones((2, 80), dtype=np.float32)
    strengths[0, 40:], strengths[1, :40] = 0, 0.5
    effects = strengths.T @ np.array([[3.0, 0.0], [0.0, 5.0]])
    assert smooth_effect(effects, strengths, 8.0) == pytest.approx(effects, abs=1e-3)


def test_edits_without_strength_have_no_effect() -> None:
    assert not smooth_effect(np.zeros((30, 2)), np.zeros((2, 30)), 8.0).any()


@pytest.mark.parametrize("edits", [1, 3])
def test_effects_in_blocks_equal_those_of_the_whole(edits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    strengths = rng.random((edits, 60))
    effects = rng.normal(size=(60, 5, 2))
    whole = smooth_effect(effects, strengths, 2.0)
    monkeypatch.setattr("facevid.rendering.temporal_smoothing.EFFECT_BLOCK_FRAMES", 7)
    assert np.array_equal(smooth_effect(effects, strengths, 2.0), whole)
