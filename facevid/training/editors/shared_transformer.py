"""Training of one latent transformer for several attributes (losses: Yao et al., ICCV 2021, equations 2 to 5)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from facevid.networks import LatentClassifier, SharedTransformer, SharedTransformerSizes
from facevid.training.common.run import Compute, TrainingRun, minimise, save_atomically
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.losses import EditLosses, label_correlation, target_loss
from facevid.training.editors.transformer import (
    TransformerOptions,
    balanced_weights,
    edit_layers_of,
)

SHARED_FILE = "tnet_shared.pth.tar"


def train_shared_transformer(
    codes: CodeSet,
    classifier: LatentClassifier,
    indices: Sequence[int],
    folder: Path,
    *,
    options: TransformerOptions | None = None,
    lambda_rec: Mapping[int, float] | None = None,
    compute: Compute | None = None,
) -> SharedTransformer:
    """Train one transformer for all attributes, and write `tnet_shared.pth.tar`.

    As for `train_transformer`, each edit is towards the opposite of the class that the classifier predicts, and both
    classes of an attribute are sampled equally often. Resumes from `tnet_shared.checkpoint.pt` in `folder`, if there is
    one.

    Args:
        codes: labelled codes.
        classifier: latent classifier of these codes.
        indices: indices of the attributes among CelebA's.
        folder: folder of the result and the checkpoint.
        options: hyperparameters; `batch_size` is the number of codes of each attribute in a step.
        lambda_rec: weights of the reconstruction loss by attribute index, where they differ from that in `options`.
        compute: device, seed, progress and reports.

    Returns:
        The trained transformer, in evaluation mode.
    """
    options, compute = options or TransformerOptions(), compute or Compute()
    weights = [(lambda_rec or {}).get(index, options.lambda_rec) for index in indices]
    train = codes.part(held_out=False)
    inputs = train.codes.to(compute.device)
    classifier = classifier.to(compute.device).eval().requires_grad_(False)
    layers = edit_layers_of(inputs.shape[1], options.edit_layers)
    with torch.no_grad():
        probabilities = torch.sigmoid(classifier(inputs))
    loss = _Loss(classifier, label_correlation(train.labels.to(compute.device)), indices, weights, layers)
    sampling_weights = torch.stack([balanced_weights(probabilities[:, index]) for index in indices])
    network = _new_network(inputs, indices, compute)
    optimizer = torch.optim.Adam(network.parameters(), options.learning_rate)
    generator = compute.generator()
    total = options.epochs * math.ceil(len(inputs) / options.batch_size)
    run = TrainingRun(
        folder / "tnet_shared.checkpoint.pt",
        asdict(options)
        | {
            "attributes": list(indices),
            "lambda_rec": weights,
            "edit_layers": [layers.start, layers.stop - 1],
            "seed": compute.seed,
            "codes": len(inputs),
        },
        {"network": network},
        {"optimizer": optimizer},
        generator,
    )
    for step in run.steps(total, "shared transformer", compute.progress):
        rows = torch.multinomial(sampling_weights, options.batch_size, replacement=True, generator=generator)
        losses = loss(network, inputs[rows], probabilities[rows])
        minimise(losses.total(options.lambda_attr, 1.0), optimizer)
        if (step + 1) % max(total // options.epochs, 1) == 0:
            compute.report(step + 1, {"cls": losses.cls.item(), "attr": losses.attr.item(), "rec": losses.rec.item()})
    save_atomically(folder / SHARED_FILE, {key: value.cpu() for key, value in network.state_dict().items()})
    run.finish()
    return network.eval()


class _Loss:
    """The losses of edits of several attributes.

    Args:
        classifier: latent classifier.
        correlation: gamma of equation 4, (40, 40).
        indices: of the attributes among CelebA's.
        lambda_rec: weight of the reconstruction loss of each attribute.
        layers: layers of the code to edit.
    """

    def __init__(
        self,
        classifier: LatentClassifier,
        correlation: Tensor,
        indices: Sequence[int],
        lambda_rec: Sequence[float],
        layers: range,
    ) -> None:
        self._classifier, self._layers = classifier, layers
        device = correlation.device
        self._indices = torch.tensor(list(indices), device=device)
        self._weights = 1 - correlation[self._indices]
        self._weights[torch.arange(len(indices)), self._indices] = 0.0
        self._lambda_rec = torch.tensor(list(lambda_rec), device=device)

    def __call__(self, network: SharedTransformer, codes: Tensor, before: Tensor) -> EditLosses:
        """Edit each code towards the opposite class of one attribute.

        Args:
            network: the transformer.
            codes: (A, N, L, D), N codes to edit by each attribute.
            before: the classifier's probabilities of these codes, (A, N, 40).

        Returns:
            The losses, averaged over attributes; the reconstruction loss is already weighted.
        """
        attributes, count = codes.shape[:2]
        rows = torch.arange(attributes, device=codes.device)
        own = before[rows, :, self._indices]
        target = (own < 0.5).float()
        strengths = torch.diag_embed((target - own).T).transpose(0, 1)  # (A, N, A): each row edits one attribute
        step = network(codes.flatten(0, 1), strengths.flatten(0, 1), self._layers)
        edited = codes.flatten(0, 1).clone()
        edited[:, self._layers.start : self._layers.stop] += step
        edited = edited.reshape(codes.shape)
        logits = self._classifier(edited.flatten(0, 1)).reshape(attributes, count, -1)
        preserved = ((before - torch.sigmoid(logits)).square() * self._weights[:, None]).sum(dim=-1)
        distances = (edited - codes).square().mean(dim=(1, 2, 3))
        return EditLosses(
            cls=target_loss(logits[rows, :, self._indices], target),
            attr=preserved.mean(),
            rec=(self._lambda_rec * distances).mean(),
        )


def _new_network(codes: Tensor, indices: Sequence[int], compute: Compute) -> SharedTransformer:
    """Create a transformer whose step is zero, with random features."""
    _, layers, width = codes.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(compute.seed)
        network = SharedTransformer(SharedTransformerSizes(layers, width, width, len(indices)))
    network.attributes.copy_(torch.tensor(list(indices)))
    return network.to(compute.device)
