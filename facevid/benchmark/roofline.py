"""The roofline: operations that a network needs, and how many a second this machine reaches in a matrix product.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures",
CACM 2009. Only its flat part is drawn: what memory allows is not measured.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from facevid.models.model import PRECISIONS


@dataclass(frozen=True)
class MatrixProduct:
    """The product of two square matrices of random numbers.

    Attributes:
        size: side of the matrices: large enough that the device is busy, small enough to take some milliseconds.
        flops: floating-point operations of `run`, a multiplication and an addition counted as two.
    """

    size: int
    flops: float
    run: Callable[[], torch.Tensor]


def matrix_product(device: str, precision: str) -> MatrixProduct:
    """Make a matrix product on `device` in "float32", "float16" or "bfloat16"."""
    size = 1024 if device == "cpu" else 8192
    matrix = torch.rand(size, size, device=device).to(PRECISIONS[precision])

    def run() -> torch.Tensor:
        with _as_convolutions():
            return matrix @ matrix

    return MatrixProduct(size, 2.0 * size**3, run)


def count_flops(action: Callable[[], object]) -> int:
    """Count the floating-point operations of an action's convolutions and matrix products, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter:
        action()
    return int(counter.get_total_flops())


@contextmanager
def _as_convolutions() -> Iterator[None]:
    """Round float32 in matrix products as in convolutions, which a GPU computes in TF32 by default, products not."""
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        matmul.allow_tf32 = before
