"""Timing of several actions in alternation, robust against other load on the machine."""

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

ROUNDS = 3
"""Number of timed rounds. Medians are taken over the rounds, and ratios within a round, so that slow load changes of
the machine cancel."""


def time_rounds(
    actions: Mapping[str, Callable[[], object]], device: str, rounds: int = ROUNDS
) -> dict[str, NDArray[np.float64]]:
    """Run all actions in each round, after one untimed round as a warm-up.

    Args:
        actions: actions by name; their results are discarded.
        device: PyTorch device; each time includes the work that an action queued on it.
        rounds: number of timed rounds.

    Returns:
        Time in seconds of each action in each round, float64 (rounds,), by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for timed in (False, *[True] * rounds):
        for name, action in actions.items():
            _synchronize(device)
            began = time.perf_counter()
            action()
            _synchronize(device)
            if timed:
                seconds[name].append(time.perf_counter() - began)
    return {name: np.array(values) for name, values in seconds.items()}


def _synchronize(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)
