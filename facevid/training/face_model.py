"""Training a face model: encoder and generator as an autoencoder, against a discriminator, with a mapping network."""

import copy
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.errors import UsageError
from facevid.networks import Encoder, EncoderSizes, Generator, GeneratorSizes
from facevid.training.augmentation import Batch, cover, draw_batch, weight_map
from facevid.training.discriminator import Discriminator
from facevid.training.face_data import FaceData, load_faces
from facevid.training.losses import class_weights, classifier_loss
from facevid.training.picture_losses import (
    discriminator_loss,
    feature_loss,
    generator_loss,
    gradient_loss,
    pixel_loss,
    r1_penalty,
)
from facevid.training.recipe import Recipe
from facevid.training.run import Compute, TrainingRun
from facevid.training.snapshot import Snapshots

REPORT_EVERY = 50
SNAPSHOT_EVERY = 1000


@dataclass(frozen=True)
class Networks:
    """What is trained, and the averages over its steps, which are what is kept in the end."""

    encoder: Encoder
    generator: Generator
    discriminator: Discriminator
    attributes: nn.Linear
    encoder_average: Encoder
    generator_average: Generator


def train_face_model(
    data_folder: Path,
    out: Path,
    steps: int,
    *,
    recipe: Recipe | None = None,
    minutes: float | None = None,
    compute: Compute | None = None,
) -> Path:
    """Train until `steps` steps are done in all, or `minutes` have passed; go on from the checkpoint in `out`.

    Writes into `out`: `checkpoint.pt`; `face_model.pt` in pSp's layout; `losses.csv`; `samples/<step>.png`, of rows
    held-out pictures, their reconstructions, and samples; `run.json`, which says what was run, where, and how long.

    Returns:
        the path of `face_model.pt`.

    Raises:
        InputError: the pictures cannot be read.
        UsageError: the checkpoint in `out` was begun with another recipe or seed, or the training diverged.
    """
    recipe, compute = recipe or Recipe(), compute or Compute()
    trainer = Trainer(recipe, compute)
    data = load_faces(data_folder, recipe.sets, trainer.side, compute.device, compute.progress)
    trainer.see(data)
    run = trainer.run(out / "checkpoint.pt")
    snapshots = Snapshots(out, data, trainer.networks.encoder_average, trainer.networks.generator_average)
    snapshots.begin(run.step, json.loads(json.dumps(asdict(recipe))), compute)
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

    def __init__(self, recipe: Recipe, compute: Compute) -> None:
        self.recipe = recipe
        self._seed = compute.seed
        self._device = torch.device(compute.device)
        self._random = compute.generator()
        self.networks = _new_networks(recipe, compute)
        self.side = self.networks.generator.sizes.resolution
        self._weights = weight_map(recipe, self.side, compute.device)
        networks = self.networks
        groups = [
            {"params": [p for p in networks.generator.parameters() if p.requires_grad], "rate": recipe.generator_rate},
            {"params": networks.encoder.parameters(), "rate": recipe.encoder_rate},
            {"params": networks.attributes.parameters(), "rate": recipe.encoder_rate},
        ]
        self._optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))
        self._rival = torch.optim.Adam(
            [{"params": networks.discriminator.parameters(), "rate": recipe.discriminator_rate}], betas=(0.0, 0.99)
        )
        torch.backends.cudnn.benchmark = True

    def see(self, data: FaceData) -> None:
        """Take the pictures to train on."""
        self._data = data
        self._class_weights = class_weights(data.labels)

    def run(self, checkpoint: Path) -> TrainingRun:
        """Begin, or go on from the checkpoint."""
        settings = {name: value for name, value in asdict(self.recipe).items() if name != "batch_size"}
        modules = {name: getattr(self.networks, name) for name in Networks.__dataclass_fields__}
        optimizers = {"optimizer": self._optimizer, "rival": self._rival}
        return TrainingRun(checkpoint, settings | {"seed": self._seed}, modules, optimizers, self._random)

    def step(self, step: int, steps: int) -> dict[str, Tensor]:
        """Train every network by one step; return the losses, still on the device."""
        self._set_rates(step, steps)
        batch = draw_batch(self._data, self.recipe, self.recipe.batch_size, self._random)
        with self._autocast():
            codes = self.networks.encoder(self._reduced(batch.pictures)).float()
            noise = torch.randn(codes.shape, device=self._device, generator=self._random)
            made = self.networks.generator(codes + noise * self.recipe.code_noise).float()
        losses = self._autoencoder_losses(batch, codes, made)
        rivalry: dict[str, Tensor] = {}
        if step >= self.recipe.adversarial_from:
            samples, w = self._samples(max(round(self.recipe.batch_size * self.recipe.samples), 1))
            masks = batch.mask[torch.randperm(len(batch.mask), device=self._device, generator=self._random)]
            fakes = torch.cat([cover(made, batch.mask), cover(samples, masks[: len(samples)])])
            rivalry = self._train_discriminator(step, batch.pictures, fakes.detach())
            losses |= self._adversarial_losses(batch.pictures, fakes) | {"code": self._code_loss(samples, w)}
        total = torch.stack([getattr(self.recipe, name) * value for name, value in losses.items()]).sum()
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        trained = [p for group in self._optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(trained, self.recipe.clip)
        self._optimizer.step()
        self._average(step)
        return {name: value.detach() for name, value in (losses | rivalry).items()}

    def _autoencoder_losses(self, batch: Batch, codes: Tensor, made: Tensor) -> dict[str, Tensor]:
        weights = self._weights * batch.mask
        logits = self.networks.attributes(codes.flatten(1))
        return {
            "pixel": pixel_loss(made, batch.pictures, weights),
            "gradient": gradient_loss(made, batch.pictures, weights),
            "attribute": classifier_loss(logits, batch.labels, self._class_weights),
            "size": codes.square().mean(),
        }

    def _samples(self, count: int) -> tuple[Tensor, Tensor]:
        """Draw pictures from the mapping network, with their w (N, D)."""
        z = torch.randn(count, self.recipe.width, device=self._device, generator=self._random)
        w = self.networks.generator.map(z)
        with self._autocast():
            codes = w[:, None].expand(-1, self.networks.generator.sizes.layers, -1)
            return self.networks.generator(codes).float(), w

    def _train_discriminator(self, step: int, real: Tensor, fakes: Tensor) -> dict[str, Tensor]:
        discriminator = self.networks.discriminator.requires_grad_(True)
        with self._autocast():
            loss = discriminator_loss(discriminator(real)[0], discriminator(fakes)[0])
        losses = {"discriminator": loss}
        if step % self.recipe.r1_every == 0:
            pictures = real.detach().requires_grad_(True)
            penalty = r1_penalty(discriminator(pictures)[0], pictures)
            loss = loss + penalty * (self.recipe.r1 * self.recipe.r1_every)
        self._rival.zero_grad(set_to_none=True)
        loss.backward()
        self._rival.step()
        return losses

    def _adversarial_losses(self, real: Tensor, fakes: Tensor) -> dict[str, Tensor]:
        discriminator = self.networks.discriminator.requires_grad_(False)
        with self._autocast():
            logits, features = discriminator(fakes)
            with torch.no_grad():
                _, wanted = discriminator(real)
        reconstructed = [feature[: len(real)] for feature in features]
        return {"adversarial": generator_loss(logits), "feature": feature_loss(reconstructed, wanted)}

    def _code_loss(self, samples: Tensor, w: Tensor) -> Tensor:
        """Compare a sample's w with the code found for its picture; batch norm keeps what it learned on pictures."""
        self.networks.encoder.eval()
        with self._autocast():
            codes = self.networks.encoder(self._reduced(samples)).float()
        self.networks.encoder.train()
        return (codes - w[:, None]).square().mean()

    def _reduced(self, pictures: Tensor) -> Tensor:
        side = self.recipe.encoder_input
        if side != pictures.shape[-1]:
            pictures = F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=True)
        return pictures.contiguous(memory_format=torch.channels_last)

    def _set_rates(self, step: int, steps: int) -> None:
        """Rise over the first steps, stay, fall over the last ones."""
        falling = (steps - step) / max(steps * self.recipe.cool_down, 1)
        factor = min((step + 1) / max(self.recipe.warm_up, 1), 1.0, falling)
        for optimizer in (self._optimizer, self._rival):
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * factor

    @torch.no_grad()
    def _average(self, step: int) -> None:
        keep = min(0.5 ** (1 / self.recipe.ema), (1 + step) / (10 + step))
        networks = self.networks
        for average, now in (
            (networks.encoder_average, networks.encoder),
            (networks.generator_average, networks.generator),
        ):
            torch._foreach_lerp_(list(average.parameters()), list(now.parameters()), 1 - keep)
            for kept, buffer in zip(average.buffers(), now.buffers(), strict=True):
                kept.copy_(buffer)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, dtype=torch.bfloat16)


def _new_networks(recipe: Recipe, compute: Compute) -> Networks:
    sizes = GeneratorSizes(recipe.channels, recipe.width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(compute.seed)
        generator = Generator(sizes)
        encoder = Encoder(
            EncoderSizes(
                recipe.encoder_input, recipe.encoder_stem, recipe.encoder_stages, sizes.layers, recipe.width, e4e=False
            )
        )
        discriminator = Discriminator(recipe.discriminator)
        attributes = nn.Linear(sizes.layers * recipe.width, 40)
    with torch.no_grad():
        generator.get_parameter(f"style.{sizes.mapping}.weight").mul_(recipe.first_w)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise.weight"):  # 0, and stays so: a constant pattern has nothing to add to a face
            parameter.requires_grad_(False)
    for network in (encoder, discriminator):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stubs leave it out
    return Networks(
        encoder=encoder.to(compute.device),
        generator=generator.to(compute.device),
        discriminator=discriminator.to(compute.device),
        attributes=attributes.to(compute.device),
        encoder_average=copy.deepcopy(encoder).eval().requires_grad_(False).to(compute.device),
        generator_average=copy.deepcopy(generator).eval().requires_grad_(False).to(compute.device),
    )
