"""The number of cores that a process may use."""

import os
import threading

import pytest

from facevid.utils.cores import core_count
from facevid.utils.prefetch import prefetch_map, worker_count


def test_omp_num_threads_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")
    assert core_count() == worker_count() == 1


def test_a_single_core_computes_on_the_thread_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert set(prefetch_map(lambda _: threading.get_ident(), range(3))) == {threading.get_ident()}


@pytest.mark.parametrize("invalid", ["", "many", "0", "-3"])
def test_an_invalid_limit_is_ignored(monkeypatch: pytest.MonkeyPatch, invalid: str) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    unlimited = core_count()
    monkeypatch.setenv("OMP_NUM_THREADS", invalid)
    assert core_count() == unlimited


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind a process to cores")
def test_a_process_uses_the_cores_it_is_bound_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert core_count() == 1
    finally:
        os.sched_setaffinity(0, allowed)
