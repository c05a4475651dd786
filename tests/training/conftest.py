from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from facevid.edits.attributes import CELEBA
from facevid.training.common.labels import held_out_rows
from facevid.training.editors.codes import CodeSet

LAYERS = 4
WIDTH = 8
SMILE = CELEBA.index("Smiling")
YOUNG = CELEBA.index("Young")


@pytest.fixture(scope="session")
def codes() -> CodeSet:
    """400 normally distributed codes. Layer 1 determines Smiling, layer 2 Young; some labels are unknown."""
    values = torch.randn(400, LAYERS, WIDTH, generator=torch.Generator().manual_seed(1))
    labels = torch.full((400, len(CELEBA)), -1, dtype=torch.int8)
    labels[:, SMILE] = values[:, 1, 0] + 0.5 * values[:, 1, 1] > 0
    labels[:, YOUNG] = values[:, 2, 3] > 0.5
    labels[::7, YOUNG] = -1
    files = tuple(f"{number}.png" for number in range(400))
    return CodeSet(values, labels, files, torch.from_numpy(held_out_rows(400)))


@pytest.fixture(scope="session")
def drawn_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of two picture sets of 32 px: 40 whole faces, and 40 that are valid only from 8 to 24 px."""
    folder: Path = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for name in ("drawn", "tight"):
        (folder / name).mkdir()
        rows = ["file,smile,picture_corners_px" if name == "tight" else "file,smile"]
        for number in range(40):
            background, skin = (tuple(map(int, colour)) for colour in random.integers(0, 255, (2, 3)))
            picture = np.full((32, 32, 3), background, np.uint8)
            cv2.ellipse(picture, (16, 19), (9, 11), 0, 0, 360, skin, -1)
            if name == "tight":
                black = np.zeros_like(picture)
                black[8:24, 8:24] = picture[8:24, 8:24]
                picture = black
            cv2.imwrite(str(folder / name / f"{number}.png"), picture)
            corners = ",7.5 7.5 7.5 23.5 23.5 23.5 23.5 7.5" if name == "tight" else ""
            rows.append(f"{number}.png,{number % 2}{corners}")
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
    return folder
