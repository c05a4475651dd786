"""Checking a bundle against what was written: sizes, hashes, and tensors' names and shapes."""

from pathlib import Path

from facevid.errors import ModelError
from facevid.models.bundle import read_bundle, record_file
from facevid.models.load import load_model


def verify_model(folder: Path) -> int:
    """Check a bundle's files by size and SHA-256, then load it strictly; return the number of bytes checked.

    Raises:
        ModelError: a file is missing, changed or damaged, or the networks are not whole.
    """
    bundle = read_bundle(folder)
    total = 0
    for part in bundle.parts:
        path = folder / part.record.file
        try:
            found = record_file(path)
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror}); import the weights again") from error
        if found != part.record:
            raise ModelError(f"{path}: changed since it was imported (its SHA-256 differs); import the weights again")
        total += found.bytes
    load_model(folder)
    return total
