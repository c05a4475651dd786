"""Pivotal tuning of StyleGAN2's generator to a shot (Roich et al., "Pivotal Tuning for Latent-based Editing of Real
Images", 2021), around codes that are smoothed over time (Tzaban et al., "Stitch it in Time", 2022).

Notation: w_p is a pivot, G the original generator, G' the tuned one, x the aligned face.
"""

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from facevid.errors import ModelError, UsageError
from facevid.faces.descriptor import DescriptorNetwork
from facevid.models import FaceModel, load_model
from facevid.models.bundle import base_folder, read_bundle
from facevid.models.importing import write_tuned
from facevid.models.store import folder_of, locate
from facevid.networks import Generator, truncate
from facevid.options import ComputeOptions, TrackingOptions
from facevid.training.common.augmentation import to_float
from facevid.training.common.picture_losses import feature_loss
from facevid.training.common.run import Compute, TrainingRun, minimise
from facevid.training.common.samples import COLUMNS, oval_psnr, write_rows
from facevid.training.tuning.shot_faces import ShotFaces, read_shot_faces
from facevid.utils.device import training_dtype

PREVIEW_FILE = "preview.png"
"""File name of the preview sheet."""

RECORD_FILE = "tuning.json"
"""File name of the record of the run."""

FULL_CODE = 18 * 512
"""Number of values of a code at 1024 px, to which `locality_distance` refers."""

TRUNCATION = 0.5
"""Truncation of the random codes of the locality regularisation, as in Roich et al."""

AVERAGE_SAMPLES = 1000
"""Number of random codes whose mean is the centre of the truncation."""

PREVIEW_EVERY = 200
"""Steps between two preview sheets."""

REPORT_EVERY = 25
"""Steps between two reports of the losses."""


@dataclass(frozen=True)
class TuningOptions:
    """Hyperparameters of pivotal tuning.

    Attributes:
        steps: number of steps.
        batch_size: faces per step.
        learning_rate: of Adam with betas (0.9, 0.999); Roich et al. use 3e-4.
        l2: weight of the mean squared difference between G'(w_p) and x. Roich et al. use 1, with LPIPS. The features
            below hardly depend on colour, and with a weight of 1, faces get a tint.
        perceptual: weight of the difference of features between them. The features are those of dlib's descriptor
            network, because the weights of LPIPS are not installed with facevid.
        locality: weight of both differences between G' and G, at codes near the pivots.
        locality_distance: distance of these codes from the pivots, for a code of `FULL_CODE` values; it is
            proportional to the square root of the size of a code.
    """

    steps: int = 1000
    batch_size: int = 4
    learning_rate: float = 3e-4
    l2: float = 10.0
    perceptual: float = 1.0
    locality: float = 0.1
    locality_distance: float = 30.0


@dataclass(frozen=True)
class TuningFigures:
    """Reconstruction of held-out faces, from their pivots.

    Attributes:
        psnr: PSNR inside the face in dB.
        identity: mean distance between dlib's descriptors of the face and its reconstruction.
    """

    psnr: float
    identity: float


@dataclass(frozen=True)
class TuningResult:
    """A tuned model.

    Attributes:
        folder: folder of its bundle.
        faces: number of faces that it was tuned to.
        before: reconstruction by the base.
        after: reconstruction by the tuned model.
    """

    folder: Path
    faces: int
    before: TuningFigures
    after: TuningFigures


