"""Infer network sizes from the tensor shapes of a state dict.

Implausible shapes are rejected before a network is built, so a damaged file cannot cause a huge allocation.
"""

import re
from collections.abc import Mapping

import torch

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor of a state dict, by name."""

MAX_SIDE = 65536
"""Largest accepted tensor dimension. The largest in use is 27648: the colour values of an appearance model."""


def shapes_of(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a state dict, without reading tensor data."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def shape_at(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    """Return the shape of one tensor.

    Raises:
        ValueError: the tensor is missing, does not have `dimensions` dimensions, or has one above `MAX_SIDE`.
    """
    if name not in shapes:
        raise ValueError(f"tensor {name} is missing")
    shape = shapes[name]
    if len(shape) != dimensions or not all(1 <= side <= MAX_SIDE for side in shape):
        raise ValueError(
            f"tensor {name} has shape {shape}; {dimensions} dimensions of 1 to {MAX_SIDE} each are expected"
        )
    return shape


def count_indexed(shapes: Shapes, pattern: str, limit: int) -> int:
    """Return the number of modules in a module list, from the names of their tensors.

    Args:
        shapes: shape of each tensor, by name.
        pattern: regular expression of a tensor name; its only group is the index in the list.
        limit: largest accepted number of modules.

    Raises:
        ValueError: there are no such tensors, more than `limit`, or their indices are not 0, 1, 2, ...
    """
    expression = re.compile(pattern)
    indices = {int(match[1]) for name in shapes if (match := expression.fullmatch(name))}
    readable = pattern.replace(r"(\d+)", "<i>").replace("\\", "")
    if not indices:
        raise ValueError(f"tensors {readable} are missing")
    if len(indices) > limit:
        raise ValueError(f"there are {len(indices)} tensors {readable}; at most {limit} are expected")
    if indices != set(range(len(indices))):
        missing = min(set(range(max(indices))) - indices)
        raise ValueError(f"tensor {readable.replace('<i>', str(missing))} is missing")
    return len(indices)


def power_of_two(value: int, description: str, largest: int) -> int:
    """Return `value` unchanged.

    Raises:
        ValueError: `value` is not a power of two from 1 to `largest`. The message begins with `description`.
    """
    if value < 1 or value & (value - 1) or value > largest:
        raise ValueError(f"{description} is {value}; a power of two up to {largest} is expected")
    return value
