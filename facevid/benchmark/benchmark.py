"""`run_benchmark`: the speed of every stage on this machine, with a roofline for the networks."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.benchmark.loading import LoadTime, time_loading
from facevid.benchmark.memory import peak_memory
from facevid.benchmark.random_model import random_model
from facevid.benchmark.roofline import MatrixProduct, count_flops, matrix_product
from facevid.benchmark.sample import take_sample
from facevid.benchmark.stages import Stage, stages_with_face, stages_without_face
from facevid.benchmark.timing import ROUNDS, time_rounds
from facevid.benchmark.whole_edit import WholeEdit, time_whole_edit
from facevid.faces.landmarks import choose_detector
from facevid.models import load_model
from facevid.options import ComputeOptions
from facevid.utils.cores import core_count
from facevid.utils.device import choose_device, limit_threads

FULL_SIZE_FRAMES = 2
"""Frames that are timed with networks of the published widths on a CPU, which takes seconds for each."""

_PRODUCT = "matrix product"


@dataclass(frozen=True)
class StageSpeed:
    """Speed of one stage.

    Attributes:
        stage: name of the stage.
        items: number of frames or faces that were processed.
        seconds: median time for all items, in seconds.
        share: share of the total time of all stages, 0 to 1. Each stage counts once, although an edit decodes a clip
            up to four times.
        gflops: speed of a network, in 10^9 floating-point operations per second; None for other stages.
        roof_share: that speed relative to the matrix product's in the same round, median over the rounds.
    """

    stage: str
    items: int
    seconds: float
    share: float
    gflops: float | None
    roof_share: float | None

    @property
    def milliseconds(self) -> float:
        """Time for each item, in milliseconds."""
        return 1000 * self.seconds / self.items

    @property
    def per_second(self) -> float:
        """Items per second."""
        return self.items / self.seconds


@dataclass(frozen=True)
class Benchmark:
    """Result of a benchmark.

    Attributes:
        source: path of the clip, None for the synthetic one.
        width: width of its frames, in pixels.
        height: height of its frames, in pixels.
        model: name of the model.
        device: PyTorch device of the networks.
        precision: number format of the networks.
        detector: name of the landmark detector; None for the synthetic clip.
        rounds: number of timed rounds.
        product_size: side of the square matrices whose product is the roof.
        product_gflops: speed of that product, in 10^9 floating-point operations per second.
        stages: speed of each stage, in the order of an edit.
        peak_bytes: peak resident memory while the stages were timed, in bytes.
        loading: load time of the model; None for random weights.
        whole: a whole edit beside its floor; None without a clip, or for random weights.
    """

    source: Path | None
    width: int
    height: int
    model: str
    device: str
    precision: str
    detector: str | None
    rounds: int
    product_size: int
    product_gflops: float
    stages: tuple[StageSpeed, ...]
    peak_bytes: int
    loading: LoadTime | None
    whole: WholeEdit | None


def run_benchmark(
    source: Path | None = None,
    model: str | None = None,
    compute: ComputeOptions = ComputeOptions(),  # noqa: B008 -- immutable
    rounds: int = ROUNDS,
    size: int | None = None,
) -> Benchmark:
    """Time every stage of an edit on one batch of frames, and whole edits of the clip.

    Args:
        source: a clip whose first frames show a face. None for a synthetic clip of 1280 x 720 pixels without faces;
            the stages that need a face are then skipped.
        model: a name in the store, or a path; None is the bundled model.
        compute: device and precision of the networks; the batch size is the number of frames, but with `size` on a
            CPU there are `FULL_SIZE_FRAMES`.
        rounds: number of timed rounds.
        size: side of the generated face of a model with the published widths and random weights, one of
            `random_model.SIZES`, which replaces `model`; None times `model`.

    Raises:
        InputError: the clip cannot be read.
        NoFaceError: the clip's first frames show no face.
        ModelError: the model is missing or damaged, or lacks a network that an edit needs.
        UsageError: the device does not exist.
    """
    device = choose_device(compute.device)
    loaded = random_model(size, device, compute.precision) if size else load_model(model, device, compute.precision)
    limit_threads(1 if loaded.is_small else core_count())
    detector = choose_detector("auto", device).detector if source else None
    with tempfile.TemporaryDirectory(prefix="facevid-bench-") as folder:
        count = FULL_SIZE_FRAMES if size and device == "cpu" else compute.batch_size
        sample = take_sample(source, count, Path(folder))
        stages = stages_without_face(sample, loaded) if detector is None else stages_with_face(sample, loaded, detector)
        product = matrix_product(device, loaded.precision)
        actions = {_PRODUCT: product.run} | {stage.name: stage.run for stage in stages}
        seconds = time_rounds(actions, device, rounds)
        speeds = _speeds(stages, seconds, product)
    info = sample.clip.info
    return Benchmark(
        source,
        info.width,
        info.height,
        loaded.name,
        device,
        loaded.precision,
        None if detector is None else detector.name,
        rounds,
        product.size,
        product.flops / float(np.median(seconds[_PRODUCT])) / 1e9,
        speeds,
        peak_memory(),
        None if size else time_loading(model, device, compute.precision, rounds),
        None if size or source is None else time_whole_edit(source, model, compute, rounds),
    )


def _speeds(
    stages: list[Stage], seconds: Mapping[str, NDArray[np.float64]], product: MatrixProduct
) -> tuple[StageSpeed, ...]:
    medians = {stage.name: float(np.median(seconds[stage.name])) for stage in stages}
    whole = sum(medians.values())
    product_rates = product.flops / seconds[_PRODUCT]
    speeds = []
    for stage in stages:
        median = medians[stage.name]
        gflops = roof_share = None
        if stage.is_network:
            flops = count_flops(stage.run)
            gflops = flops / median / 1e9
            roof_share = float(np.median(flops / seconds[stage.name] / product_rates))
        speeds.append(StageSpeed(stage.name, stage.items, median, median / whole, gflops, roof_share))
    return tuple(speeds)
