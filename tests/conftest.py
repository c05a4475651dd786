"""Fixtures of all tests: the reference data, a clip with a face, a random model, and the command line."""

import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.data import astronaut

from facevid.cli import main
from tests.clips import camera_move, write_clip


def pytest_unconfigure() -> None:
    """Collect the objects that commands have excluded from it: OpenImageIO lists those that are left at the end."""
    gc.unfreeze()
    gc.collect()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that need a GPU if there is none."""
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@dataclass(frozen=True)
class Outcome:
    """Result of a run of the command line: exit code and output."""

    code: int
    out: str
    err: str


RunFacevid = Callable[..., Outcome]
"""Type of the fixture `run_facevid`."""


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Restore the default handler of SIGINT, also for child processes: background jobs of a shell ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data, which is not part of the project; skip the test if it is missing."""
    root = Path(os.environ.get("FACEVID_SHARED", Path(__file__).parents[2] / "shared"))
    if not root.is_dir():
        pytest.skip(f"needs the reference data in {root} (or set FACEVID_SHARED)")
    return root


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a model store and a cache of its own."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FACEVID_HOME", str(folder))
    return folder


@pytest.fixture
def run_facevid(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> RunFacevid:
    """Return a function that runs `facevid` with the given arguments in this process."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["facevid", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main()
        output = capfd.readouterr()
        assert isinstance(exit_info.value.code, int)
        return Outcome(exit_info.value.code, output.out, output.err)

    return run


@pytest.fixture(scope="session")
def portrait() -> NDArray[np.uint8]:
    """Return NASA's portrait of Eileen Collins (public domain), uint8 (512, 512, 3) RGB."""
    return np.asarray(astronaut(), np.uint8)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def portrait_clip(portrait: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of 10 frames, 320x240, with sound: the portrait under a moving camera."""
    pictures = [camera_move(portrait, index, (320, 240)) for index in range(10)]
    return write_clip(tmp_path_factory.mktemp("clips") / "portrait.mp4", pictures)


@pytest.fixture
def published(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Import a small random model in the published layouts, which generates faces, and return its name."""
    from facevid.models.importing import import_model  # imported here to keep other tests fast
    from tests.models.files import WIDTH, save_psp

    folder = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    np.save(folder / "smile.npy", np.random.default_rng(0).normal(size=(1, WIDTH)).astype(np.float32))
    import_model([save_psp(folder), folder / "smile.npy"], "published")
    return "published"


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """Start a Ray cluster of two cores, and return its address."""
    pytest.importorskip("ray", reason="Ray is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "RAY_USAGE_STATS_ENABLED": "0"}
    options = [f"--port={port}", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", "--block"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--node-ip-address=127.0.0.1", *options]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as head:
        assert head.stdout is not None
        if not any("Ray runtime started" in line for line in head.stdout):
            pytest.skip("Ray does not start here")
        yield f"127.0.0.1:{port}"
        head.terminate()  # `ray stop` would end other clusters of this machine, too
