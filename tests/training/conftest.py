import pytest
import torch

from facevid.latents.attributes import CELEBA
from facevid.training.codes import CodeSet, held_out_rows

LAYERS, WIDTH = 4, 8
SMILE, YOUNG = CELEBA.index("Smiling"), CELEBA.index("Young")


@pytest.fixture(scope="session")
def codes() -> CodeSet:
    """400 normal codes; who smiles shows in layer 1, who is young in layer 2, and some labels are unknown."""
    values = torch.randn(400, LAYERS, WIDTH, generator=torch.Generator().manual_seed(1))
    labels = torch.full((400, len(CELEBA)), -1, dtype=torch.int8)
    labels[:, SMILE] = values[:, 1, 0] + 0.5 * values[:, 1, 1] > 0
    labels[:, YOUNG] = values[:, 2, 3] > 0.5
    labels[::7, YOUNG] = -1
    files = tuple(f"{number}.png" for number in range(400))
    return CodeSet(values, labels, files, torch.from_numpy(held_out_rows(400)))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of the test's own."""
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "home"))
