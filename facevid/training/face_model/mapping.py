"""A common space W for the codes of all layers, and a mapping network that samples it.

An autoencoder learns W+ codes in which each layer has its own space, so one w, used for all layers, does not give a
face. But the layers are correlated: as many principal components of whole codes as a layer has dimensions explain
nearly all of their variance (98 % for 12 layers of 128). W becomes the space of these components. The space of each
layer is changed by an invertible linear map, so that one w, used for all layers, gives the face with these component
coefficients. The maps are folded into the last layers of the encoder and the modulations of the generator; the
reconstructed pictures do not change.
"""

import torch
from torch import Tensor, nn

from facevid.networks import Encoder, Generator
from facevid.training.common.run import minimise

MIN_SINGULAR_VALUE = 0.02
"""Lower bound of the singular values of a layer's map, relative to the largest: keeps its inverse well-conditioned."""

STEPS = 1000
"""Training steps of the mapping network."""

BATCH_SIZE = 256
"""Samples per training step of the mapping network."""

PROJECTIONS = 64
"""Number of random directions per step that estimate the sliced Wasserstein distance."""

LEARNING_RATE = 2.0
"""Initial learning rate of Adam. It is large because the mapping network multiplies its stored weights by 0.01."""


@torch.no_grad()
def share_space(encoder: Encoder, generator: Generator, codes: Tensor) -> Tensor:
    """Change the code spaces of encoder and generator, in place, so that one w for all layers gives a face.

    Args:
        encoder: pSp encoder with an average code of 0.
        generator: the generator of the same autoencoder.
        codes: float32 (N, L, D), the encoder's codes of many faces.

    Returns:
        float32 (N, D), the w closest to each code; its dimensions are uncorrelated, with mean 0 and variance 1.
    """
    count, layers, width = codes.shape
    mean = codes.double().mean(dim=0)
    centred = (codes.double() - mean).flatten(1)
    variances, vectors = torch.linalg.eigh(centred.T @ centred / count)
    deviations = variances[-width:].clamp(min=1e-12).sqrt()
    components = vectors[:, -width:]
    bases = (components * deviations).reshape(layers, width, width)
    for layer in range(layers):
        _change_layer(encoder, generator, layer, _well_conditioned(bases[layer]), mean[layer])
    w: Tensor = (centred @ components / deviations).float()
    return w


def train_mapping(generator: Generator, w: Tensor, random: torch.Generator) -> None:
    """Train the mapping network of a generator, in place, to reproduce the distribution of w (N, D).

    The loss is the squared sliced Wasserstein distance between generated and given samples: both are projected to
    random directions and sorted, and the differences are squared.
    """
    parameters = list(generator.style.parameters())
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    width = w.shape[1]
    for parameter in parameters:
        parameter.requires_grad_(True)
    for _ in range(STEPS):
        rows = torch.randint(len(w), (BATCH_SIZE,), generator=random, device=w.device)
        z = torch.randn(BATCH_SIZE, width, generator=random, device=w.device)
        directions = torch.randn(width, PROJECTIONS, generator=random, device=w.device)
        directions = directions / directions.norm(dim=0)
        generated, target = (values @ directions for values in (generator.map(z), w[rows]))
        loss = (generated.sort(dim=0).values - target.sort(dim=0).values).square().mean()
        minimise(loss, optimizer)
        schedule.step()


def _well_conditioned(basis: Tensor) -> Tensor:
    """Raise small singular values of a matrix (D, D) to `MIN_SINGULAR_VALUE` times the largest."""
    left, singular_values, right = torch.linalg.svd(basis)
    clamped = singular_values.clamp(min=MIN_SINGULAR_VALUE * singular_values.max())
    result: Tensor = left @ torch.diag(clamped) @ right
    return result


def _change_layer(encoder: Encoder, generator: Generator, layer: int, basis: Tensor, mean: Tensor) -> None:
    """Substitute code = mean + basis @ new code, in the encoder's head and the generator's modulations of a layer."""
    head = encoder.get_submodule(f"styles.{layer}.linear")
    for name, value in (
        ("weight", torch.linalg.solve(basis, head.get_parameter("weight").double())),
        ("bias", torch.linalg.solve(basis, head.get_parameter("bias").double() - mean)),
    ):
        head.get_parameter(name).copy_(value)
    for modulation in _modulations(generator, layer):
        weight, bias = modulation.get_parameter("weight"), modulation.get_parameter("bias")
        scale = weight.shape[1] ** -0.5  # of the equalized learning rate
        bias.copy_(bias.double() + scale * weight.double() @ mean)
        weight.copy_(weight.double() @ basis)


def _modulations(generator: Generator, layer: int) -> list[nn.Module]:
    """Return the modulation layers that read the code of a layer."""
    names = ["conv1"] if layer == 0 else [f"convs.{layer - 1}"] if layer - 1 < len(generator.convs) else []
    if layer % 2:
        names.append("to_rgb1" if layer == 1 else f"to_rgbs.{(layer - 3) // 2}")
    return [generator.get_submodule(f"{name}.conv.modulation") for name in names]
