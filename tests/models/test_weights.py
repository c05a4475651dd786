"""Reading files of weights: nothing in them runs, and what is wrong with them is said."""

import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from facevid.errors import ModelError
from facevid.models.weights import read_weights


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("form", ["zip", "legacy", "plain", "ascii", "object array"])
def test_a_pickle_that_would_run_code_is_refused(tmp_path, form):
    mark, path = tmp_path / "mark", tmp_path / "evil.pt"
    content = {"state_dict": Evil(mark)}
    if form in ("zip", "legacy"):
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    elif form == "object array":
        with path.open("wb") as file:
            np.save(file, np.array([Evil(mark)], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(content, protocol=0 if form == "ascii" else 4))
    with pytest.raises(ModelError, match=r"evil\.pt: ") as caught:
        read_weights(path)
    assert not mark.exists()
    if form != "object array":
        assert "mkdir" in str(caught.value)
        assert "refused" in str(caught.value)


def test_nvidias_networks_are_refused_with_the_way_to_convert_them(tmp_path):
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\nq\x00.")
    with pytest.raises(ModelError, match=r"convert_weight\.py"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<!DOCTYPE html><title>Quota exceeded</title>", "a web page"),
        (b"\xef\xbb\xbf\n<html>Quota exceeded</html>", "a web page"),
        (b"", "empty"),
        (b"hello world, these are no weights", "no known format"),
        (b"PK\x03\x04 cut short", "damaged or cut short"),
        (b"\x93NUMPY\x01\x00", "not an array"),
        (b"\xff\x00\x00\x00\x00\x00\x00\x00{", "safetensors"),
    ],
)
def test_what_is_no_file_of_weights(tmp_path, content, complaint):
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=complaint):
        read_weights(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_cut_short(tmp_path, legacy):
    path = tmp_path / "cut.pt"
    torch.save({"w": torch.randn(1000)}, path, _use_new_zipfile_serialization=not legacy)
    assert read_weights(path)["w"].shape == (1000,)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ModelError, match=r"cut\.pt"):
        read_weights(path)


def test_an_archive_that_unpacks_to_more_than_it_is(tmp_path):
    plain, packed = tmp_path / "plain.pt", tmp_path / "packed.pt"
    torch.save({"w": torch.zeros(100_000)}, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
    with pytest.raises(ModelError, match="compressed"):
        read_weights(packed)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pt")
    command = [sys.executable, "-m", "facevid", "models", "import", tmp_path / "pipe.pt", "--name", "mine"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "pipe.pt: no regular file" in done.stderr) == (5, True)


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        read_weights(tmp_path / "none.pt")
