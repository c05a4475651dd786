"""Training examples of the landmark network: crops of portraits, augmented, with the points and the confidence."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.faces.mesh.crop import FaceCrop
from facevid.networks.landmarks import INPUT_SIDE
from facevid.training.landmarks.labels import LabelledPortraits
from facevid.training.landmarks.turning import Turn, depth_at
from facevid.training.occlusion.degradation import add_shadow, degrade
from facevid.training.occlusion.drawing import SIDE, Picture
from facevid.training.occlusion.occluders import random_occluder

CROPS = 2
"""Number of crops of each augmented face: their points have to agree."""

FACE = 0.82
"""Probability of a face; the other examples show none."""

TURNED = 0.5
"""Probability that a face is turned out of the plane of the picture."""

YAW_DEVIATION = 0.5
"""Standard deviation of the turn to the side, in radians."""

PITCH_DEVIATION = 0.2
"""Standard deviation of the turn up or down, in radians."""

LARGEST_YAW = 1.3
"""Largest turn to the side, in radians, including that of the portrait itself."""

KNOWN_YAW = 1.05
"""Turn to the side, in radians, up to which points are learnt; from there to `LARGEST_YAW`, confidence falls to 0."""

OCCLUDED = 0.3
"""Probability of an occluder."""

SHADOW = 0.12
"""Probability of a shadow."""

UPRIGHT = 0.85
"""Probability of a crop that is turned little in the plane, as when it follows a face; others are turned up to 90
degrees."""

ANGLE_DEVIATION = 0.15
"""Standard deviation of the angle of a crop that follows a face, in radians."""

CLOSE = 0.8
"""Probability of a crop that is shifted and scaled little, as when it follows a face; others are like a detector's."""

SHIFT_DEVIATION = 0.03
"""Standard deviation of the shift of a crop that follows a face, as a fraction of its side."""

LARGEST_SHIFT = 0.17
"""Largest shift of a crop, as a fraction of its side."""

SCALE_DEVIATION = 0.08
"""Standard deviation of the logarithm of the relative size of a crop that follows a face."""

LARGEST_SCALE = 0.35
"""Largest absolute logarithm of the relative size of a crop."""

PART_OF_FACE = 0.5
"""Probability that a crop without a whole face shows a part of one, as dlib's detector may find it: a mouth, an eye."""

PART_SIDE = (0.2, 0.5)
"""Range of the side of such a crop, as a fraction of the crop of the whole face."""

CLOSEUP_SIDE = (0.1, 0.4)
"""Range of the side of the other crops without a whole face, as a fraction of the picture's side."""

TILE_COUNTS = (3, 4, 6)
"""Numbers of tiles along each side of a shuffled picture."""

SMALL = 0.25
"""Probability of a face that is small in the picture, and enlarged."""

SMALLEST_SIDE = 36
"""Smallest side, in pixels of the picture, of the crop of a small face."""

DEGRADED = 0.5
"""Probability of blur, compression and noise; a sharp picture teaches the exact positions."""

UNUSUAL_LIGHT = 0.25
"""Probability of dark, bright or coloured light."""


@dataclass(frozen=True)
class Examples:
    """A batch of examples; the crops of one face follow each other.

    Attributes:
        crops: uint8 (N * CROPS, INPUT_SIDE, INPUT_SIDE, 3), RGB.
        points: float32 (N * CROPS, 478, 2), as fractions of the crop's side.
        confidence: float32 (N * CROPS,), 0 to 1.
        has_points: bool (N * CROPS,), whether the points are to be learnt.
        agreement: float32 (N, 2, 3), maps points of the second crop, mirrored back, to points of the first.
        mirrored: bool (N,), whether the second crop is mirrored.
    """

    crops: NDArray[np.uint8]
    points: NDArray[np.float32]
    confidence: NDArray[np.float32]
    has_points: NDArray[np.bool_]
    agreement: NDArray[np.float32]
    mirrored: NDArray[np.bool_]


