"""Synthetic occluders in front of a face, with exact masks; masks of real clips would have to be drawn by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import crop_to_frame

Kind = Literal["bar", "microphone", "hair", "hand"]
"""Kind of an occluder."""

KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds of occluders."""

SIDE = 512
"""Side of the square canvas of an occluder, in pixels. The canvas is placed with the size of the face's FFHQ quad."""

TIP = np.array([0.5, 0.1])
"""Upper end of an occluder in the canvas, x and y as fractions of its side. All kinds but hair reach the lower edge."""

CHEEK_LEFT = (0.30, 0.56)
"""Top left corner of a patch on the left cheek, x and y as fractions of the side of an FFHQ crop."""

CHEEK_RIGHT = (0.62, 0.56)
"""Top left corner of a patch on the right cheek, x and y as fractions of the side of an FFHQ crop."""

CHEEK_SIDE = 0.08
"""Side of the patches on the cheeks, as a fraction of the side of an FFHQ crop."""

FIRST_TIME = 0.15
"""Time at which an occluder enters, as a fraction of the clip's length."""

LAST_TIME = 0.75
"""Time at which an occluder has left again, as a fraction of the clip's length."""

CLOSEST: dict[Kind, tuple[float, float]] = {
    "bar": (0.05, 0.20),
    "microphone": (0.03, 0.10),
    "hair": (0.06, 0.10),
    "hand": (0.02, 0.05),
}
"""Distance of the upper end from the quad's centre, to the right and down, at the middle of the movement, as fractions
of the quad's side."""


@dataclass(frozen=True)
class Occluder:
    """A drawing with transparency.

    Attributes:
        colour: float32 (SIDE, SIDE, 3), RGB, 0 to 255.
        alpha: float32 (SIDE, SIDE), 1 on the occluder and 0 outside, with an antialiased edge.
    """

    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]


