"""Run networks on batches of one fixed size, so that a result does not depend on what else is in its batch.

Libraries of linear algebra choose their method, and with it the rounding, by the size of the batch. A face would look
different by a rounding step when a clip is divided in another way.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def in_fixed_batches(network: Callable[..., Sequence[Tensor]], size: int | None, *inputs: Tensor) -> Sequence[Tensor]:
    """Apply a network to batches of exactly `size` rows, of which the last one is padded.

    Args:
        network: maps tensors of N rows to tensors of N rows, each row on its own.
        size: rows in a batch; None for all rows at once.
        inputs: (N, ...) each.

    Returns:
        The outputs, (N, ...) each.
    """
    count = len(inputs[0])
    if size is None or count == size or not count:
        return network(*inputs)
    outputs = [network(*(_rows(each, start, size) for each in inputs)) for start in range(0, count, size)]
    return [torch.cat([*parts])[:count] for parts in zip(*outputs, strict=True)]


def _rows(values: Tensor, start: int, size: int) -> Tensor:
    """Return `size` rows from `start` on; beyond the end the last row is repeated."""
    return values[torch.arange(start, start + size, device=values.device).clamp(max=len(values) - 1)]
