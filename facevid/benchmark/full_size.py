"""Importing and loading a model of the published size, without the published weights: random ones take their place."""

import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch

from facevid.benchmark.loading import LoadTime, time_loading
from facevid.benchmark.timing import ROUNDS
from facevid.errors import OutputError, reason
from facevid.models.importing import import_model
from facevid.networks import Encoder, EncoderSizes, Generator, GeneratorSizes

PUBLISHED_ENCODER = EncoderSizes(256, 64, ((64, 3), (128, 4), (256, 14), (512, 3)), 18, 512, e4e=False)
PUBLISHED_GENERATOR = GeneratorSizes((512, 512, 512, 512, 512, 256, 128, 64, 32), 512)
"""Sizes of pSp's published file for faces: 267 million encoder parameters, 1024 px, 18 codes of 512 numbers."""

DISK_NEEDED = 2.5
"""Space to be free, in sizes of the checkpoint: itself, the bundle made of it, and some to spare."""


@dataclass(frozen=True)
class FullSize:
    """What a model of the published size costs.

    Attributes:
        encoder_parameters: how many numbers the encoder learns.
        checkpoint_bytes: size of the checkpoint imported.
        import_seconds: time to import it, without that to start Python.
        import_peak_bytes: most memory that the importing process had resident, mapped pages of the files included.
        loading: the imported bundle's load time.
    """

    encoder_parameters: int
    checkpoint_bytes: int
    import_seconds: float
    import_peak_bytes: int
    loading: LoadTime


def measure_full_size(
    encoder: EncoderSizes = PUBLISHED_ENCODER, generator: GeneratorSizes = PUBLISHED_GENERATOR, rounds: int = ROUNDS
) -> FullSize:
    """Write a random pSp checkpoint, import it in a process of its own, load the bundle, and remove all.

    Everything lies in a temporary folder (TMPDIR says where), about 2.4 GB with the published sizes.

    Raises:
        OutputError: there is too little space, or memory.
    """
    temporary = Path(tempfile.gettempdir())
    needed, free = DISK_NEEDED * _bytes_of(encoder, generator), shutil.disk_usage(temporary).free
    if free < needed:
        raise OutputError(
            f"{temporary}: {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} GB are needed for a full-size model; "
            "free some space, or set TMPDIR to a folder of a larger disk"
        )
    with tempfile.TemporaryDirectory(prefix="facevid-bench-") as folder:
        checkpoint = Path(folder) / "psp.pt"
        parameters = write_checkpoint(checkpoint, encoder, generator)
        imported = _import_in_child(checkpoint, Path(folder) / "home")
        return FullSize(
            parameters,
            checkpoint.stat().st_size,
            imported.seconds,
            imported.peak_bytes,
            time_loading(imported.folder, rounds=rounds),
        )


def write_checkpoint(path: Path, encoder_sizes: EncoderSizes, generator_sizes: GeneratorSizes) -> int:
    """Write a pSp checkpoint of random weights and return its encoder's number of parameters.

    The tensors written are the networks' own, so that they are in memory once.
    """
    encoder, generator = Encoder(encoder_sizes), Generator(generator_sizes)
    content = {
        "state_dict": {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
        | {f"decoder.{name}": tensor for name, tensor in generator.state_dict().items()},
        "latent_avg": torch.zeros(encoder_sizes.layers, encoder_sizes.width),
        "opts": {"encoder_type": "GradualStyleEncoder", "start_from_latent_avg": True},
    }
    try:
        torch.save(content, path)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); free some space, or set TMPDIR") from error
    return sum(parameter.numel() for parameter in encoder.parameters())


@dataclass(frozen=True)
class _Imported:
    folder: Path
    seconds: float
    peak_bytes: int


def _import_in_child(checkpoint: Path, home: Path) -> _Imported:
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
            return child.submit(_import, checkpoint, home).result()
    except BrokenProcessPool as error:
        raise OutputError(
            f"{checkpoint}: the system ended its import, most likely for lack of memory; free some, and try again"
        ) from error


def _import(checkpoint: Path, home: Path) -> _Imported:
    """Import into a store of its own. Runs in the child."""
    os.environ["FACEVID_HOME"] = str(home)
    began = time.perf_counter()
    folder = import_model([checkpoint], "full-size")
    return _Imported(folder, time.perf_counter() - began, _peak_memory())


def _peak_memory() -> int:
    """Return the most memory, in bytes, that this process ever had resident.

    Linux's `ru_maxrss` would do only for want of better: a child takes over the peak of the process that started it.
    """
    status = Path("/proc/self/status")
    peak = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    if peak is not None:
        return int(peak[1]) * 1024
    import resource  # absent on Windows

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def _bytes_of(encoder: EncoderSizes, generator: GeneratorSizes) -> int:
    with torch.device("meta"):
        networks = (Encoder(encoder), Generator(generator))
    return sum(t.numel() * t.element_size() for network in networks for t in network.state_dict().values())
