"""Codes are shifted towards the other class, by the difference of the classes' means."""

import torch

from facevid.training.shifts import REACH, AttributeShifts


def test_codes_move_to_the_other_class():
    shifts = AttributeShifts(layers=2, width=3)
    generator = torch.Generator().manual_seed(0)
    labels = torch.full((20, 40), -1, dtype=torch.int8)
    labels[:10, 31], labels[10:, 31] = 1, 0
    codes = torch.zeros(20, 2, 3)
    codes[:10, 1, 2] = 5.0
    assert torch.equal(shifts.shifted(codes, labels, generator), codes), "nothing is known yet"
    shifts.see(codes, labels)
    moved = shifts.shifted(codes, labels, generator)
    assert torch.equal(moved[:, 0], codes[:, 0]) and torch.equal(moved[:, 1, :2], codes[:, 1, :2])
    steps = (moved - codes)[:, 1, 2] / 5
    assert (-steps[:10] >= REACH[0]).all() and (-steps[:10] <= REACH[1]).all()
    assert (steps[10:] >= REACH[0]).all() and (steps[10:] <= REACH[1]).all()
