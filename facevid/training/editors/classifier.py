"""Training of the latent classifier, which predicts attributes from W+ codes (Yao et al., ICCV 2021, section 3.2)."""

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
from facevid.training.common.run import Compute, TrainingRun, minimise, save_atomically
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.losses import class_weights, classifier_loss

CLASSIFIER_FILE = "latent_classifier.pth"
"""File name of a latent classifier."""


@dataclass(frozen=True)
class ClassifierOptions:
    """Hyperparameters of the latent classifier.

    Attributes:
        hidden: widths of the hidden layers; (2048, 512) in the published network.
        epochs: number of passes over the codes.
        batch_size: codes per step.
        learning_rate: initial learning rate of Adam with betas (0.9, 0.999); it decays to 0 along a cosine.
        noise: standard deviation of the noise added to the codes, as a fraction of their standard deviation. Without
            noise, transformers learn adversarial steps that satisfy the classifier but only change colours.
    """

    hidden: tuple[int, ...] = (256, 128)
    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 1e-3
    noise: float = 0.8


def train_classifier(
    codes: CodeSet, folder: Path, options: ClassifierOptions | None = None, compute: Compute | None = None
) -> LatentClassifier:
    """Train the classifier on the codes that are not held out, and write `latent_classifier.pth`.

    Resumes from `latent_classifier.checkpoint.pt` in `folder`, if there is one.

    Args:
        codes: labelled codes.
        folder: folder of the result and the checkpoint.
        options: hyperparameters.
        compute: device, seed, progress and reports.

    Returns:
        The trained classifier, in evaluation mode.
    """
    options, compute = options or ClassifierOptions(), compute or Compute()
    train = codes.part(held_out=False)
    inputs, labels = train.codes.to(compute.device), train.labels.to(compute.device)
    weights = class_weights(labels)
    noise_deviation = inputs.std(dim=0) * options.noise
    classifier = _new_classifier(inputs, options, compute)
    optimizer = torch.optim.Adam(classifier.parameters(), options.learning_rate)
    generator = compute.generator()
    total = options.epochs * math.ceil(len(inputs) / options.batch_size)
    settings = asdict(options) | {"seed": compute.seed, "codes": len(inputs)}
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
        rows = torch.randint(len(inputs), (options.batch_size,), device=compute.device, generator=generator)
        noise = torch.randn(inputs[rows].shape, device=compute.device, generator=generator)
        loss = classifier_loss(classifier(inputs[rows] + noise * noise_deviation), labels[rows], weights)
        minimise(loss, optimizer)
        if (step + 1) % max(total // options.epochs, 1) == 0:
            compute.report(step + 1, {"loss": loss.item()})
    classifier.eval()
    save_atomically(folder / CLASSIFIER_FILE, {name: tensor.cpu() for name, tensor in classifier.state_dict().items()})
    run.finish()
    return classifier


def balanced_accuracy(classifier: LatentClassifier, codes: CodeSet) -> dict[str, float]:
    """Compute the balanced accuracy of each attribute that has labels of both classes: the mean of both recalls.

    Returns:
        Balanced accuracy in [0, 1], by CelebA's name of the attribute.
    """
    with torch.no_grad():
        device = next(classifier.parameters()).device
        predictions = (classifier(codes.codes.to(device)) > 0).cpu()
    accuracies: dict[str, float] = {}
    for index, name in enumerate(CELEBA):
        labels = codes.labels[:, index]
        if bool((labels == YES).any()) and bool((labels == NO).any()):
            recalls = [(predictions[labels == label, index] == bool(label)).float().mean() for label in (NO, YES)]
            accuracies[name] = float((recalls[0] + recalls[1]) / 2)
    return accuracies


def read_classifier(path: Path, codes: CodeSet) -> LatentClassifier:
    """Load a latent classifier and check that it fits the codes.

    Raises:
        ModelError: the file holds no latent classifier, or one for codes of another size.
    """
    network = load_model(path).classifier if path.is_file() else None
    if network is None:
        raise ModelError(f"{path}: no latent classifier in this file; train one with `facevid train classifier`")
    if network.sizes.widths[0] != codes.codes[0].numel() or network.sizes.widths[-1] != len(CELEBA):
        raise ModelError(
            f"{path}: reads codes of {network.sizes.widths[0]} numbers, and these have {codes.codes[0].numel()}; "
            "train one on these codes with `facevid train classifier`"
        )
    return network


def _new_classifier(codes: Tensor, options: ClassifierOptions, compute: Compute) -> LatentClassifier:
    widths = (codes[0].numel(), *options.hidden, len(CELEBA))
    with compute.seeded():
        return LatentClassifier(LatentClassifierSizes(widths)).to(compute.device)
