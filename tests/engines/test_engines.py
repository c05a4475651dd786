"""The same tests for every engine: local processes, and a Ray cluster where Ray is installed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facevid.engines import Engine, EngineOptions, InProcessEngine, LocalEngine, open_engine
from facevid.errors import EngineError, UsageError
from tests.engines import tasks


@pytest.fixture(scope="module")
def local() -> Iterator[Engine]:
    with LocalEngine(2) as engine:
        yield engine


@pytest.fixture(scope="module")
def ray(ray_cluster: str) -> Iterator[Engine]:
    with open_engine(EngineOptions("ray", workers=2, address=ray_cluster)) as engine:
        yield engine


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return each engine in turn."""
    chosen: Engine = request.getfixturevalue(request.param)
    return chosen


def test_every_task_has_one_outcome(engine: Engine) -> None:
    outcomes = list(engine.run(tasks.square, range(10)))
    assert {outcome.index: outcome.result() for outcome in outcomes} == {i: i * i for i in range(10)}
    assert len(outcomes) == 10
    assert list(engine.run(tasks.square, [])) == []


def test_two_tasks_run_at_the_same_time(engine: Engine) -> None:
    processes = {outcome.result() for outcome in engine.run(tasks.process_id, range(6))}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_an_exception_ends_its_task_only(engine: Engine) -> None:
    outcomes = sorted(engine.run(tasks.refuse_odd_numbers, range(4)), key=lambda outcome: outcome.index)
    assert [outcome.value for outcome in outcomes] == [0, None, 2, None]
    with pytest.raises(ValueError, match="3"):
        outcomes[3].result()


def test_a_task_whose_worker_was_killed_runs_again(engine: Engine, tmp_path: Path) -> None:
    names = [tmp_path / name for name in "abc"]
    assert sorted(outcome.result() for outcome in engine.run(tasks.die_the_first_time, names)) == ["a", "b", "c"]


def test_a_task_that_kills_every_worker_fails(engine: Engine) -> None:
    (outcome,) = engine.run(tasks.die_always, [0])
    assert isinstance(outcome.error, EngineError)
    assert [each.result() for each in engine.run(tasks.square, [3])] == [9]


def test_leaving_early_interrupts_what_runs(engine: Engine, tmp_path: Path) -> None:
    """Tasks get the chance to delete their files, and end long before their minute is over."""
    began = time.monotonic()
    files = [tmp_path / "a", tmp_path / "b"]
    outcomes = engine.run(tasks.wait_and_clean_up, [*files, tmp_path / "c"])
    with pytest.raises(KeyboardInterrupt):
        _interrupt_when(files, outcomes)
    assert time.monotonic() - began < 30
    assert list(tmp_path.iterdir()) == []


def _interrupt_when(files: list[Path], outcomes: Iterator[object]) -> None:
    """Raise KeyboardInterrupt while the main thread waits for outcomes, as Ctrl-C does, when all files exist."""
    code = f"import os, pathlib, signal, time\nfiles = {[str(path) for path in files]}\n"
    code += "while not all(pathlib.Path(path).exists() for path in files): time.sleep(0.05)\n"
    code += f"os.kill({os.getpid()}, signal.SIGINT)\n"
    with subprocess.Popen([sys.executable, "-c", code]):
        next(outcomes)


def test_local_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with LocalEngine(1) as engine:
        (outcome,) = engine.run(tasks.thread_count, [0])
    assert outcome.result() == str(len(os.sched_getaffinity(0)))
    assert "OMP_NUM_THREADS" not in os.environ


def test_the_engine_in_this_process_runs_tasks_in_order() -> None:
    with InProcessEngine() as engine:
        assert [outcome.value for outcome in engine.run(tasks.refuse_odd_numbers, range(3))] == [0, None, 2]


def test_ray_that_is_not_installed_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"facevid\[ray\]"):
        open_engine(EngineOptions("ray"))


@pytest.mark.ray
def test_a_missing_ray_cluster_is_an_engine_error() -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:1"):
        open_engine(EngineOptions("ray", address="127.0.0.1:1"))
