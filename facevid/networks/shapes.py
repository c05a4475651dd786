"""Reading sizes off the shapes of a state dict, refusing absurd ones before any memory is allocated for them."""

import re
from collections.abc import Mapping

import torch

Shapes = Mapping[str, tuple[int, ...]]

MAX_SIDE = 65536
"""No dimension of a network's tensor comes near this; an appearance model's 27648 numbers of colour are the longest."""


def shapes_of(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a state dict; no tensor's data is read."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def shape_at(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    """Return one tensor's shape. Raises ValueError where it is missing, of another rank, or of absurd size."""
    if name not in shapes:
        raise ValueError(f"tensor {name} is missing")
    shape = shapes[name]
    if len(shape) != dimensions or not all(1 <= side <= MAX_SIDE for side in shape):
        raise ValueError(f"tensor {name} has the shape {shape}, which no such network has")
    return shape


def count_indexed(shapes: Shapes, pattern: str, limit: int) -> int:
    """Count a list of modules: the indices that `pattern` (one group, the index) finds must be 0, 1, 2, ...

    Raises ValueError where there are none, a gap, or more than `limit`.
    """
    expression = re.compile(pattern)
    found = {int(match[1]) for name in shapes if (match := expression.fullmatch(name))}
    readable = pattern.replace(r"(\d+)", "<i>").replace("\\", "")
    if not found:
        raise ValueError(f"tensors {readable} are missing")
    if len(found) > limit:
        raise ValueError(f"there are {len(found)} tensors {readable}; at most {limit} are expected")
    if found != set(range(len(found))):
        missing = min(set(range(max(found))) - found)
        raise ValueError(f"tensor {readable.replace('<i>', str(missing))} is missing")
    return len(found)


def power_of_two(value: int, what: str, largest: int) -> int:
    """Return `value` if it is a power of two up to `largest`, else raise ValueError saying `what` it is."""
    if value < 1 or value & (value - 1) or value > largest:
        raise ValueError(f"{what} is {value}; a power of two up to {largest} is expected")
    return value
