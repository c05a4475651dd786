"""Loading of a network from a state dict: every tensor must have the right name, shape and format, and be finite."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from facevid.networks.shapes import shapes_of

_Network = TypeVar("_Network", bound=nn.Module)


def load_network(tensors: Mapping[str, Tensor], build: Callable[[dict[str, tuple[int, ...]]], _Network]) -> _Network:
    """Build a network on the meta device and assign the tensors to it, so that memory-mapped ones stay mapped.

    Args:
        tensors: the state dict.
        build: creates the network from the shapes of the tensors. It must have no buffers that are not in its state
            dict: these would have no data.

    Returns:
        The network in evaluation mode, without gradients.

    Raises:
        ValueError: a tensor is missing, unexpected, not finite, or has a wrong shape or number format.
        RuntimeError: PyTorch cannot build the network.
    """
    with torch.device("meta"), _SkipInitialization():
        network = build(shapes_of(tensors))
    check_state_dict(network.state_dict(), tensors)
    network.load_state_dict({key: finite_float32(key, tensor) for key, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)


def check_state_dict(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Check the names, shapes and number formats of a network's tensors.

    Args:
        expected: state dict of the network.
        given: tensors to load into it.

    Raises:
        ValueError: a tensor is missing, unexpected, or has a wrong shape or number format; names the first one.
    """
    for name, tensor in expected.items():
        if name not in given:
            if name.endswith("num_batches_tracked"):  # absent from files of early PyTorch versions, and unused here
                continue
            raise ValueError(f"tensor {name} is missing")
        shape = tuple(given[name].shape)
        if shape != tuple(tensor.shape):
            raise ValueError(f"tensor {name} has shape {shape}, expected {tuple(tensor.shape)}")
        if given[name].is_floating_point() != tensor.is_floating_point():
            raise ValueError(f"tensor {name} has type {given[name].dtype}, expected {tensor.dtype}")
    unexpected = [name for name in given if name not in expected]
    if unexpected:
        raise ValueError(f"tensor {unexpected[0]} is not part of this network")


def finite_float32(name: str, tensor: Tensor) -> Tensor:
    """Return a tensor as float32 if it is floating-point. Raises ValueError if it has numbers that are not finite."""
    if not tensor.is_floating_point():
        return tensor
    numbers = tensor.float()
    if not is_finite(numbers):
        raise ValueError(f"tensor {name} contains numbers that are not finite")
    return numbers


def is_finite(numbers: Tensor) -> bool:
    """Return whether all numbers of a tensor are finite.

    The sum is tested first because it needs no extra memory. A finite sum means finite numbers; a sum that is not
    finite may be an overflow, so the numbers are then tested one by one.
    """
    return bool(torch.isfinite(numbers.sum())) or bool(torch.isfinite(numbers).all())


class _SkipInitialization(TorchFunctionMode):
    """Skips the initialization of new parameters, which imports PyTorch's compiler on the meta device (seconds)."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.normal_ or getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
