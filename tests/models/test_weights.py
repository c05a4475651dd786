"""Reading weights files: no code in them runs, and errors name the file."""

import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facevid.errors import ModelError
from facevid.models.weights import is_page, read_weights


class Evil:
    """Creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("form", ["zip", "legacy", "plain", "ascii", "object array"])
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, form: str) -> None:
    created, path = tmp_path / "created", tmp_path / "evil.pt"
    content = {"state_dict": Evil(created)}
    if form in ("zip", "legacy"):
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    elif form == "object array":
        with path.open("wb") as file:
            np.save(file, np.array([Evil(created)], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(content, protocol=0 if form == "ascii" else 4))
    with pytest.raises(ModelError, match=r"evil\.pt: ") as caught:
        read_weights(path)
    assert not created.exists()
    if form != "object array":
        assert "mkdir" in str(caught.value)


def test_nvidias_pickles_are_refused_with_a_way_to_convert_them(tmp_path: Path) -> None:
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\nq\x00.")
    with pytest.raises(ModelError, match=r"ffhq\.pkl: .*convert_weight\.py"):
        read_weights(path)


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><title>Quota exceeded</title>",
        b"\xef\xbb\xbf\n<html>Quota exceeded</html>",
        b"",
        b"hello world, these are no weights",
        b"PK\x03\x04 cut short",
        b"\x93NUMPY\x01\x00",
        b"\xff\x00\x00\x00\x00\x00\x00\x00{",
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.pt: "):
        read_weights(path)
    assert is_page(content) == (b"html" in content)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_truncated_file(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "cut.pt"
    torch.save({"w": torch.randn(1000)}, path, _use_new_zipfile_serialization=not legacy)
    assert read_weights(path)["w"].shape == (1000,)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ModelError, match=r"cut\.pt"):
        read_weights(path)


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.pt", tmp_path / "packed.pt"
    torch.save({"w": torch.zeros(100_000)}, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
    with pytest.raises(ModelError, match=r"packed\.pt: "):
        read_weights(packed)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    command = [sys.executable, "-m", "facevid", "models", "import", str(tmp_path / "pipe.pt"), "--name", "mine"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (process.returncode, "pipe.pt: " in process.stderr) == (5, True)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.pt: "):
        read_weights(tmp_path / "none.pt")