def tune_model(
    source: Path,
    base: str,
    name: str,
    *,
    options: TuningOptions | None = None,
    tracking: TrackingOptions | None = None,
    compute: Compute | None = None,
    overwrite: bool = False,
) -> TuningResult:
    """Tune the generator of a model to the faces of one shot, and store the difference as a model of its own.

    An interrupted run resumes from its checkpoint in the store, which is deleted at the end. The bundle also has a
    preview sheet (held-out faces, and their reconstructions before and after) and a record of the run.

    Args:
        source: a video or an image sequence.
        base: name or path of a bundle with a StyleGAN2 generator and an encoder.
        name: name of the tuned model in the store.
        options: hyperparameters.
        tracking: which faces, and the smoothing of codes; `facevid edit` should use the same smoothing.
        compute: device, seed, progress and reports.
        overwrite: replace a model of this name, and discard an unfinished run.

    Raises:
        UsageError: the name is taken, or the base is a tuned model.
        ModelError: the base has no generator or no encoder, or a Feature-Style encoder.
        InputError, NoFaceError: see `read_shot_faces`.
        OutputError: the store cannot be written.
    """
    options, compute = options or TuningOptions(), compute or Compute()
    tracking = tracking or TrackingOptions()
    folder = folder_of(name)
    if folder.exists() and not overwrite:
        raise UsageError(f"{folder}: a model of this name exists; choose another --name, or add --overwrite")
    model = _load_base(base, compute.device)
    run_folder = folder.parent / f".tuning-{name}"
    faces = read_shot_faces(source, model, tracking, ComputeOptions(device=compute.device), compute.progress)
    tuning = _Tuning(model, faces, options, compute)
    before = tuning.figures()
    checkpoint = run_folder / "checkpoint.pt"
    if overwrite:
        checkpoint.unlink(missing_ok=True)
    settings = asdict(options) | {"seed": compute.seed, "base": base, "source": str(source), "faces": len(faces.pivots)}
    tuning.train(checkpoint, settings)
    after = tuning.figures()
    count = int((~faces.held_out).sum())
    record = {
        "settings": settings,
        "tuned_to": count,
        "held_out": len(faces.pivots) - count,
        "before": asdict(before),
        "after": asdict(after),
    }
    preview = run_folder / PREVIEW_FILE
    tuning.write_preview(preview)
    extra = {PREVIEW_FILE: preview.read_bytes(), RECORD_FILE: json.dumps(record, indent=2).encode() + b"\n"}
    write_tuned(name, base, tuning.difference(), extra)
    for leftover in (checkpoint, preview):
        leftover.unlink(missing_ok=True)
    run_folder.rmdir()
    return TuningResult(folder, count, before, after)


def _load_base(base: str, device: str) -> FaceModel:
    """Load the model to tune. Raises UsageError if it is a tuned model, ModelError if it lacks a network."""
    if base_folder(read_bundle(locate(base))) is not None:
        raise UsageError(f"{base} is a tuned model; use the model that it was tuned from")
    model = load_model(base, device)
    if model.generator is None or model.encoder is None:
        raise ModelError(f"{base}: only models with a generator and an encoder can be tuned; import one")
    if model.has_features:
        raise ModelError(
            f"{base}: the features of its encoder fit only the generator it was trained for, which tuning changes; use "
            "a model with a pSp or e4e encoder"
        )
    return model


