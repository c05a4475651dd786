"""What a training of a face model writes beside its checkpoint: losses, pictures, the model, a record of the run."""

import copy
import csv
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from facevid.errors import OutputError
from facevid.networks import Generator
from facevid.training.augmentation import FACE, to_float
from facevid.training.face_data import FaceData
from facevid.training.face_networks import Autoencoder
from facevid.training.mapping import share_space, train_mapping
from facevid.training.run import Compute, save_whole

MODEL_FILE = "face_model.pt"
COLUMNS = 12
MAPPED = 4096
"""Pictures whose codes the mapping network learns to draw from, at most; of the first set."""


class Snapshots:
    """Writes into the folder of a run.

    Raises:
        OutputError: it cannot be written to.
    """

    def __init__(self, folder: Path, data: FaceData, autoencoder: Autoencoder) -> None:
        self._folder = folder
        self._data = data
        self._autoencoder = autoencoder
        self._session: dict[str, Any] = {}
        self._record: dict[str, Any] = {}

    def begin(self, step: int, recipe: dict[str, Any], compute: Compute, start: Path | None) -> None:
        """Note what is about to run; forget losses logged after the checkpoint that it goes on from."""
        try:
            (self._folder / "samples").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self._folder}: cannot be made ({error.strerror}); see to permissions") from error
        log = self._folder / "losses.csv"
        if log.is_file():
            lines = log.read_text().splitlines(keepends=True)
            _write_text(log, "".join(line for line in lines if int(line.split(",")[0]) <= step))
        record = self._folder / "run.json"
        sessions = json.loads(record.read_text())["sessions"] if record.is_file() and step else []
        cuda = compute.device.startswith("cuda")
        self._session = {
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "from_step": step,
            "device": torch.cuda.get_device_name(compute.device) if cuda else platform.processor() or "cpu",
            "torch": torch.__version__,
            "batch_size": recipe["batch_size"],
        }
        self._record = {
            "start": start and start.name,
            "pictures": self._data.counts,
            "seed": compute.seed,
            "recipe": recipe,
            "sessions": sessions,
        }

    def log(self, step: int, losses: dict[str, float]) -> None:
        """Append losses: rows of step, name, value."""
        with (self._folder / "losses.csv").open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([step, name, f"{v:.6g}"] for name, v in losses.items())

    @torch.no_grad()
    def picture(self, step: int) -> float:
        """Write rows of held-out pictures and their reconstructions; return the PSNR in the faces' ovals."""
        pictures = to_float(self._data.held_out)
        made = self._autoencoder.generate(self._autoencoder.encode(pictures)).clamp(-1, 1)
        shown = min(COLUMNS, len(pictures))
        rows = [pictures[:shown], made[:shown]]
        _write_rows(self._folder / "samples" / f"{step:07d}.png", rows)
        return oval_psnr(pictures, made)

    def end(self, step: int, seconds: float) -> Path:
        """Write the model in pSp's layout, with a mapping network that suits it, and the record; return its path."""
        autoencoder = copy.deepcopy(self._autoencoder)
        w = share_space(autoencoder.encoder, autoencoder.generator, self._codes())
        random = torch.Generator(w.device).manual_seed(0)
        train_mapping(autoencoder.generator, w, random)
        self._draw(autoencoder.generator, step, random)
        networks = {"encoder": autoencoder.encoder, "decoder": autoencoder.generator}
        state = {f"{key}.{name}": t.cpu() for key, net in networks.items() for name, t in net.state_dict().items()}
        sizes = autoencoder.generator.sizes
        content = {
            "state_dict": {name: tensor.contiguous() for name, tensor in state.items()},
            "latent_avg": torch.zeros(sizes.layers, sizes.width),
            "opts": {"encoder_type": "GradualStyleEncoder", "start_from_latent_avg": True},
        }
        path = self._folder / MODEL_FILE
        save_whole(path, content)
        self._record["sessions"].append(self._session | {"to_step": step})
        self._record |= {"steps": step, "seconds": round(seconds, 1)}
        _write_text(self._folder / "run.json", json.dumps(self._record, indent=2) + "\n")
        return path

    @torch.no_grad()
    def _codes(self) -> Tensor:
        """Return the codes of the first pictures that are trained on."""
        chunks = self._data.pictures[:MAPPED].split(64)
        return torch.cat([self._autoencoder.encode(to_float(chunk)) for chunk in chunks])

    @torch.no_grad()
    def _draw(self, generator: Generator, step: int, random: torch.Generator) -> None:
        z = torch.randn(2 * COLUMNS, generator.sizes.width, generator=random, device=random.device)
        faces = generator(generator.map(z)[:, None].expand(-1, generator.sizes.layers, -1)).clamp(-1, 1)
        _write_rows(self._folder / "samples" / f"{step:07d}-drawn.png", list(faces.split(COLUMNS)))


def _write_rows(path: Path, rows: list[Tensor]) -> None:
    grid = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    image = ((grid + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
    if not cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1])):
        raise OutputError(f"{path}: cannot be written; see to space and permissions")


def oval_psnr(pictures: Tensor, made: Tensor) -> float:
    """Return the mean PSNR in dB, of pictures in [-1, 1], inside the oval that holds a face in an FFHQ crop."""
    side = pictures.shape[-1]
    x, y, half_width, half_height = FACE
    centres = (torch.arange(side, device=pictures.device) + 0.5) / side
    inside = ((centres - x) / half_width).square()[None] + ((centres - y) / half_height).square()[:, None] < 1
    error = ((pictures - made) / 2).square().mean(dim=1)[:, inside].mean(dim=1)
    return float((-10 * error.clamp(min=1e-10).log10()).mean())


def _write_text(path: Path, text: str) -> None:
    staging = path.with_name(f".{path.name}.part")
    try:
        staging.write_text(text)
        staging.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); see to space and permissions") from error
