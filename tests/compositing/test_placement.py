"""Where crops lie in frames."""

import numpy as np

from facevid.compositing.placement import place
from facevid.faces.alignment import crop, crop_to_frame

SQUARE = np.array([[30, 20], [30, 84], [94, 84], [94, 20]], dtype=float) - 0.5


def test_a_crop_brought_back_lies_where_it_was_cut():
    frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    placement = place(crop_to_frame(SQUARE, 64), 64, frame.shape[:2])
    back = placement.to_region(crop(frame, SQUARE, 64).astype(np.float32))
    rows, columns = placement.rows_and_columns
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(back - frame[rows, columns])[inner].max() < 1e-3


def test_a_region_keeps_off_the_frames_edge():
    placement = place(crop_to_frame(SQUARE - 40, 64), 64, (60, 50))
    assert (placement.x, placement.y) == (1, 1)
    placement = place(crop_to_frame(SQUARE, 64), 64, (60, 50))
    assert placement.x + placement.width <= 49
    assert placement.y + placement.height <= 59


def test_a_crop_outside_the_frame_has_no_region():
    placement = place(crop_to_frame(SQUARE + 500, 64), 64, (100, 100))
    assert not placement.width or not placement.height
