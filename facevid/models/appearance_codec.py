"""Encoding pictures to codes of an appearance model, and decoding codes to appearance changes and pictures."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.appearance import bands
from facevid.appearance.change import AppearanceChange
from facevid.appearance.light import without_light
from facevid.appearance.mean_face import LANDMARKS, to_window
from facevid.appearance.measure import COLOUR_SIDE, ENERGY_SIDE, SIDE, Appearance, measure
from facevid.appearance.warp import spline_grid, upsampled
from facevid.faces.mesh.detector import MeshPredictor
from facevid.networks.appearance_model import HIGH, LOW, PARTS, AppearanceModel
from facevid.networks.fixed_batches import in_fixed_batches

PICTURE_SIDE = 256
"""Side of a generated picture, in pixels."""

MIN_RELATIVE_LIGHTNESS = 0.3
"""Least factor of a change of colour, on the darkest skin and in deep shade: edits stay visible there."""

MAX_RELATIVE_LIGHTNESS = 1.5
"""Greatest factor of a change of colour, in highlights: the lightness of skin is at most about 1.5 times the mean."""

PICTURE_STEP = 8
"""Spacing, in pixels, of the grid on which the warp of a generated picture is computed before it is interpolated."""


def encode_pictures(
    model: AppearanceModel,
    pictures: NDArray[np.uint8],
    landmarks: NDArray[np.floating] | None,
    device: torch.device,
    batch_size: int | None = None,
) -> Tensor:
    """Encode aligned faces.

    Args:
        model: the appearance model.
        pictures: uint8 RGB (N, H, H, 3).
        landmarks: (N, 84, 2), in pixels of the pictures; None to detect them.
        device: device of the codes.
        batch_size: as for `in_fixed_batches`.

    Returns:
        Codes, float32 (N, 3, D).
    """
    if landmarks is None:
        landmarks = MeshPredictor(device).place_in_crops(pictures)
    appearances = [
        measure(picture.astype(np.float32) / 255, points) for picture, points in zip(pictures, landmarks, strict=True)
    ]
    parts = [part.to(device) for part in flattened(appearances)]
    return in_fixed_batches(lambda *rows: [model.encode(rows)], batch_size, *parts)[0]


def flattened(appearances: list[Appearance]) -> list[Tensor]:
    """Flatten appearances to the inputs of an appearance model: shape, colour and energies, float32 (N, P) each."""
    parts = ([a.shape for a in appearances], [a.colour for a in appearances], [a.energies for a in appearances])
    return [torch.from_numpy(np.stack(part).reshape(len(part), -1)).float() for part in parts]


def decode_changes(
    model: AppearanceModel, states: Sequence[Tensor], batch_size: int | None = None
) -> list[list[AppearanceChange]]:
    """Decode the appearance changes of edits that are applied one after another.

    Each decoded value is clamped to the model's limits, the range of values among training faces, extended to the
    value before the edit. So an edit cannot make skin smoother or rougher than skin is. Light and skin tone are removed
    from the colours, so an edit does not change them. Shade and pigment absorb a share of the light, so the change of
    colour is then multiplied by the local lightness of the unedited face, relative to the mean face.

    Args:
        model: the appearance model.
        states: codes of N faces before the edits and after each of them, (N, 3, D).
        batch_size: as for `in_fixed_batches`.

    Returns:
        for each edit, the changes of the N faces.
    """
    decoded = [in_fixed_batches(model.decode, batch_size, codes) for codes in states]
    unlit = [[shape, _without_light(colour), energies] for shape, colour, energies in decoded]
    light = _lightness(decoded[0][1] - unlit[0][1])
    lightness = (light / _mean_light(model)).clip(MIN_RELATIVE_LIGHTNESS, MAX_RELATIVE_LIGHTNESS)
    return [_changes(before, after, model.limits(), lightness) for before, after in pairwise(unlit)]


def _changes(
    before: Sequence[Tensor], after: Sequence[Tensor], limits: Sequence[Tensor], lightness: NDArray[np.float32]
) -> list[AppearanceChange]:
    """Clamp decoded values, and compute their changes; see `decode_changes`."""
    differences = []
    for start, end, limit in zip(before, after, limits, strict=True):
        low, high = torch.minimum(limit[LOW], start), torch.maximum(limit[HIGH], start)
        differences.append((torch.minimum(torch.maximum(end, low), high) - start).cpu().numpy())
    shapes, colours, gains = differences
    return [
        AppearanceChange(
            shape.reshape(len(LANDMARKS), 2),
            colour.reshape(COLOUR_SIDE, COLOUR_SIDE, 3) * relative[..., None],
            gain.reshape(bands.COUNT, ENERGY_SIDE, ENERGY_SIDE),
        )
        for shape, colour, gain, relative in zip(shapes, colours, gains, lightness, strict=True)
    ]


def decode_shapes(model: AppearanceModel, codes: Tensor, batch_size: int | None = None) -> NDArray[np.float32]:
    """Decode codes (N, 3, D) to landmarks in the frame of the mean face, float32 (N, 84, 2)."""
    offsets = in_fixed_batches(model.decode, batch_size, codes)[0].cpu().numpy().reshape(-1, len(LANDMARKS), 2)
    return offsets + LANDMARKS.astype(np.float32)


def draw_pictures(model: AppearanceModel, codes: Tensor) -> Tensor:
    """Render codes (N, 3, D) as FFHQ crops: float32 (N, 3, PICTURE_SIDE, PICTURE_SIDE), RGB in [-1, 1].

    Shape, colour and local energies are decoded from the code. The detail itself is the mean detail of all training
    faces, scaled to the local energies.
    """
    shapes, colours, energies = (part.cpu().numpy() for part in model.decode(codes))
    detail = model.detail.cpu().numpy()
    rendered = [
        _render(
            shape.reshape(-1, 2),
            colour.reshape(COLOUR_SIDE, COLOUR_SIDE, 3),
            energy.reshape(bands.COUNT, ENERGY_SIDE, ENERGY_SIDE),
            detail,
        )
        for shape, colour, energy in zip(shapes, colours, energies, strict=True)
    ]
    pictures = torch.from_numpy(np.stack(rendered)) if rendered else torch.zeros(0, PICTURE_SIDE, PICTURE_SIDE, 3)
    return pictures.permute(0, 3, 1, 2).contiguous() * 2 - 1


def _without_light(colours: Tensor) -> Tensor:
    """Remove light and skin tone from flattened colour maps (N, P)."""
    return torch.from_numpy(np.stack([without_light(colour).ravel() for colour in _colour_maps(colours)])).to(colours)


@lru_cache(maxsize=2)
def _mean_light(model: AppearanceModel) -> NDArray[np.float32]:
    """Return the low-pass lightness of the mean face: float32 (1, COLOUR_SIDE, COLOUR_SIDE)."""
    colour = model.decode(torch.zeros(1, len(PARTS), model.sizes.width, device=model.detail.device))[1]
    return _lightness(colour - _without_light(colour))


def _lightness(colours: Tensor) -> NDArray[np.float32]:
    """Return L* of flattened colour maps (N, P): float32 (N, COLOUR_SIDE, COLOUR_SIDE)."""
    return _colour_maps(colours)[..., 0]


def _colour_maps(colours: Tensor) -> NDArray[np.float32]:
    maps: NDArray[np.float32] = colours.cpu().numpy().reshape(-1, COLOUR_SIDE, COLOUR_SIDE, 3)
    return maps


def _render(
    shape: NDArray[np.float32], colour: NDArray[np.float32], energies: NDArray[np.float32], detail: NDArray[np.float32]
) -> NDArray[np.float32]:
    lab = cv2.resize(colour, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    for band, energy in zip(detail, np.exp(energies), strict=True):
        lab[..., 0] += _upscale(band) * _upscale(energy)
    picture = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).clip(0, 1)
    landmarks = (shape + LANDMARKS) * (PICTURE_SIDE - 1)
    size = (PICTURE_SIDE, PICTURE_SIDE)
    grid = spline_grid(landmarks, LANDMARKS, size=size, step=PICTURE_STEP, unit=PICTURE_SIDE)
    source = to_window(upsampled(grid, size, PICTURE_STEP)).astype(np.float32) * SIDE - 0.5
    warped = cv2.remap(picture, source[..., 0], source[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


def _upscale(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)
