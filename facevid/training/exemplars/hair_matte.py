"""Where hair is: a network that tells, trained on guesses.

No label says where the hair of a picture is. On average, it is where fair-haired and black-haired people differ: a
first guess. In each picture it is what has the colours found there, which often goes wrong. A network trained on such
guesses learns what most of them have in common, and makes better ones, which another is trained on.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facevid.training.augmentation import mean_light, oval_mask
from facevid.training.exemplars.prototype import known_to_have

SIDE = 64
"""Side in pixels that pictures are brought to."""
EPOCHS = (3, 5)
"""Of the two trainings."""
BATCH, RATE = 32, 3e-3
LEAST_STEPS = 60
"""Of each training, however few pictures there are."""
GAMMA, TINT = (0.6, 1.4), 0.1
"""How pictures are changed for the training: the power of their light, and the most that a colour is off, in shares."""

FACE = (0.5, 0.64, 0.22, 0.27)
"""Oval in an FFHQ crop that holds no hair: centre and half axes, in shares of its side."""
FOREHEAD = (0.5, 0.36, 0.2, 0.12)
"""The same of one over which it may fall, which the average does not tell."""
FRINGE = 0.25
"""How likely it does."""
SHOULDERS = 0.7
"""Share of the side from which on what is behind a face is taken for clothes, of other colours than the background."""
LEAST_LIGHT = 0.06
HAIR_SPREAD, FACE_SPREAD, BACKGROUND_SPREAD = (0.08, 0.006, 0.006), (0.03, 0.003, 0.003), (0.05, 0.005, 0.005)
"""Least variances of light, and of its two colours, in logarithms."""
ROUNDS = 4
"""How often a picture's hair and its colours are found by each other."""
CERTAIN = (0.15, 0.75)
"""What the network gives less than the first is no hair, from the second on all hair."""


