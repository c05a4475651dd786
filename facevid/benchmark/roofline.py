"""Roofline: the operations of a network, and the operations per second of a large matrix product on this machine.

Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures",
CACM 2009. Only the compute bound is measured, not the bound by memory bandwidth.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from facevid.models.model import PRECISIONS


@dataclass(frozen=True)
class MatrixProduct:
    """Product of two square random matrices.

    Attributes:
        size: side of the matrices: large enough to use the whole device, small enough to take some milliseconds.
        flops: floating-point operations of `run`; a multiplication and an addition count as two.
        run: computes the product.
    """

    size: int
    flops: float
    run: Callable[[], torch.Tensor]


def matrix_product(device: str, precision: str) -> MatrixProduct:
    """Return a matrix product on `device` in "float32", "float16" or "bfloat16"."""
    size = 1024 if device == "cpu" else 8192
    matrix = torch.rand(size, size, device=device).to(PRECISIONS[precision])

    def run() -> torch.Tensor:
        with _convolution_precision():
            return matrix @ matrix

    return MatrixProduct(size, 2.0 * size**3, run)


def count_flops(action: Callable[[], object]) -> int:
    """Count the floating-point operations of an action's convolutions and matrix products, with PyTorch's counter."""
    with FlopCounterMode(display=False) as counter:
        action()
    return int(counter.get_total_flops())


@contextmanager
def _convolution_precision() -> Iterator[None]:
    """Use TF32 in matrix products if convolutions use it, as they do on a GPU by default."""
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        matmul.allow_tf32 = before
