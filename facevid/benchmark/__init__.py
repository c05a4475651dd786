"""Speed of facevid on this machine: the stages of an edit, with a roofline, and the loading of models."""

from facevid.benchmark.benchmark import Benchmark, StageSpeed, run_benchmark
from facevid.benchmark.full_size import FullSize, measure_full_size
from facevid.benchmark.loading import LoadTime, time_loading
from facevid.benchmark.random_model import SIZES
from facevid.benchmark.whole_edit import WholeEdit

__all__ = [
    "SIZES",
    "Benchmark",
    "FullSize",
    "LoadTime",
    "StageSpeed",
    "WholeEdit",
    "measure_full_size",
    "run_benchmark",
    "time_loading",
]
