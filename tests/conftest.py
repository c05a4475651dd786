"""What all tests share: where the reference data lies."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data, which is not part of the project; skip where it is absent."""
    root = Path(os.environ.get("FACEVID_SHARED", Path(__file__).parents[2] / "shared"))
    if not root.is_dir():
        pytest.skip(f"needs the reference data in {root} (or set FACEVID_SHARED)")
    return root
