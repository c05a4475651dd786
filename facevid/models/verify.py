"""Verification of a bundle: file sizes and hashes, and the names, shapes and values of tensors."""

from pathlib import Path

from facevid.models.bundle import read_bundle
from facevid.models.load import load_model


def verify_model(folder: Path) -> int:
    """Load a bundle, which performs all checks, and return the size of its weights in bytes.

    Raises:
        ModelError: a file is missing, changed or damaged, or a network is incomplete.
    """
    load_model(folder)
    return sum(part.bytes for part in read_bundle(folder).parts)
