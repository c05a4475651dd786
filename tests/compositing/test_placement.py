"""The place of crops in frames."""

import numpy as np

from facevid.compositing.placement import place
from facevid.faces.alignment import crop, crop_to_frame

SQUARE = np.array([[30, 20], [30, 84], [94, 84], [94, 20]], dtype=float) - 0.5
"""A quad of 64x64 whole pixels."""


def test_a_resampled_crop_equals_its_region_of_the_frame() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    placement = place(crop_to_frame(SQUARE, 64), 64, frame.shape[:2])
    resampled = placement.to_region(crop(frame, SQUARE, 64).astype(np.float32))
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(resampled - frame[placement.rows_and_columns])[inner].max() < 1e-3


def test_a_region_stays_one_pixel_off_the_frames_edge() -> None:
    placement = place(crop_to_frame(SQUARE - 40, 64), 64, (60, 50))
    assert (placement.x, placement.y) == (1, 1)
    placement = place(crop_to_frame(SQUARE, 64), 64, (60, 50))
    assert placement.x + placement.width <= 49
    assert placement.y + placement.height <= 59


def test_a_crop_outside_the_frame_has_no_region() -> None:
    placement = place(crop_to_frame(SQUARE + 500, 64), 64, (100, 100))
    assert not placement.width or not placement.height
