"""Training of latent transformers, one per attribute (Yao et al., ICCV 2021, section 3.2)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

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
        preserve_each_layer: whether equation 4 is applied to the step of each layer alone, and summed. Otherwise the
            step of one layer may change an attribute if that of another layer changes it back.
        learning_rate: learning rate of Adam with betas (0.9, 0.999).
        batch_size: codes per step.
        epochs: number of passes over the codes.
    """

    edit_layers: range | None = None
    lambda_attr: float = 1.0
    lambda_rec: float = 10.0
    preserve_each_layer: bool = False
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


@dataclass(frozen=True)
class EditTraining:
    """The training of latent transformers, of one attribute or of several.

    Attributes:
        codes: training codes, float32 (N, L, D), on the device.
        classifier: the latent classifier, frozen.
        probabilities: the classifier's probabilities of the codes, (N, 40).
        correlation: gamma of equation 4, (40, 40).
        layers: layers of the code to edit.
        options: hyperparameters.
        compute: device, seed, progress and reports.
    """

    codes: Tensor
    classifier: LatentClassifier
    probabilities: Tensor
    correlation: Tensor
    layers: range
    options: TransformerOptions
    compute: Compute

    @classmethod
    def of(cls, codes: CodeSet, classifier: LatentClassifier, options: TransformerOptions, compute: Compute) -> Self:
        """Prepare the training on the codes that are not held out.

        Raises:
            UsageError: the codes have no such layers.
        """
        train = codes.part(held_out=False)
        inputs = train.codes.to(compute.device)
        classifier = classifier.to(compute.device).eval().requires_grad_(False)
        with torch.no_grad():
            probabilities = torch.sigmoid(classifier(inputs))
        correlation = label_correlation(train.labels.to(compute.device))
        layers = edit_layers_of(inputs.shape[1], options.edit_layers)
        return cls(inputs, classifier, probabilities, correlation, layers, options, compute)

    def probabilities_after(self, codes: Tensor, edited: Tensor, logits: Tensor) -> Tensor:
        """Return the attribute probabilities that equation 4 compares with those before the edit.

        Args:
            codes: codes before the edit, (N, L, D).
            edited: codes after the edit, (N, L, D).
            logits: the classifier's logits of the edited codes, (N, 40).

        Returns:
            (S, N, 40): those of the edited codes, or with `preserve_each_layer` one row for each edited layer, with the
            other layers as before.
        """
        if not self.options.preserve_each_layer:
            return torch.sigmoid(logits)[None]
        layers = torch.arange(codes.shape[1], device=codes.device)
        states = [torch.where((layers == layer)[:, None], edited, codes) for layer in self.layers]
        probabilities = torch.sigmoid(self.classifier(torch.cat(states)))
        return probabilities.reshape(len(states), *logits.shape)

    def run(
        self,
        network: nn.Module,
        file: Path,
        losses: Callable[[torch.Generator], EditLosses],
        *,
        stage: str,
        lambda_rec: float | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """Train a network, write its weights, and put it into evaluation mode.

        Resumes from the checkpoint beside `file`, if there is one, and deletes it at the end.

        Args:
            network: network to train, on the device.
            file: file of the weights.
            losses: draws the codes of a step with random numbers from the generator, and computes the losses.
            stage: name of the training in progress messages.
            lambda_rec: weight of the reconstruction loss; None for that of the options.
            settings: further settings that must not change when the training is resumed.

        Raises:
            UsageError: the checkpoint was created with other settings.
            InputError: the checkpoint is damaged.
            OutputError: a file cannot be written.
        """
        options, compute = self.options, self.compute
        optimizer = torch.optim.Adam(network.parameters(), options.learning_rate)
        generator = compute.generator()
        all_settings: dict[str, object] = {
            **asdict(options),
            "edit_layers": [self.layers.start, self.layers.stop - 1],
            "seed": compute.seed,
            "codes": len(self.codes),
            **(settings or {}),
        }
        checkpoint = file.with_name(f"{file.name.partition('.')[0]}.checkpoint.pt")
        run = TrainingRun(checkpoint, all_settings, {"network": network}, {"optimizer": optimizer}, generator)
        total = options.epochs * math.ceil(len(self.codes) / options.batch_size)
        for step in run.steps(total, stage, compute.progress):
            terms = losses(generator)
            minimise(
                terms.total(options.lambda_attr, options.lambda_rec if lambda_rec is None else lambda_rec), optimizer
            )
            if (step + 1) % max(total // options.epochs, 1) == 0:
                compute.report(step + 1, {"cls": terms.cls.item(), "attr": terms.attr.item(), "rec": terms.rec.item()})
        save_atomically(file, {key: value.cpu() for key, value in network.state_dict().items()})
        run.finish()
        network.eval()


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
    training = EditTraining.of(codes, classifier, options or TransformerOptions(), compute or Compute())
    sampling_weights = balanced_weights(training.probabilities[:, index])
    network = _new_transformer(training.codes).to(training.codes.device)

    def losses(generator: torch.Generator) -> EditLosses:
        rows = torch.multinomial(sampling_weights, training.options.batch_size, replacement=True, generator=generator)
        return edit_losses(network, training, rows, index)

    training.run(network, folder / transformer_file(index), losses, stage=CELEBA[index])
    return network


def edit_losses(network: LatentTransformer, training: EditTraining, rows: Tensor, k: int) -> EditLosses:
    """Edit codes towards the opposite class of attribute k, and compute the losses of the edit.

    Args:
        network: the transformer of attribute k.
        training: codes, classifier and layers.
        rows: indices of the codes to edit, (N,).
        k: index of the attribute among CelebA's.
    """
    codes, before = training.codes[rows], training.probabilities[rows]
    target = (before[:, k] < 0.5).float()
    alpha = (target - before[:, k])[:, None, None]
    edited = codes.clone()
    edited[:, training.layers.start : training.layers.stop] += alpha * network(codes, training.layers)
    logits = training.classifier(edited)
    after = training.probabilities_after(codes, edited, logits)
    return EditLosses(
        cls=target_loss(logits[:, k], target),
        attr=torch.stack([preservation_loss(before, each, training.correlation, k) for each in after]).sum(),
        rec=reconstruction_loss(edited, codes),
    )


def balanced_weights(probability: Tensor) -> Tensor:
    """Return a sampling weight for each code, (N,): the inverse frequency of its predicted class."""
    positive = probability >= 0.5
    frequency = positive.float().mean().clamp(1e-6, 1 - 1e-6)
    return torch.where(positive, 0.5 / frequency, 0.5 / (1 - frequency))


def _new_transformer(codes: Tensor) -> LatentTransformer:
    """Create a transformer whose step is zero; layers that are not edited receive no gradient and stay zero."""
    network = LatentTransformer(LatentTransformerSizes(codes.shape[1], codes.shape[2]))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network