class HairMatte(nn.Module):
    """Tells how much of each pixel is hair."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _layer(5, 12, stride=2)
        self.quarter = nn.Sequential(_layer(12, 24, stride=2), _layer(24, 24))
        self.eighth = nn.Sequential(_layer(24, 40, stride=2), _layer(40, 40))
        self.deepest = nn.Sequential(_layer(40, 48, stride=2), _layer(48, 48))
        self.to_eighth, self.to_quarter, self.to_half = _layer(88, 40), _layer(64, 24), _layer(36, 16)
        self.out = nn.Sequential(nn.Conv2d(21, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 1, 1))

    def logits(self, light: Tensor) -> Tensor:
        """Judge FFHQ crops, float32 (N, 3, SIDE, SIDE) RGB in [0, 1]: (N, 1, SIDE, SIDE)."""
        seen = torch.cat([light * 2 - 1, _places(light).expand(len(light), -1, -1, -1)], dim=1)
        half = self.stem(seen)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        deepest = self.deepest(eighth)
        upper = self.to_eighth(torch.cat([_doubled(deepest), eighth], dim=1))
        upper = self.to_quarter(torch.cat([_doubled(upper), quarter], dim=1))
        upper = self.to_half(torch.cat([_doubled(upper), half], dim=1))
        logits: Tensor = self.out(torch.cat([_doubled(upper), seen], dim=1))
        return logits

    @torch.no_grad()
    def forward(self, light: Tensor) -> Tensor:
        """Draw the hair of FFHQ crops, float32 (N, 3, R, R) RGB in [0, 1]: (N, 1, R, R), 1 there, 0 elsewhere."""
        hair = self.logits(_small(light)).sigmoid()
        least, most = CERTAIN
        resized = F.interpolate(hair, size=light.shape[-2:], mode="bilinear", align_corners=False)
        return ((resized - least) / (most - least)).clamp(0, 1)


def learn_hair(pictures: Tensor, labels: Tensor) -> HairMatte | None:
    """Train the network.

    Args:
        pictures: uint8 (N, 3, R, R), FFHQ crops.
        labels: int8 (N, 40), CelebA's attributes: 1 yes, 0 no, -1 unknown.

    Returns:
        the network, the same for the same pictures; None where no labels tell whose hair is blond and whose is black.
    """
    known = [_small(part.float() / 255) for part in pictures.split(500)]
    light = torch.cat(known)
    guess = _first_guess(light, labels)
    if guess is None:
        return None
    bald = known_to_have(labels, "bald")
    random = torch.Generator(device=light.device).manual_seed(0)
    network = None
    for epochs in EPOCHS:
        hair = _of_colours(light, guess)
        hair = hair if network is None else (hair + guess) / 2
        hair[bald] = 0
        network = _trained(light, hair, epochs, random)
        guess = torch.cat([network.logits(part).sigmoid().detach() for part in light.split(500)])
    return network


def _first_guess(light: Tensor, labels: Tensor) -> Tensor | None:
    """Find where the fair-haired and the black-haired of each sex differ: (N, 1, SIDE, SIDE), 0 to 1."""
    grey = (light.mean(dim=1, keepdim=True) + LEAST_LIGHT / 2).log()
    guess = torch.zeros_like(grey)
    blond, black, bald = (known_to_have(labels, name) for name in ("blond", "black-hair", "bald"))
    for men in (True, False):
        of_kind = known_to_have(labels, "male", has=men)
        fair, dark = of_kind & blond & ~bald, of_kind & black & ~blond & ~bald
        if not fair.any() or not dark.any():
            continue
        lighter = grey[fair].mean(dim=0) - grey[dark].mean(dim=0)
        lighter = (lighter + lighter.flip(-1)) / 2
        lighter = (lighter - lighter.median()).clamp(min=0)
        guess[of_kind] = 0.9 * (lighter / torch.quantile(lighter.flatten(), 0.97).clamp(min=1e-6)).clamp(0, 1)
    return guess if guess.any() else None


def _of_colours(light: Tensor, guess: Tensor) -> Tensor:
    """Find what of each picture has the colours of what is guessed to be hair, and not those of face or background."""
    return torch.cat([_sorted(*parts) for parts in zip(light.split(250), guess.split(250), strict=True)])


def _sorted(light: Tensor, guess: Tensor) -> Tensor:
    logs = (light + LEAST_LIGHT).log()
    red, green, blue = logs.split(1, dim=1)
    colours = torch.cat([logs.mean(dim=1, keepdim=True), red - green, blue - green], dim=1)
    face = oval_mask(FACE, SIDE, str(light.device)).expand_as(guess)
    left, low = (place > limit for place, limit in zip(_places(light)[0], (0, 2 * SHOULDERS - 1), strict=True))
    fringe = FRINGE * oval_mask(FOREHEAD, SIDE, str(light.device))
    likely = (0.9 * guess + 0.03).maximum(fringe) * (1 - 0.9 * face)
    hair = guess**1.5 * (1 - face)
    of_face = _likelihood(colours, face, FACE_SPREAD) * (0.05 + face)
    for _ in range(ROUNDS):
        behind = (1 - guess) * (1 - face) * (1 - hair) + 1e-3
        parts = [_likelihood(colours, behind * part, BACKGROUND_SPREAD) for part in (low, left & ~low, ~left & ~low)]
        of_background = torch.stack(parts).amax(dim=0) * (1 - likely) * (1 - 0.9 * face)
        of_hair = _likelihood(colours, hair, HAIR_SPREAD) * likely
        share = of_hair / (of_hair + of_background + of_face + 1e-9)
        smooth = F.avg_pool2d(F.pad(share, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        hair = (1.6 * smooth - 0.3).clamp(0, 1)
    return hair


def _likelihood(colours: Tensor, weights: Tensor, least: tuple[float, ...]) -> Tensor:
    """Tell how likely each pixel is under the normal distribution of those weighted, (N, 1, SIDE, SIDE)."""
    mean = mean_light(colours, weights)
    variance = (
        mean_light((colours - mean).square(), weights) + torch.tensor(least, device=colours.device)[:, None, None]
    )
    return (-0.5 * ((colours - mean).square() / variance + variance.log()).sum(dim=1, keepdim=True)).exp()


def _trained(light: Tensor, hair: Tensor, epochs: int, random: torch.Generator) -> HairMatte:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = HairMatte().to(light.device)
    steps = max(LEAST_STEPS, epochs * len(light) // BATCH)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        rows = torch.randint(len(light), (BATCH,), device=light.device, generator=random)
        seen, wanted = _changed(light[rows], random), hair[rows]
        if torch.rand(1, device=light.device, generator=random) < 0.5:
            seen, wanted = seen.flip(-1), wanted.flip(-1)
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(network.logits(seen), wanted).backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def _changed(light: Tensor, random: torch.Generator) -> Tensor:
    def uniform(channels: int, least: float, most: float) -> Tensor:
        return least + (most - least) * torch.rand((len(light), channels, 1, 1), device=light.device, generator=random)

    return (light.clamp(min=1e-3) ** uniform(1, *GAMMA) * uniform(3, 1 - TINT, 1 + TINT)).clamp(0, 1)


def _layer(width: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, out, 3, stride, padding=1), nn.BatchNorm2d(out), nn.ReLU())


def _doubled(picture: Tensor) -> Tensor:
    return F.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)


def _places(light: Tensor) -> Tensor:
    """Return x and y of each pixel from -1 to 1, (1, 2, SIDE, SIDE)."""
    line = ((torch.arange(SIDE, device=light.device) + 0.5) / SIDE * 2 - 1).expand(SIDE, SIDE)
    return torch.stack([line, line.T])[None]


def _small(light: Tensor) -> Tensor:
    return F.interpolate(light, size=(SIDE, SIDE), mode="area")