def draw(kind: Kind, face: NDArray[np.uint8]) -> Occluder:
    """Draw an occluder. Deterministic.

    Args:
        kind: kind of the occluder.
        face: FFHQ crop, uint8 (S, S, 3), RGB. The hand has the skin of this face, which is the hardest case.
    """
    rng = np.random.default_rng(0)
    noise = cv2.resize(rng.normal(0, 1, (SIDE // 4, SIDE // 4)).astype(np.float32), (SIDE, SIDE))[..., None]
    match kind:
        case "bar":
            alpha = _rasterised(lambda canvas: cv2.rectangle(canvas, _pixel(0.36, 0.1), _pixel(0.64, 1.1), 1.0, -1))
            return Occluder(np.array([40, 90, 160], dtype=np.float32) + 6 * noise, alpha)
        case "microphone":
            return _microphone(noise)
        case "hair":
            return _hair(rng, noise)
        case "hand":
            return _hand(_skin_texture(face))


def occlude(
    picture: NDArray[np.uint8], quad: NDArray[np.floating], occluder: Occluder, kind: Kind, time: float
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Composite an occluder over the face of one frame.

    Args:
        picture: uint8 (H, W, 3), RGB.
        quad: corners of the face's FFHQ quad, (4, 2), in pixels.
        occluder: the occluder, from `draw`.
        kind: kind of the occluder. Hair enters from the side, all other kinds from below.
        time: time in the clip, from 0 at its start to 1 at its end.

    Returns:
        The picture with the occluder, and the occlusion mask, bool (H, W).
    """
    phase = (time - FIRST_TIME) / (LAST_TIME - FIRST_TIME)
    if not 0 < phase < 1:
        return picture, np.zeros(picture.shape[:2], dtype=bool)
    retreat = 0.7 * (1 - np.sin(np.pi * phase) ** 0.7)
    sway = 0.05 * np.sin(9 * np.pi * phase)
    offset = (retreat, sway) if kind == "hair" else (sway, retreat)
    shift = np.add(CLOSEST[kind], offset) + 0.5 - TIP
    to_frame = crop_to_frame(quad, SIDE)
    to_frame[:, 2] += to_frame[:, :2] @ (shift * SIDE)
    size = picture.shape[1::-1]
    alpha = cv2.warpAffine(occluder.alpha, to_frame, size)
    colour = cv2.warpAffine(occluder.colour, to_frame, size, borderMode=cv2.BORDER_REPLICATE)
    mixed = picture + (colour - picture) * alpha[..., None]
    return np.rint(mixed).clip(0, 255).astype(np.uint8), alpha > 0.5


def _microphone(noise: NDArray[np.float32]) -> Occluder:
    radius = 0.09
    centre = _pixel(TIP[0], TIP[1] + radius)

    def outline(canvas: NDArray[np.float32]) -> None:
        cv2.line(canvas, centre, _pixel(TIP[0], 1.1), 1.0, round(0.05 * SIDE))
        cv2.circle(canvas, centre, round(radius * SIDE), 1.0, -1)

    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    # Distance from a highlight to the upper left of the centre: the ball gets darker away from it.
    distance = np.hypot(columns - centre[0] + 0.03 * SIDE, rows - centre[1] + 0.03 * SIDE) / (radius * SIDE)
    grey = 95 - 45 * np.minimum(distance, 1.2)[..., None] + 8 * noise
    return Occluder(np.repeat(grey, 3, axis=-1), _rasterised(outline))


def _hair(rng: np.random.Generator, noise: NDArray[np.float32]) -> Occluder:
    rows = np.linspace(-0.1, 1.1, 40)

    def strands(canvas: NDArray[np.float32]) -> None:
        for root, bend in zip(rng.uniform(0.42, 0.58, 14), rng.uniform(-0.1, 0.1, 14), strict=True):
            path = np.stack([root + bend * np.sin(3 * rows + 20 * bend), rows], axis=1) * SIDE
            cv2.polylines(canvas, [np.rint(path).astype(np.int32)], False, 1.0, round(0.012 * SIDE), cv2.LINE_AA)

    return Occluder(np.array([45, 30, 22], dtype=np.float32) + 8 * noise, _rasterised(strands))


def _hand(skin: NDArray[np.float32]) -> Occluder:
    """Draw a palm, four fingers and an arm, each darker towards its edge."""
    tops = ((-0.105, 0.07), (-0.037, 0.01), (0.035, 0.0), (0.104, 0.04))
    ends = [(_pixel(0.5 + x, 0.13 + y), _pixel(0.5 + 0.8 * x, 0.5)) for x, y in tops]
    parts = [_rasterised(partial(cv2.line, pt1=top, pt2=root, color=1.0, thickness=32)) for top, root in ends]
    palm = (_pixel(0.5, 0.55), (round(0.15 * SIDE), round(0.19 * SIDE)), 0.0)
    parts.append(_rasterised(lambda canvas: cv2.ellipse(canvas, *palm, 0, 360, 1.0, -1)))
    arm = (_pixel(0.5, 0.6), _pixel(0.52, 1.1), 1.0, round(0.2 * SIDE))
    parts.append(_rasterised(lambda canvas: cv2.line(canvas, *arm)))
    depth = np.max([cv2.distanceTransform((part > 0.5).astype(np.uint8), cv2.DIST_L2, 5) for part in parts], axis=0)
    brightness = 0.65 + 0.4 * np.minimum(depth / (0.04 * SIDE), 1)
    return Occluder((skin * brightness[..., None]).astype(np.float32), np.max(parts, axis=0))


def _skin_texture(face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the skin of the lighter cheek, tiled with mirroring, (SIDE, SIDE, 3)."""
    side = len(face)
    patches = []
    for x, y in (CHEEK_LEFT, CHEEK_RIGHT):
        left, top, size = round(x * side), round(y * side), max(round(CHEEK_SIDE * side), 2)
        patches.append(face[top : top + size, left : left + size])
    patch = cv2.resize(max(patches, key=np.mean), (SIDE // 8, SIDE // 8), interpolation=cv2.INTER_CUBIC)
    mirrored = np.hstack([patch, patch[:, ::-1]])
    tile = np.vstack([mirrored, mirrored[::-1]])
    return np.tile(tile, (4, 4, 1)).astype(np.float32)


def _rasterised(draw_on: Callable[[NDArray[np.float32]], object]) -> NDArray[np.float32]:
    """Return the canvas (SIDE, SIDE) after drawing on it, with soft edges."""
    canvas = np.zeros((SIDE, SIDE), dtype=np.float32)
    draw_on(canvas)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 1.0), np.float32)


def _pixel(x: float, y: float) -> tuple[int, int]:
    """Convert fractions of the canvas to pixels."""
    return round(x * SIDE), round(y * SIDE)
