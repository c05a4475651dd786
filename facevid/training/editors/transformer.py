"""Training latent transformers, one for each attribute (Yao et al., ICCV 2021, section 3.2)."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from facevid.edits.attributes import CELEBA
from facevid.errors import UsageError
from facevid.networks import LatentClassifier, LatentTransformer, LatentTransformerSizes
from facevid.training.common.run import Compute, TrainingRun, save_whole
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
    """How latent transformers are trained; the defaults are the authors' own.

    Attributes:
        edit_layers: layers of the code that are moved, None for 0-10; the others' steps stay zero.
        lambda_attr, lambda_rec: weights of equation 2.
        learning_rate: of Adam with betas 0.9 and 0.999.
        batch_size: codes a step.
        epochs: times that every code is seen.
    """

    edit_layers: range | None = None
    lambda_attr: float = 1.0
    lambda_rec: float = 10.0
    learning_rate: float = 1e-3
    batch_size: int = 32
    epochs: int = 10


def transformer_file(index: int) -> str:
    """Name the file of the transformer of CelebA's attribute `index`, as the published ones are named."""
    return f"tnet_{index}.pth.tar"


def edit_layers_of(layers: int, chosen: range | None) -> range:
    """Return the layers to move: those chosen, else 0-10 as the method's authors do, as many as there are.

    Raises:
        UsageError: the code has no such layers.
    """
    if chosen is not None and chosen.stop > layers:
        raise UsageError(f"edit layers {chosen.start}-{chosen.stop - 1}: the codes have layers 0-{layers - 1}")
    return chosen if chosen is not None else range(min(layers, 11))


def train_transformer(
    codes: CodeSet,
    classifier: LatentClassifier,
    index: int,
    folder: Path,
    *,
    options: TransformerOptions | None = None,
    compute: Compute | None = None,
) -> LatentTransformer:
    """Train T_k of CelebA's attribute k = `index`, write `tnet_<k>.pth.tar`, and return it.

    Every code is asked to change to the other class: the target y is 1 where the classifier's p_k is below one half,
    else 0, and the strength is alpha = y - p_k. Codes are drawn so that both classes come equally often. Goes on from
    `tnet_<k>.checkpoint.pt` in the folder, if it is there.
    """
    options, compute = options or TransformerOptions(), compute or Compute()
    known = codes.part(held_out=False).codes.to(compute.device)
    classifier = classifier.to(compute.device).eval().requires_grad_(False)
    correlation = label_correlation(codes.part(held_out=False).labels.to(compute.device))
    layers = edit_layers_of(known.shape[1], options.edit_layers)
    with torch.no_grad():
        before = torch.sigmoid(classifier(known))
    balance = _balance(before[:, index])
    network = _new(known, compute)
    optimizer = torch.optim.Adam(network.parameters(), options.learning_rate)
    generator = compute.generator()
    total = options.epochs * math.ceil(len(known) / options.batch_size)
    run = TrainingRun(
        folder / f"tnet_{index}.checkpoint.pt",
        _settings(options, layers, compute, len(known)),
        {"network": network},
        {"optimizer": optimizer},
        generator,
    )
    for step in run.steps(total, CELEBA[index], compute.progress):
        rows = torch.multinomial(balance, options.batch_size, replacement=True, generator=generator)
        losses = edit_losses(
            network,
            classifier,
            codes=known[rows],
            before=before[rows],
            correlation=correlation,
            k=index,
            layers=layers,
        )
        optimizer.zero_grad(set_to_none=True)
        losses.total(options.lambda_attr, options.lambda_rec).backward()
        optimizer.step()
        if (step + 1) % max(total // options.epochs, 1) == 0:
            shown = {"cls": losses.cls.item(), "attr": losses.attr.item(), "rec": losses.rec.item()}
            compute.report(step + 1, shown)
    save_whole(folder / transformer_file(index), {key: value.cpu() for key, value in network.state_dict().items()})
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
    """Edit codes (N, L, D), whose probabilities are `before` (N, 40), to the other class of k, and weigh the result."""
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


def _balance(probability: Tensor) -> Tensor:
    """Weigh each code (N,) by the inverse frequency of its class."""
    yes = probability >= 0.5
    share = yes.float().mean().clamp(1e-6, 1 - 1e-6)
    return torch.where(yes, 0.5 / share, 0.5 / (1 - share))


def _new(known: Tensor, compute: Compute) -> LatentTransformer:
    """Make a transformer whose steps are zero: layers that are not moved stay so."""
    network = LatentTransformer(LatentTransformerSizes(known.shape[1], known.shape[2]))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network.to(compute.device)


def _settings(options: TransformerOptions, layers: range, compute: Compute, count: int) -> Mapping[str, object]:
    chosen = {"edit_layers": [layers.start, layers.stop - 1], "seed": compute.seed, "codes": count}
    return asdict(options) | chosen