@dataclass(frozen=True)
class _Face:
    """A portrait after turning and occlusion.

    Attributes:
        picture: uint8 (S, S, 3), RGB.
        points: float64 (478, 2), x and y in pixels.
        confidence: 0 to 1.
        has_points: whether the points are to be learnt.
    """

    picture: NDArray[np.uint8]
    points: NDArray[np.float64]
    confidence: float
    has_points: bool


def draw_examples(rng: np.random.Generator, portraits: LabelledPortraits, count: int) -> Examples:
    """Draw `count` faces, or pictures without a face, with `CROPS` crops of each."""
    crops, points, confidences, has_points, agreements, mirrored = [], [], [], [], [], []
    for _ in range(count):
        index = int(rng.choice(len(portraits.pictures), p=portraits.probabilities))
        other = int(rng.integers(len(portraits.pictures)))
        if rng.random() < FACE:
            face = _random_face(rng, portraits, index, other)
            placed = [_random_crop(rng, face.points) for _ in range(CROPS)]
        else:
            face = _no_face(rng, portraits, index, other)
            placed = [_closeup(rng, len(face.picture), face.points) for _ in range(CROPS)]
        flip = bool(rng.random() < 0.5)
        for crop, flipped in zip(placed, (False, flip), strict=True):
            pixels = _degraded(rng, crop.cut(face.picture, INPUT_SIDE))
            fractions = crop.to_fractions(face.points)
            if flipped:
                pixels, fractions = pixels[:, ::-1], _mirrored(fractions[portraits.mirror])
            crops.append(pixels)
            points.append(fractions)
            confidences.append(face.confidence)
            has_points.append(face.has_points)
        first, second = placed
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        origin, x, y = first.to_fractions(second.to_picture(corners))
        agreements.append(np.column_stack([x - origin, y - origin, origin]))
        mirrored.append(flip)
    return Examples(
        np.stack(crops),
        np.stack(points).astype(np.float32),
        np.array(confidences, np.float32),
        np.array(has_points),
        np.stack(agreements).astype(np.float32),
        np.array(mirrored),
    )


def _random_face(rng: np.random.Generator, portraits: LabelledPortraits, index: int, other: int) -> _Face:
    """Turn a portrait and draw occluders in front of it."""
    picture, points, yaw = portraits.pictures[index], portraits.points[index].astype(np.float64), portraits.yaw[index]
    if rng.random() < TURNED:
        target = float(np.clip(yaw + rng.normal(0, YAW_DEVIATION), -LARGEST_YAW, LARGEST_YAW))
        turn = Turn.from_angles(target - yaw, rng.normal(0, PITCH_DEVIATION), points.mean(axis=0))
        depths = depth_at(points, portraits.depths[index], len(picture))
        picture, points, yaw = turn.picture(picture, portraits.depths[index]), turn.points(points, depths), target
    confidence = float(np.clip((LARGEST_YAW - abs(yaw)) / (LARGEST_YAW - KNOWN_YAW), 0, 1))
    if rng.random() < OCCLUDED:
        picture, alpha = _with_occluder(rng, picture, portraits.pictures[other])
        cells = np.clip(points, 0, len(picture) - 1).astype(int)
        confidence *= 1 - float(alpha[cells[:, 1], cells[:, 0]].mean())
    return _Face(picture, points, confidence, abs(yaw) <= KNOWN_YAW)


def _no_face(rng: np.random.Generator, portraits: LabelledPortraits, index: int, other: int) -> _Face:
    """Return a portrait whose close-ups show no whole face: as it is, with an occluder, or with its tiles shuffled."""
    picture = portraits.pictures[index]
    match rng.integers(3):
        case 0:
            picture, _ = _with_occluder(rng, picture, portraits.pictures[other])
        case 1:
            picture = _shuffled(rng, picture)
    return _Face(picture, portraits.points[index].astype(np.float64), 0.0, False)


