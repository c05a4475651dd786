"""Speed of facevid on this machine: the stages of an edit, with a roofline, and the loading of models."""

from facevid.benchmark.benchmark import Benchmark, StageSpeed, run_benchmark
from facevid.benchmark.full_size import FullSize, measure_full_size
from facevid.benchmark.loading import LoadTime, time_loading

__all__ = [
    "Benchmark",
    "FullSize",
    "LoadTime",
    "StageSpeed",
    "measure_full_size",
    "run_benchmark",
    "time_loading",
]
