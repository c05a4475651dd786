"""`run_benchmark`: the speed of every stage on this machine, with the roofline beside the networks."""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.benchmark.loading import LoadTime, time_loading
from facevid.benchmark.roofline import MatrixProduct, count_flops, matrix_product
from facevid.benchmark.sample import take_sample
from facevid.benchmark.stages import Stage, stages_with_face, stages_without_face
from facevid.benchmark.timing import ROUNDS, time_rounds
from facevid.faces.landmarks import choose_detector
from facevid.models import load_model
from facevid.options import ComputeOptions
from facevid.utils.device import choose_device

_PRODUCT = "matrix product"


@dataclass(frozen=True)
class StageSpeed:
    """How fast one stage is.

    Attributes:
        stage: its name.
        items: frames, or faces from `crop` to `shape`, that it was timed with.
        seconds: median time for all of them.
        share: of the sum over all stages, each passed once. An edit passes some more often: it decodes three times.
        gflops: 10^9 floating-point operations a second reached, for the networks; else None.
        roof_share: the same as a share of what a matrix product reached in the same round; median over the rounds.
    """

    stage: str
    items: int
    seconds: float
    share: float
    gflops: float | None
    roof_share: float | None

    @property
    def milliseconds(self) -> float:
        """Time for one item, in milliseconds."""
        return 1000 * self.seconds / self.items

    @property
    def per_second(self) -> float:
        """Items a second."""
        return self.items / self.seconds


@dataclass(frozen=True)
class Benchmark:
    """The speed of facevid on one machine, at one time.

    Attributes:
        source: the clip, None for the one made here.
        width, height: of its frames, in pixels.
        detector: which landmark detector ran; None without a face.
        product_size: side of the matrices whose product is the roof.
        product_gflops: 10^9 floating-point operations a second that it reached.
        stages: in the order of an edit.
        loading: the model's load time.
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
    loading: LoadTime


def run_benchmark(
    source: Path | None = None,
    model: str | None = None,
    compute: ComputeOptions = ComputeOptions(),  # noqa: B008 -- immutable
    rounds: int = ROUNDS,
) -> Benchmark:
    """Time every stage of an edit on one batch of frames.

    Args:
        source: a clip whose first frames show a face. None for a clip without one, of 1280 x 720 pixels, made for
            the purpose; the stages that need a face are left out.
        model: a name in the store, or a path; None is the bundled model.
        compute: where the networks run, in which precision, and how many frames are timed.
        rounds: how often everything is timed.

    Raises:
        InputError: the clip cannot be read.
        NoFaceError: the clip's first frames show no face.
        ModelError: the model is missing, damaged, or lacks what an edit needs.
        UsageError: no such device.
    """
    device = choose_device(compute.device)
    loaded = load_model(model, device, compute.precision)
    detector = choose_detector("auto", device).detector if source else None
    with tempfile.TemporaryDirectory(prefix="facevid-bench-") as folder, ThreadPoolExecutor() as pool:
        sample = take_sample(source, compute.batch_size, Path(folder))
        if detector is None:
            stages = stages_without_face(sample, loaded)
        else:
            stages = stages_with_face(sample, loaded, detector, pool)
        product = matrix_product(device, compute.precision)
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
        compute.precision,
        None if detector is None else detector.name,
        rounds,
        product.size,
        product.flops / float(np.median(seconds[_PRODUCT])) / 1e9,
        speeds,
        time_loading(model, device, compute.precision, rounds),
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
