"""Training of latent transformers, one per attribute (Yao et al., ICCV 2021, section 3.2)."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from facevid.edits.attributes import CELEBA
from facevid.errors import UsageError
from facevid.models.assemble import PUBLISHED_EDIT_LAYERS
from facevid.networks import LatentClassifier, LatentTransformer, LatentTransformerSizes
from facevid.training.common.run import Compute, TrainingRun, minimise, save_atomically
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.losses import (
    EditLosses,
    label_correlation,
    preservation_loss,
    reconstruction_loss,
    target_loss,
)


@dataclass(frozen=True)
class TransformerOptions:
    """Hyperparameters of latent transformers; the defaults are the authors'.

    Attributes:
        edit_layers: layers of the code to edit, None for 0-10; the step is zero in all other layers.
        lambda_attr: weight of the attribute preservation loss in equation 2.
        lambda_rec: weight of the reconstruction loss in equation 2.
        learning_rate: learning rate of Adam with betas (0.9, 0.999).
        batch_size: codes per step.
        epochs: number of passes over the codes.
    """

    edit_layers: range | None = None
    lambda_attr: float = 1.0
    lambda_rec: float = 10.0
    learning_rate: float = 1e-3
    batch_size: int = 32
    epochs: int = 10


def transformer_file(index: int) -> str:
    """Return the file name of a transformer, as in the published files.

    Args:
        index: index of the attribute among CelebA's.
    """
    return f"tnet_{index}.pth.tar"


def edit_layers_of(layers: int, requested: range | None) -> range:
    """Return the layers of the code to edit.

    Args:
        layers: number of layers of the code.
        requested: layers to edit; None for 0-10, or all layers where there are fewer.

    Raises:
        UsageError: the code has no such layers.
    """
    if requested is not None and requested.stop > layers:
        raise UsageError(f"edit layers {requested.start}-{requested.stop - 1}: the codes have layers 0-{layers - 1}")
    return requested if requested is not None else range(min(layers, PUBLISHED_EDIT_LAYERS))


def train_transformer(
    codes: CodeSet,
    classifier: LatentClassifier,
    index: int,
    folder: Path,
    *,
    options: TransformerOptions | None = None,
    compute: Compute | None = None,
) -> LatentTransformer:
    """Train the transformer T_k of attribute k = `index`, and write `tnet_<k>.pth.tar`.

    The training target flips the class of every code: y is 1 if the classifier's probability p_k is below 0.5, else 0,
    and the strength is alpha = y - p_k. Codes are sampled so that both classes are equally frequent. Resumes from
    `tnet_<k>.checkpoint.pt` in `folder`, if there is one.

    Args:
        codes: labelled codes.
        classifier: latent classifier of these codes.
        index: index of the attribute among CelebA's.
        folder: folder of the result and the checkpoint.
        options: hyperparameters.
        compute: device, seed, progress and reports.

    Returns:
        The trained transformer, in evaluation mode.
    """
    options, compute = options or TransformerOptions(), compute or Compute()
    train = codes.part(held_out=False)
    inputs = train.codes.to(compute.device)
    classifier = classifier.to(compute.device).eval().requires_grad_(False)
    correlation = label_correlation(train.labels.to(compute.device))
    layers = edit_layers_of(inputs.shape[1], options.edit_layers)
    with torch.no_grad():
        probabilities = torch.sigmoid(classifier(inputs))
    sampling_weights = balanced_weights(probabilities[:, index])
    network = _new_transformer(inputs, compute)
    optimizer = torch.optim.Adam(network.parameters(), options.learning_rate)
    generator = compute.generator()
    total = options.epochs * math.ceil(len(inputs) / options.batch_size)
    checkpoint, settings = folder / f"tnet_{index}.checkpoint.pt", _settings(options, layers, compute, len(inputs))
    run = TrainingRun(checkpoint, settings, {"network": network}, {"optimizer": optimizer}, generator)
    for step in run.steps(total, CELEBA[index], compute.progress):
        rows = torch.multinomial(sampling_weights, options.batch_size, replacement=True, generator=generator)
        losses = edit_losses(
            network,
            classifier,
            codes=inputs[rows],
            before=probabilities[rows],
            correlation=correlation,
            k=index,
            layers=layers,
        )
        minimise(losses.total(options.lambda_attr, options.lambda_rec), optimizer)
        if (step + 1) % max(total // options.epochs, 1) == 0:
            compute.report(step + 1, {"cls": losses.cls.item(), "attr": losses.attr.item(), "rec": losses.rec.item()})
    save_atomically(folder / transformer_file(index), {key: value.cpu() for key, value in network.state_dict().items()})
    run.finish()
    return network.eval()


def edit_losses(
    network: LatentTransformer,
    classifier: LatentClassifier,
    *,
    codes: Tensor,
    before: Tensor,
    correlation: Tensor,
    k: int,
    layers: range,
) -> EditLosses:
    """Edit codes towards the opposite class of attribute k, and compute the losses of the edit.

    Args:
        network: the transformer of attribute k.
        classifier: latent classifier.
        codes: (N, L, D).
        before: the classifier's probabilities of these codes, (N, 40).
        correlation: gamma of equation 4, (40, 40).
        k: index of the attribute among CelebA's.
        layers: layers of the code to edit.
    """
    target = (before[:, k] < 0.5).float()
    alpha = (target - before[:, k])[:, None, None]
    edited = codes.clone()
    edited[:, layers.start : layers.stop] += alpha * network(codes, layers)
    logits = classifier(edited)
    return EditLosses(
        cls=target_loss(logits[:, k], target),
        attr=preservation_loss(before, torch.sigmoid(logits), correlation, k),
        rec=reconstruction_loss(edited, codes),
    )


def balanced_weights(probability: Tensor) -> Tensor:
    """Return a sampling weight for each code, (N,): the inverse frequency of its predicted class."""
    positive = probability >= 0.5
    frequency = positive.float().mean().clamp(1e-6, 1 - 1e-6)
    return torch.where(positive, 0.5 / frequency, 0.5 / (1 - frequency))


def _new_transformer(codes: Tensor, compute: Compute) -> LatentTransformer:
    """Create a transformer whose step is zero; layers that are not edited receive no gradient and stay zero."""
    network = LatentTransformer(LatentTransformerSizes(codes.shape[1], codes.shape[2]))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network.to(compute.device)


def _settings(options: TransformerOptions, layers: range, compute: Compute, count: int) -> Mapping[str, object]:
    resolved = {"edit_layers": [layers.start, layers.stop - 1], "seed": compute.seed, "codes": count}
    return asdict(options) | resolved
