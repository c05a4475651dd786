"""One space W for the codes of all layers, and a mapping network that draws from it.

Encoder and generator learn W+ codes whose layers each have a space of their own, so that no single w makes a face.
But layers vary together: the first principal components of whole codes explain nearly all of them (98 % for 12 layers
of 128). Those become W: each layer's space is changed, linearly and without loss, so that one w given to all layers
is such a component's face. The change goes into the encoder's last layers and the generator's modulations; the
pictures stay what they were.
"""

import torch
from torch import Tensor, nn

from facevid.networks import Encoder, Generator

FLOOR = 0.02
"""Least stretch of a layer's space, as a share of its largest: directions that hardly vary are not blown up."""
STEPS = 1000
BATCH = 256
DIRECTIONS = 64
RATE = 2.0
"""Learning rate of Adam on stored weights, which the mapping network multiplies by 0.01."""


@torch.no_grad()
def share_space(encoder: Encoder, generator: Generator, codes: Tensor) -> Tensor:
    """Change the spaces of the layers' codes, in place, so that one w makes a face.

    Args:
        encoder: a pSp encoder whose average code is 0.
        codes: float32 (N, L, D), what it gives for many faces.

    Returns:
        float32 (N, D), the w nearest to each code: of mean 0 and variance 1, uncorrelated.
    """
    count, layers, width = codes.shape
    mean = codes.double().mean(dim=0)
    centred = (codes.double() - mean).flatten(1)
    variances, vectors = torch.linalg.eigh(centred.T @ centred / count)
    deviations = variances[-width:].clamp(min=1e-12).sqrt()
    components = vectors[:, -width:]
    bases = (components * deviations).reshape(layers, width, width)
    for layer in range(layers):
        _change_layer(encoder, generator, layer, _invertible(bases[layer]), mean[layer])
    return (centred @ components / deviations).float()


def train_mapping(generator: Generator, w: Tensor, random: torch.Generator) -> None:
    """Train the mapping network, in place, to draw w (N, D) as they are distributed.

    Its loss is the sliced Wasserstein distance: drawn and given w, sorted along random directions, lie side by side.
    """
    parameters = list(generator.style.parameters())
    optimizer = torch.optim.Adam(parameters, lr=RATE, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    width = w.shape[1]
    for parameter in parameters:
        parameter.requires_grad_(True)
    for _ in range(STEPS):
        rows = torch.randint(len(w), (BATCH,), generator=random, device=w.device)
        z = torch.randn(BATCH, width, generator=random, device=w.device)
        directions = torch.randn(width, DIRECTIONS, generator=random, device=w.device)
        directions = directions / directions.norm(dim=0)
        drawn, given = (values @ directions for values in (generator.map(z), w[rows]))
        loss = (drawn.sort(dim=0).values - given.sort(dim=0).values).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()


def _invertible(base: Tensor) -> Tensor:
    left, stretches, right = torch.linalg.svd(base)
    return left @ torch.diag(stretches.clamp(min=FLOOR * stretches.max())) @ right


def _change_layer(encoder: Encoder, generator: Generator, layer: int, base: Tensor, mean: Tensor) -> None:
    """Let code = mean + base @ new code: the encoder gives new codes, the modulations take them."""
    head = encoder.get_submodule(f"styles.{layer}.linear")
    for name, value in (
        ("weight", torch.linalg.solve(base, head.get_parameter("weight").double())),
        ("bias", torch.linalg.solve(base, head.get_parameter("bias").double() - mean)),
    ):
        head.get_parameter(name).copy_(value)
    for modulation in _modulations(generator, layer):
        weight, bias = modulation.get_parameter("weight"), modulation.get_parameter("bias")
        scale = weight.shape[1] ** -0.5  # of the equalized learning rate
        bias.copy_(bias.double() + scale * weight.double() @ mean)
        weight.copy_(weight.double() @ base)


def _modulations(generator: Generator, layer: int) -> list[nn.Module]:
    """List the modulations that a layer's code drives."""
    names = ["conv1"] if layer == 0 else [f"convs.{layer - 1}"] if layer - 1 < len(generator.convs) else []
    if layer % 2:
        names.append("to_rgb1" if layer == 1 else f"to_rgbs.{(layer - 3) // 2}")
    return [generator.get_submodule(f"{name}.conv.modulation") for name in names]
