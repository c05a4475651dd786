"""Timing several actions beside each other on a machine that may be shared and noisy."""

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

ROUNDS = 3
"""How often everything is timed. Medians are taken over the rounds, and ratios within one round."""


def time_rounds(
    actions: Mapping[str, Callable[[], object]], device: str, rounds: int = ROUNDS
) -> dict[str, NDArray[np.float64]]:
    """Run all actions one after another, again in each round; a first round warms up and is not timed.

    Args:
        actions: by name; what they return is dropped.
        device: as PyTorch names it; each time includes what was left to it to do.

    Returns:
        by name, seconds in each round, float64 (rounds,).
    """
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for timed in (False, *[True] * rounds):
        for name, action in actions.items():
            _finish(device)
            began = time.perf_counter()
            action()
            _finish(device)
            if timed:
                seconds[name].append(time.perf_counter() - began)
    return {name: np.array(values) for name, values in seconds.items()}


def _finish(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)
