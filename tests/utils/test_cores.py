"""The number of cores that a process may use."""

import os
import signal
import threading
import time

import pytest

from facevid.utils.cores import core_count
from facevid.utils.prefetch import prefetch_map, worker_count


def test_omp_num_threads_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")
    assert core_count() == worker_count() == 1


def test_a_single_core_computes_on_the_thread_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert set(prefetch_map(lambda _: threading.get_ident(), range(3))) == {threading.get_ident()}


def test_stages_that_feed_each_other_share_the_threads_of_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    threads = set()

    def add_one(number: int) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.001)  # long enough for a second thread to take the next number
        return number + 1

    assert [*prefetch_map(add_one, prefetch_map(add_one, range(20)))] == [*range(2, 22)]
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_the_end_of_prefetching_waits_for_the_calls_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    ended = []

    def end_later(number: int) -> None:
        time.sleep(0.02 * number)
        ended.append(number)

    results = prefetch_map(end_later, range(10))
    next(results)
    results.close()
    count = len(ended)
    time.sleep(0.1)
    assert 1 <= len(ended) == count < 10


def test_an_interruption_waits_for_the_calls_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    ended = []

    def interrupt_first(number: int) -> None:
        time.sleep(0.02)
        if number == 0:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.2)  # longer than the other calls
        ended.append(number)

    with pytest.raises(KeyboardInterrupt):
        [*prefetch_map(interrupt_first, range(10))]
    assert 0 in ended


def test_prefetching_works_inside_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the pool's threads would otherwise wait for calls that no thread is left for."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    totals = prefetch_map(lambda count: sum(prefetch_map(lambda number: number, range(count))), range(8))
    assert [*totals] == [0, 0, 1, 3, 6, 10, 15, 21]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert [*prefetch_map(str, range(3))] == ["0", "1", "2"]
    process = os.fork()
    if process == 0:
        count = 0
        try:
            signal.alarm(5)  # ends a process that waits forever
            count = len([*prefetch_map(str, range(3))])
        finally:
            os._exit(count)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 3


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
