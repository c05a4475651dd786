"""Training of one latent transformer for several attributes (losses: Yao et al., ICCV 2021, equations 2 to 5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from facevid.networks import LatentClassifier, SharedTransformer, SharedTransformerSizes
from facevid.training.common.run import Compute
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.losses import EditLosses, target_loss
from facevid.training.editors.transformer import EditTraining, TransformerOptions, balanced_weights

SHARED_FILE = "tnet_shared.pth.tar"
"""File name of a shared transformer."""


def train_shared_transformer(
    codes: CodeSet,
    classifier: LatentClassifier,
    indices: Sequence[int],
    folder: Path,
    *,
    options: TransformerOptions | None = None,
    lambda_rec: Mapping[int, float] | None = None,
    scales: Mapping[int, tuple[float, float]] | None = None,
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
        scales: scales of strengths below and above 0 by attribute index, where they are not 1. The trained step flips
            the class of a code, which for some attributes is less than what users expect of a full edit.
        compute: device, seed, progress and reports.

    Returns:
        The trained transformer, in evaluation mode.
    """
    training = EditTraining.of(codes, classifier, options or TransformerOptions(), compute or Compute())
    weights = [(lambda_rec or {}).get(index, training.options.lambda_rec) for index in indices]
    sampling_weights = torch.stack([balanced_weights(training.probabilities[:, index]) for index in indices])
    network = _new_network(training, indices, scales or {})
    shared_losses = _SharedLosses(training, indices, weights)

    def losses(generator: torch.Generator) -> EditLosses:
        rows = torch.multinomial(sampling_weights, training.options.batch_size, replacement=True, generator=generator)
        return shared_losses(network, training.codes[rows], training.probabilities[rows])

    settings = {"attributes": list(indices), "lambda_rec": weights}
    training.run(network, folder / SHARED_FILE, losses, stage="shared transformer", lambda_rec=1.0, settings=settings)
    return network


class _SharedLosses:
    """The losses of edits of several attributes.

    Args:
        training: classifier, correlation, layers and options.
        indices: indices of the attributes among CelebA's.
        lambda_rec: weight of the reconstruction loss of each attribute.
    """

    def __init__(self, training: EditTraining, indices: Sequence[int], lambda_rec: Sequence[float]) -> None:
        self._training = training
        device = training.correlation.device
        self._indices = torch.tensor(list(indices), device=device)
        self._weights = 1 - training.correlation[self._indices]
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
        rows = torch.arange(len(codes), device=codes.device)
        probabilities = before[rows, :, self._indices]
        target = (probabilities < 0.5).float()
        strengths = torch.diag_embed((target - probabilities).T).transpose(
            0, 1
        )  # (A, N, A): each row edits one attribute
        classifier, layers, source = self._training.classifier, self._training.layers, codes.flatten(0, 1)
        edited = source.clone()
        edited[:, layers.start : layers.stop] += network.trained_step(source, strengths.flatten(0, 1), layers)
        logits = classifier(edited)
        after = self._training.probabilities_after(source, edited, logits).reshape(-1, *before.shape)
        logits = logits.reshape(before.shape)
        preserved = ((before - after).square() * self._weights[:, None]).sum(dim=-1)
        distances = (edited - source).reshape(codes.shape).square().mean(dim=(1, 2, 3))
        return EditLosses(
            cls=target_loss(logits[rows, :, self._indices], target),
            attr=preserved.mean(dim=(1, 2)).sum(),
            rec=(self._lambda_rec * distances).mean(),
        )


def _new_network(
    training: EditTraining, indices: Sequence[int], scales: Mapping[int, tuple[float, float]]
) -> SharedTransformer:
    """Create a transformer whose step is zero, with random features."""
    _, layers, width = training.codes.shape
    with training.compute.seeded():
        network = SharedTransformer(SharedTransformerSizes(layers, width, width, len(indices)))
    network.attributes.copy_(torch.tensor(indices))
    network.scales.copy_(torch.tensor([scales.get(index, (1.0, 1.0)) for index in indices]).T)
    return network.to(training.codes.device)