class _Tuning:
    """The tuned generator and its losses."""

    def __init__(self, model: FaceModel, faces: ShotFaces, options: TuningOptions, compute: Compute) -> None:
        assert model.generator is not None
        self._options, self._compute = options, compute
        self._device = torch.device(compute.device)
        self._train, self._held_out = faces.part(held_out=False), faces.part(held_out=True)
        self._original: Generator = model.generator.to(self._device)
        self._tuned = copy.deepcopy(self._original).requires_grad_(False)
        self._parameters = {
            key: parameter for key, parameter in self._tuned.named_parameters() if not key.startswith("style.")
        }
        for parameter in self._parameters.values():
            parameter.requires_grad_(True)
        self._descriptor = DescriptorNetwork()
        self._descriptor.to(self._device)
        self._optimizer = torch.optim.Adam(self._parameters.values(), options.learning_rate)
        self._random = compute.generator()
        sizes = self._original.sizes
        self._distance = options.locality_distance * math.sqrt(sizes.layers * sizes.width / FULL_CODE)
        with torch.no_grad():
            z = torch.randn(AVERAGE_SAMPLES, sizes.width, generator=self._random, device=self._device)
            self._average = self._original.map(z).mean(dim=0)

    def train(self, checkpoint: Path, settings: Mapping[str, object]) -> None:
        """Run the remaining steps."""
        options, count = self._options, len(self._train.pivots)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        modules, optimizers = {"generator": self._tuned}, {"optimizer": self._optimizer}
        run = TrainingRun(checkpoint, settings, modules, optimizers, self._random)
        for step in run.steps(options.steps, "tune", self._compute.progress):
            rows = torch.randint(count, (options.batch_size,), generator=self._random, device=self._device).cpu()
            losses = self._losses(rows)
            total = options.l2 * losses["l2"] + options.perceptual * losses["perceptual"]
            minimise(total + options.locality * losses["locality"], self._optimizer)
            if (step + 1) % REPORT_EVERY == 0:
                values = {key: value.item() for key, value in losses.items()}
                if not all(map(math.isfinite, values.values())):
                    raise UsageError(f"step {step + 1}: the losses are not finite; use a lower --learning-rate")
                self._compute.report(step + 1, values)
            if (step + 1) % PREVIEW_EVERY == 0:
                self.write_preview(checkpoint.parent / PREVIEW_FILE)

    def figures(self) -> TuningFigures:
        """Measure the reconstruction of held-out faces."""
        pictures, reconstructions = self._held_out.pictures, self._reconstruct(self._tuned)
        distances = self._describe(to_float(pictures)) - self._describe(reconstructions)
        return TuningFigures(oval_psnr(to_float(pictures), reconstructions), float(distances.norm(dim=1).mean()))

    def write_preview(self, path: Path) -> None:
        """Write a sheet of held-out faces: source, reconstruction by the original and by the tuned generator."""
        rows = slice(0, COLUMNS)
        generators = (self._original, self._tuned)
        write_rows(path, [to_float(self._held_out.pictures[rows]), *(self._reconstruct(each) for each in generators)])

    def difference(self) -> dict[str, Tensor]:
        """Return the difference of each tuned tensor from the original one, on the CPU."""
        original = dict(self._original.named_parameters())
        return {key: (value.detach() - original[key]).cpu() for key, value in self._parameters.items()}

    def _losses(self, rows: Tensor) -> dict[str, Tensor]:
        """Compute the losses of the faces in `rows`, and of random codes near their pivots."""
        pivots, pictures = self._train.pivots[rows].to(self._device), to_float(self._train.pictures[rows])
        near = self._codes_near(pivots)
        dtype = training_dtype(self._compute.device)
        with torch.autocast(self._device.type, dtype=dtype, enabled=dtype != torch.float32):
            generated = self._tuned(torch.cat([pivots, near]))
            with torch.no_grad():
                target = torch.cat([pictures.to(self._device), self._original(near)])
                _, target_features = self._descriptor(target)
            _, features = self._descriptor(generated)
        squares = (generated.float() - target.float()).square().mean(dim=(1, 2, 3))
        count = len(rows)
        perceptual = [
            feature_loss([each[part] for each in features], [each[part] for each in target_features])
            for part in (slice(0, count), slice(count, None))
        ]
        return {
            "l2": squares[:count].mean(),
            "perceptual": perceptual[0],
            "locality": squares[count:].mean() + perceptual[1],
        }

    def _codes_near(self, pivots: Tensor) -> Tensor:
        """Return codes at `locality_distance` from the pivots, towards random ones (Roich et al., equation 5)."""
        z = torch.randn(len(pivots), self._original.sizes.width, generator=self._random, device=self._device)
        with torch.no_grad():
            w = truncate(self._original.map(z), self._average, TRUNCATION)
        directions = w[:, None] - pivots
        codes: Tensor = pivots + self._distance * directions / directions.norm(dim=(1, 2), keepdim=True).clamp(min=1e-6)
        return codes

    @torch.no_grad()
    def _describe(self, pictures: Tensor) -> Tensor:
        """Compute dlib's descriptors of pictures (N, 3, R, R): float32 (N, 128), on the CPU."""
        chunks = torch.split(pictures, self._options.batch_size)
        return torch.cat([self._descriptor(chunk.to(self._device))[0].cpu() for chunk in chunks])

    @torch.no_grad()
    def _reconstruct(self, generator: Generator) -> Tensor:
        """Generate the held-out faces from their pivots: float32 (N, 3, R, R) in [-1, 1], on the CPU."""
        chunks = torch.split(self._held_out.pivots, self._options.batch_size)
        return torch.cat([generator(chunk.to(self._device)).clamp(-1, 1).float().cpu() for chunk in chunks])
