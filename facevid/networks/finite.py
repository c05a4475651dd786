"""Telling numbers that are not finite, of weights and of what is computed with them."""

import torch
from torch import Tensor


def is_finite(numbers: Tensor) -> bool:
    """Return whether all numbers are finite: their sum is then, except for huge ones; it takes no memory."""
    return bool(torch.isfinite(numbers.sum())) or bool(torch.isfinite(numbers).all())
