"""Training the latent classifier: attributes from W+ codes (Yao et al., ICCV 2021, section 3.2)."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from facevid.edits.attributes import CELEBA
from facevid.errors import ModelError
from facevid.models.load import load_model
from facevid.networks import LatentClassifier, LatentClassifierSizes
from facevid.training.common.labels import NO, YES
from facevid.training.common.run import Compute, TrainingRun, save_whole
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.losses import class_weights, classifier_loss

CLASSIFIER_FILE = "latent_classifier.pth"


@dataclass(frozen=True)
class ClassifierOptions:
    """How the latent classifier is trained.

    Attributes:
        hidden: widths between code and logits; the published one has 2048 and 512.
        epochs: times that every code is seen.
        batch_size: codes a step.
        learning_rate: of Adam with betas 0.9 and 0.999; falls to 0 along a cosine.
        noise: deviation of the noise added to the codes, as a share of their own spread. Without it the transformers
            find steps that fool the classifier and change only colours.
    """

    hidden: tuple[int, ...] = (256, 128)
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 1e-3
    noise: float = 0.8


def train_classifier(
    codes: CodeSet, folder: Path, options: ClassifierOptions | None = None, compute: Compute | None = None
) -> LatentClassifier:
    """Train on the codes that are not held out, write `latent_classifier.pth`, and return the classifier.

    Goes on from `latent_classifier.checkpoint.pt` in the folder, if it is there.
    """
    options, compute = options or ClassifierOptions(), compute or Compute()
    train = codes.part(held_out=False)
    known, labels = train.codes.to(compute.device), train.labels.to(compute.device)
    weights = class_weights(labels)
    spread = known.std(dim=0) * options.noise
    classifier = _new(known, options, compute)
    optimizer = torch.optim.Adam(classifier.parameters(), options.learning_rate)
    generator = compute.generator()
    total = options.epochs * math.ceil(len(known) / options.batch_size)
    settings = asdict(options) | {"seed": compute.seed, "codes": len(known)}
    run = TrainingRun(
        folder / "latent_classifier.checkpoint.pt",
        settings,
        {"classifier": classifier},
        {"optimizer": optimizer},
        generator,
    )
    for step in run.steps(total, "classifier", compute.progress):
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * (1 + math.cos(math.pi * step / total)) / 2
        rows = torch.randint(len(known), (options.batch_size,), device=compute.device, generator=generator)
        noise = torch.randn(known[rows].shape, device=compute.device, generator=generator)
        loss = classifier_loss(classifier(known[rows] + noise * spread), labels[rows], weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if (step + 1) % max(total // options.epochs, 1) == 0:
            compute.report(step + 1, {"loss": loss.item()})
    classifier.eval()
    save_whole(folder / CLASSIFIER_FILE, {name: tensor.cpu() for name, tensor in classifier.state_dict().items()})
    run.finish()
    return classifier


def balanced_accuracy(classifier: LatentClassifier, codes: CodeSet) -> dict[str, float]:
    """Measure, for each attribute of which both classes are known, the mean of the shares of yes and of no found."""
    with torch.no_grad():
        device = next(classifier.parameters()).device
        says_yes = (classifier(codes.codes.to(device)) > 0).cpu()
    shares: dict[str, float] = {}
    for index, name in enumerate(CELEBA):
        labels = codes.labels[:, index]
        if bool((labels == YES).any()) and bool((labels == NO).any()):
            found = [(says_yes[labels == side, index] == bool(side)).float().mean() for side in (NO, YES)]
            shares[name] = float((found[0] + found[1]) / 2)
    return shares


def read_classifier(path: Path, codes: CodeSet) -> LatentClassifier:
    """Read a latent classifier that fits the codes. Raises ModelError for another file."""
    network = load_model(path).classifier if path.is_file() else None
    if network is None:
        raise ModelError(f"{path}: no latent classifier; train one with `facevid train classifier`")
    if network.sizes.widths[0] != codes.codes[0].numel() or network.sizes.widths[-1] != len(CELEBA):
        raise ModelError(
            f"{path}: reads codes of {network.sizes.widths[0]} numbers, and these have {codes.codes[0].numel()}; "
            "train one on these codes with `facevid train classifier`"
        )
    return network


def _new(known: Tensor, options: ClassifierOptions, compute: Compute) -> LatentClassifier:
    widths = (known[0].numel(), *options.hidden, len(CELEBA))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(compute.seed)
        return LatentClassifier(LatentClassifierSizes(widths)).to(compute.device)
