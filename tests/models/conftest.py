"""Fixtures of the model tests."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a model store of its own, and return its folder."""
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
