"""Time and memory to import and load a model of the published size, with random weights."""

import multiprocessing
import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch

from facevid.benchmark.loading import LoadTime, time_loading
from facevid.benchmark.memory import peak_memory
from facevid.benchmark.timing import ROUNDS
from facevid.errors import OutputError, reason
from facevid.models.importing import import_model
from facevid.networks import Encoder, EncoderSizes, Generator, GeneratorSizes

PUBLISHED_ENCODER = EncoderSizes(256, 64, ((64, 3), (128, 4), (256, 14), (512, 3)), 18, 512, e4e=False)
"""Encoder of pSp's published checkpoint for faces: 267 million parameters, codes of 18 x 512."""

PUBLISHED_GENERATOR = GeneratorSizes((512, 512, 512, 512, 512, 256, 128, 64, 32), 512)
"""Generator of the same checkpoint: StyleGAN2 at 1024 px."""

DISK_FACTOR = 2.5
"""Free disk space required, as a multiple of the checkpoint's size: the checkpoint, the bundle, and a reserve."""


@dataclass(frozen=True)
class FullSize:
    """Time and memory to import and load a model of the published size.

    Attributes:
        encoder_parameters: number of parameters of the encoder.
        checkpoint_bytes: size of the imported checkpoint, in bytes.
        import_seconds: time to import it, in seconds, without the start of Python.
        import_peak_bytes: peak resident memory of the importing process, in bytes, including mapped file pages.
        loading: load time of the imported bundle.
    """

    encoder_parameters: int
    checkpoint_bytes: int
    import_seconds: float
    import_peak_bytes: int
    loading: LoadTime


def measure_full_size(
    encoder: EncoderSizes = PUBLISHED_ENCODER, generator: GeneratorSizes = PUBLISHED_GENERATOR, rounds: int = ROUNDS
) -> FullSize:
    """Write a random pSp checkpoint, import it in a child process, load the bundle, and delete all files.

    The files are in a temporary folder (below TMPDIR) and take about 2.4 GB with the published sizes.

    Raises:
        OutputError: the disk space or the memory is insufficient.
    """
    temporary = Path(tempfile.gettempdir())
    needed, free = DISK_FACTOR * _bytes_of(encoder, generator), shutil.disk_usage(temporary).free
    if free < needed:
        raise OutputError(
            f"{temporary}: {free / 1e9:.1f} GB are free, but a full-size model needs {needed / 1e9:.1f} GB; "
            "free some space, or set TMPDIR to a folder on a larger disk"
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
    """Write a pSp checkpoint of random weights, and return the number of parameters of its encoder.

    The networks' tensors are saved without a copy, so that they are in memory once.
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
            f"{checkpoint}: its import was killed, probably for lack of memory; free some memory and try again"
        ) from error


def _import(checkpoint: Path, home: Path) -> _Imported:
    """Import the checkpoint into a separate store. Runs in the child process."""
    os.environ["FACEVID_HOME"] = str(home)
    began = time.perf_counter()
    folder = import_model([checkpoint], "full-size")
    return _Imported(folder, time.perf_counter() - began, peak_memory())


def _bytes_of(encoder: EncoderSizes, generator: GeneratorSizes) -> int:
    with torch.device("meta"):
        networks = (Encoder(encoder), Generator(generator))
    return sum(t.numel() * t.element_size() for network in networks for t in network.state_dict().values())
