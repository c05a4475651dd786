"""A check that a tensor is finite, used on weights and on computed results."""

import torch
from torch import Tensor


def is_finite(numbers: Tensor) -> bool:
    """Return whether all numbers of a tensor are finite.

    The sum is tested first because it needs no extra memory. A finite sum means finite numbers; a sum that is not
    finite may be an overflow, so the numbers are then tested one by one.
    """
    return bool(torch.isfinite(numbers.sum())) or bool(torch.isfinite(numbers).all())
