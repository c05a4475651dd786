"""Counting floating-point operations, and the matrix product of the roofline."""

import pytest
import torch
import torch.nn.functional as F

from facevid.benchmark.roofline import count_flops, matrix_product


def test_flops_are_two_for_each_multiplication_and_addition() -> None:
    x, filters = torch.rand(2, 3, 8, 8), torch.rand(5, 3, 3, 3)
    assert count_flops(lambda: torch.rand(4, 6) @ torch.rand(6, 7)) == 2 * 4 * 6 * 7
    assert count_flops(lambda: F.conv2d(x, filters, padding=1)) == 2 * 2 * 8 * 8 * 5 * 3 * 9
    larger = count_flops(lambda: F.conv_transpose2d(x, filters.transpose(0, 1), stride=2))
    assert larger == 2 * 2 * 8 * 8 * 5 * 3 * 9  # one filter for each sample of the input


def test_flops_of_depthwise_convolutions() -> None:
    """The generator blurs with them."""
    assert count_flops(lambda: F.conv2d(torch.rand(1, 6, 8, 8), torch.rand(6, 1, 3, 3), groups=6)) == 2 * 6 * 6 * 6 * 9


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_matrix_product(precision: str) -> None:
    product = matrix_product("cpu", precision)
    result = product.run()
    assert result.shape == (product.size, product.size)
    assert str(result.dtype) == f"torch.{precision}"
    assert count_flops(product.run) == product.flops
