"""The descriptor network in PyTorch gives the same descriptors as dlib."""

from pathlib import Path

import dlib
import numpy as np
import pytest
import torch

from facevid.errors import ModelError
from facevid.faces.descriptor import WEIGHTS, DescriptorNetwork
from facevid.faces.dlib_detector import CHIP_SIDE, weights_path


def test_descriptors_are_those_of_dlib() -> None:
    chips = np.random.default_rng(0).integers(0, 256, (3, CHIP_SIDE, CHIP_SIDE, 3), dtype=np.uint8)
    expected = dlib.face_recognition_model_v1(str(weights_path(WEIGHTS))).compute_face_descriptor(list(chips))
    descriptors, features = DescriptorNetwork().describe(torch.from_numpy(chips).permute(0, 3, 1, 2) / 127.5 - 1)
    assert descriptors.numpy() == pytest.approx(np.array(expected), abs=1e-5)
    assert [feature.shape[1:] for feature in features] == [(32, 35, 35), (64, 17, 17), (128, 8, 8)]


def test_damaged_files_are_rejected(tmp_path: Path) -> None:
    content = weights_path(WEIGHTS).read_bytes()
    header = content[: content.index(b"con_4") + 6]
    for name, damaged in {"truncated": content[:100_000], "shifted": content[5000:], "header": header}.items():
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ModelError, match=name):
            DescriptorNetwork(tmp_path / name)