def _shuffled(rng: np.random.Generator, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut a picture into square tiles and put them together in random order."""
    count = int(rng.choice(TILE_COUNTS))
    tile = len(picture) // count
    whole = picture[: tile * count, : tile * count].reshape(count, tile, count, tile, 3).swapaxes(1, 2)
    tiles = rng.permutation(whole.reshape(count * count, tile, tile, 3)).reshape(count, count, tile, tile, 3)
    shuffled = tiles.swapaxes(1, 2).reshape(tile * count, tile * count, 3)
    return np.asarray(cv2.resize(shuffled, (len(picture), len(picture))), np.uint8)


def _random_crop(rng: np.random.Generator, points: NDArray[np.float64]) -> FaceCrop:
    """Return a crop of a face as the tracker or a detector would place it."""
    exact = FaceCrop.around(points)
    angle = rng.normal(0, ANGLE_DEVIATION) if rng.random() < UPRIGHT else rng.uniform(-np.pi / 2, np.pi / 2)
    if rng.random() < CLOSE:
        shift, scale = rng.normal(0, SHIFT_DEVIATION, 2), rng.normal(0, SCALE_DEVIATION)
    else:
        shift, scale = rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, 2), rng.uniform(-LARGEST_SCALE, LARGEST_SCALE)
    return FaceCrop(exact.centre + shift * exact.side, exact.side * float(np.exp(scale)), exact.angle + angle)


def _closeup(rng: np.random.Generator, side: int, points: NDArray[np.float64]) -> FaceCrop:
    """Return a crop too small to contain a whole face, on a part of the face or anywhere in a picture."""
    if rng.random() < PART_OF_FACE:
        exact = FaceCrop.around(points)
        centre = points[rng.integers(len(points))] + rng.normal(0, 0.1, 2) * exact.side
        return FaceCrop(centre, exact.side * rng.uniform(*PART_SIDE), rng.normal(0, ANGLE_DEVIATION))
    size = side * rng.uniform(*CLOSEUP_SIDE)
    return FaceCrop(rng.uniform(size / 2, side - size / 2, 2), size, rng.uniform(-np.pi, np.pi))


def _with_occluder(
    rng: np.random.Generator, picture: NDArray[np.uint8], other: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Draw an occluder over an FFHQ crop; returns it and the occluder's opacity, float32 (S, S)."""
    size = (len(picture), len(picture))
    face, texture = (cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in (picture, other))
    layer = random_occluder(rng, np.asarray(face, np.float32), np.asarray(texture, np.float32))
    alpha = np.asarray(cv2.resize(layer.alpha, size), np.float32)
    colour = cv2.resize(layer.colour, size)
    drawn = picture + (colour - picture) * alpha[..., None]
    return drawn.clip(0, 255).astype(np.uint8), alpha


def _degraded(rng: np.random.Generator, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Change the light of a crop, reduce and enlarge it, blur and compress it, and add noise."""
    picture: Picture = crop.astype(np.float32)
    if rng.random() < SHADOW:
        picture = add_shadow(rng, picture)
    if rng.random() < UNUSUAL_LIGHT:
        colour = np.exp(rng.normal(0, 0.25, 3)) * rng.uniform(0.2, 1.5)
        gamma = np.exp(rng.normal(0, 0.3))
        picture = np.asarray(255 * (picture / 255) ** gamma * colour, np.float32)
    if rng.random() < SMALL:
        small = int(rng.integers(SMALLEST_SIDE, INPUT_SIDE))
        picture = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(picture, (INPUT_SIDE, INPUT_SIDE), interpolation=cv2.INTER_LINEAR))
    picture = picture.clip(0, 255)
    return (degrade(rng, picture) if rng.random() < DEGRADED else picture).astype(np.uint8)


def _mirrored(fractions: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([1 - fractions[:, 0], fractions[:, 1]])
