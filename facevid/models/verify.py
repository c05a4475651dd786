"""Checking a bundle against what was written: sizes, hashes, and tensors' names, shapes and numbers."""

from pathlib import Path

from facevid.models.bundle import read_bundle
from facevid.models.load import load_model


def verify_model(folder: Path) -> int:
    """Load a bundle, which checks all there is to check, and return the number of bytes of its weights.

    Raises:
        ModelError: a file is missing, changed or damaged, or the networks are not whole.
    """
    load_model(folder)
    return sum(part.record.bytes for part in read_bundle(folder).parts)
