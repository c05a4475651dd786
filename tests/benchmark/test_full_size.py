"""Import and loading of random weights, measured in a child process; here with tiny networks."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facevid.benchmark import measure_full_size
from facevid.benchmark.full_size import PUBLISHED_ENCODER, PUBLISHED_GENERATOR, write_checkpoint
from facevid.errors import OutputError
from facevid.models import load_model
from facevid.networks import Encoder, EncoderSizes, GeneratorSizes

GENERATOR = GeneratorSizes(channels=(12, 10, 8, 6), width=16)
ENCODER = EncoderSizes(32, 8, ((8, 1), (10, 1), (12, 2), (14, 1)), GENERATOR.layers, GENERATOR.width, e4e=False)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new folder that is used for all temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_child_imports_and_nothing_is_left(temporary: Path, home: Path) -> None:
    measured = measure_full_size(ENCODER, GENERATOR, rounds=1)
    assert measured.encoder_parameters == sum(p.numel() for p in Encoder(ENCODER).parameters())
    assert measured.checkpoint_bytes > 4 * measured.encoder_parameters
    assert measured.import_seconds > 0
    assert measured.loading.bytes > 4 * measured.encoder_parameters
    assert measured.loading.ratio > 0
    assert not list(temporary.iterdir())
    assert not list(home.iterdir())


def test_peak_memory_excludes_the_parent_process(temporary: Path) -> None:
    """The parent process holds 1 GB here."""
    held = torch.ones(1_000_000_000, dtype=torch.uint8)
    measured = measure_full_size(ENCODER, GENERATOR, rounds=1)
    assert 50e6 < measured.import_peak_bytes < len(held)


def test_insufficient_disk_space_is_detected_first(temporary: Path) -> None:
    huge = replace(PUBLISHED_GENERATOR, channels=(1 << 22, *PUBLISHED_GENERATOR.channels[1:]))
    with pytest.raises(OutputError, match=r"[\d.]+ GB .* [\d.]+ GB.*TMPDIR"):
        measure_full_size(ENCODER, huge)
    assert not list(temporary.iterdir())


def test_the_checkpoint_is_a_whole_psp(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "psp.pt", ENCODER, GENERATOR)
    model = load_model(tmp_path / "psp.pt")
    assert (model.crop_size, model.resolution) == (128, 32)
    assert torch.isfinite(model.generate(torch.randn(1, model.layers, model.width))).all()


def test_published_sizes() -> None:
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Encoder(PUBLISHED_ENCODER).parameters())
    assert parameters == 267_136_704
    assert (PUBLISHED_GENERATOR.resolution, PUBLISHED_GENERATOR.layers) == (1024, PUBLISHED_ENCODER.layers)
