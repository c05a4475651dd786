"""Time to load a model, compared with the time to read its files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facevid.benchmark.timing import ROUNDS, time_rounds
from facevid.models import load_model
from facevid.models.bundle import read_bundle
from facevid.models.model import FaceModel
from facevid.models.store import locate

_CHUNK_BYTES = 8 << 20
"""Bytes read at once."""


@dataclass(frozen=True)
class LoadTime:
    """Time to load a model and to read its files.

    The files are in the system's page cache, because they were read just before. The first load from a cold disk takes
    as long as the disk needs to read `bytes`.

    Attributes:
        bytes: total size of the files, in bytes.
        read_seconds: median time to read the files, in seconds.
        load_seconds: median time of `load_model` and of one access to every weight, in seconds. The access is included
            because the files are memory-mapped and would otherwise be read when the networks first run.
        ratio: load time divided by read time, median over the rounds.
    """

    bytes: int
    read_seconds: float
    load_seconds: float
    ratio: float


def time_loading(
    model: str | Path | None, device: str = "cpu", precision: str = "float32", rounds: int = ROUNDS
) -> LoadTime:
    """Time `load_model` and plain reading of the same files, alternately.

    Raises:
        ModelError: the model is missing or damaged.
    """
    path = locate(model)
    files = [path / part.file for part in read_bundle(path).parts] if path.is_dir() else [path]
    seconds = time_rounds(
        {
            "read": lambda: _read(files),
            "load": lambda: _touch(load_model(model, device, precision)),
        },
        device,
        rounds,
    )
    return LoadTime(
        sum(file.stat().st_size for file in files),
        float(np.median(seconds["read"])),
        float(np.median(seconds["load"])),
        float(np.median(seconds["load"] / seconds["read"])),
    )


def _read(files: list[Path]) -> None:
    buffer = bytearray(_CHUNK_BYTES)
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def _touch(model: FaceModel) -> None:
    for network in (model.generator, model.encoder, model.classifier, model.appearance, model.occlusion):
        for tensor in network.state_dict().values() if network else ():
            tensor.sum()
