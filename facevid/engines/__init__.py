"""Engines: run one function on many tasks, on the processes of this machine or on a Ray cluster.

    with open_engine(EngineOptions(workers=4)) as engine:
        for outcome in engine.run(edit_shot, tasks):
            print(outcome.index, outcome.result())

Functions must be importable by their name, and tasks and results picklable and small: paths, options, frame ranges.
Large inputs and results are files, on storage that all workers share.
"""

from facevid.engines.engine import Engine, InProcessEngine, TaskOutcome
from facevid.engines.local import LocalEngine
from facevid.options import EngineOptions

__all__ = ["Engine", "EngineOptions", "InProcessEngine", "LocalEngine", "TaskOutcome", "open_engine"]


def open_engine(options: EngineOptions, gpus: int = 0) -> Engine:
    """Choose the engine that options name. It is a context manager; leaving it ends its workers.

    Args:
        options: the engine, the number of workers, and the address of a Ray cluster.
        gpus: number of this machine's GPUs to divide among local workers. On a cluster, any number above 0 reserves a
            GPU for each task where the cluster has GPUs.

    Raises:
        UsageError: an address without Ray, or Ray is not installed.
        EngineError: there is no Ray cluster at the address.
    """
    if options.engine == "ray":
        from facevid.engines.ray_cluster import RayEngine

        return RayEngine(options.address, options.workers, uses_gpus=gpus > 0)
    return LocalEngine(options.workers or 1, gpus)
