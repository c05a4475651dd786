"""Training a face model: encoder and generator as an autoencoder, then a mapping network."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from facevid.errors import UsageError
from facevid.faces.dlib_detector import weights_path
from facevid.training.augmentation import Batch, cover, draw_batch, weight_map
from facevid.training.descriptor import DescriptorNetwork
from facevid.training.face_data import FaceData, load_faces
from facevid.training.face_networks import FaceNetworks, new_networks
from facevid.training.losses import class_weights, classifier_loss
from facevid.training.picture_losses import feature_loss, gradient_loss, pixel_loss
from facevid.training.recipe import Recipe
from facevid.training.run import Compute, TrainingRun
from facevid.training.snapshot import Snapshots

REPORT_EVERY = 50
SNAPSHOT_EVERY = 500


def train_face_model(
    data_folder: Path,
    out: Path,
    steps: int,
    *,
    recipe: Recipe | None = None,
    start: Path | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps are done in all, or `minutes` have passed; go on from the checkpoint in `out`.

    Writes into `out`: `checkpoint.pt`; `face_model.pt` in pSp's layout; `losses.csv`; `samples/<step>.png`, of rows
    held-out pictures and their reconstructions; `run.json`, which says what was run, where, and how long.

    Args:
        data_folder: holds the picture sets.
        start: a checkpoint in pSp's layout whose encoder and generator a new run begins with.

    Returns:
        the path of `face_model.pt`.

    Raises:
        InputError: the pictures cannot be read.
        ModelError: `start` is no such checkpoint, or dlib's weights are missing.
        UsageError: the checkpoint in `out` was begun with another recipe or seed, or the training diverged.
    """
    recipe, compute = recipe or Recipe(), compute or Compute()
    trainer = Trainer(recipe, compute, start)
    data = load_faces(data_folder, recipe.sets, trainer.side, compute.device, compute.progress)
    trainer.see(data)
    run = trainer.run(out / "checkpoint.pt")
    snapshots = Snapshots(out, data, trainer.networks.average)
    snapshots.begin(run.step, json.loads(json.dumps(asdict(recipe))), compute, start)
    for step in run.steps(steps, "face model", compute.progress, minutes):
        losses = trainer.step(step, steps)
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
            shown = {name: value.item() for name, value in losses.items()}
            if not all(math.isfinite(value) for value in shown.values()):
                raise UsageError(
                    f"{out}: the losses are no longer finite at step {step + 1}; begin anew, with lower rates"
                )
            snapshots.log(step + 1, shown)
            compute.report(step + 1, shown)
        if (step + 1) % SNAPSHOT_EVERY == 0:
            compute.report(step + 1, {"held-out dB": snapshots.picture(step + 1)})
    compute.report(run.step, {"held-out dB": snapshots.picture(run.step)})
    return snapshots.end(run.step, run.seconds)


class Trainer:
    """The networks, their optimisers, and one step of training them."""

    def __init__(self, recipe: Recipe, compute: Compute, start: Path | None) -> None:
        self.recipe = recipe
        self._seed = compute.seed
        self._device = torch.device(compute.device)
        self._random = compute.generator()
        self.networks = networks = new_networks(recipe, compute.seed, compute.device, start)
        sizes = networks.autoencoder.generator.sizes
        self.side = sizes.resolution
        self._descriptor = DescriptorNetwork(weights_path("dlib_face_recognition_resnet_model_v1.dat"))
        self._descriptor.to(compute.device)
        self._weights = weight_map(recipe, self.side, compute.device)
        autoencoder = networks.autoencoder
        groups = [
            {
                "params": [p for p in autoencoder.generator.parameters() if p.requires_grad],
                "rate": recipe.generator_rate,
            },
            {"params": autoencoder.encoder.parameters(), "rate": recipe.encoder_rate},
            {"params": networks.attributes.parameters(), "rate": recipe.encoder_rate},
        ]
        self._optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))
        torch.backends.cudnn.benchmark = True

    def see(self, data: FaceData) -> None:
        """Take the pictures to train on."""
        self._data = data
        self._class_weights = class_weights(data.labels)

    def run(self, checkpoint: Path) -> TrainingRun:
        """Begin, or go on from the checkpoint."""
        settings = {name: value for name, value in asdict(self.recipe).items() if name != "batch_size"}
        modules = {name: getattr(self.networks, name) for name in FaceNetworks.__dataclass_fields__}
        optimizers = {"optimizer": self._optimizer}
        return TrainingRun(checkpoint, settings | {"seed": self._seed}, modules, optimizers, self._random)

    def step(self, step: int, steps: int) -> dict[str, Tensor]:
        """Train every network by one step; return the losses, still on the device."""
        self._set_rates(step, steps)
        batch = draw_batch(self._data, self.recipe, self.recipe.batch_size, self._random)
        with self._autocast():
            codes = self.networks.autoencoder.encode(batch.pictures)
            noise = torch.randn(codes.shape, device=self._device, generator=self._random)
            made = self.networks.autoencoder.generate(codes + noise * self.recipe.code_noise)
        losses = self._losses(batch, codes, made)
        total = torch.stack([getattr(self.recipe, name) * value for name, value in losses.items()]).sum()
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        trained = [p for group in self._optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, self.recipe.clip)
        self._optimizer.step()
        self._average(step)
        return {name: value.detach() for name, value in losses.items()}

    def _losses(self, batch: Batch, codes: Tensor, made: Tensor) -> dict[str, Tensor]:
        weights = self._weights * batch.mask
        logits = self.networks.attributes(codes.flatten(1))
        with self._autocast():
            descriptors, seen = self._descriptor(cover(made, batch.mask))
            with torch.no_grad():
                wanted, to_see = self._descriptor(batch.pictures)
        return {
            "pixel": pixel_loss(made, batch.pictures, weights),
            "gradient": gradient_loss(made, batch.pictures, weights),
            "identity": (descriptors - wanted).square().sum(dim=1).add(1e-6).sqrt().mean(),
            "perceptual": feature_loss(seen, to_see),
            "attribute": classifier_loss(logits, batch.labels, self._class_weights),
            "size": codes.square().mean(),
        }

    def _set_rates(self, step: int, steps: int) -> None:
        """Rise over the first steps, stay, fall over the last ones."""
        falling = (steps - step) / max(steps * self.recipe.cool_down, 1)
        factor = min((step + 1) / max(self.recipe.warm_up, 1), 1.0, falling)
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * factor

    @torch.no_grad()
    def _average(self, step: int) -> None:
        keep = min(0.5 ** (1 / self.recipe.ema), (1 + step) / (10 + step))
        average, now = self.networks.average, self.networks.autoencoder
        torch._foreach_lerp_(list(average.parameters()), list(now.parameters()), 1 - keep)
        for kept, buffer in zip(average.buffers(), now.buffers(), strict=True):
            kept.copy_(buffer)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, dtype=torch.bfloat16)
