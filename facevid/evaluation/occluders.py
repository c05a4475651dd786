"""Things drawn before a face, so that their outline is known: for a real clip somebody would have to trace it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.faces.alignment import crop_to_frame

Kind = Literal["bar", "microphone", "hair", "hand"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SIDE = 512
"""Side of the square that an occluder is drawn in, in pixels; it is as large as the face's FFHQ quad."""

TIP = np.array([0.5, 0.1])
"""Where in that square an occluder's upper end is, as shares of its side; all but the hair reach the lower edge."""

CHEEK_LEFT, CHEEK_RIGHT, CHEEK_SIDE = (0.30, 0.56), (0.62, 0.56), 0.08
"""Top left corners and side of two patches in an FFHQ crop that show the cheeks' skin, as shares of the crop's side."""

BEFORE = (0.15, 0.75)
"""An occluder comes and goes again between these shares of the clip's length."""

CLOSEST: dict[Kind, tuple[float, float]] = {
    "bar": (0.05, 0.20),
    "microphone": (0.03, 0.10),
    "hair": (0.06, 0.10),
    "hand": (0.02, 0.05),
}
"""How far right of and below the quad's centre the upper end comes, as shares of the quad's side."""


@dataclass(frozen=True)
class Occluder:
    """A drawing that replaces a part of a picture.

    Attributes:
        colour: float32 (SIDE, SIDE, 3) RGB, 0 to 255.
        alpha: float32 (SIDE, SIDE), 1 on the occluder and 0 off it, an antialiased edge between.
    """

    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]


def draw(kind: Kind, face: NDArray[np.uint8]) -> Occluder:
    """Draw an occluder for the face in `face`, an FFHQ crop, uint8 (S, S, 3) RGB. It is the same each time.

    The hand's skin is the face's own, the hardest case.
    """
    rng = np.random.default_rng(0)
    grain = cv2.resize(rng.normal(0, 1, (SIDE // 4, SIDE // 4)).astype(np.float32), (SIDE, SIDE))[..., None]
    match kind:
        case "bar":
            alpha = _drawn(lambda canvas: cv2.rectangle(canvas, _pixel(0.36, 0.1), _pixel(0.64, 1.1), 1.0, -1))
            return Occluder(np.array([40, 90, 160], dtype=np.float32) + 6 * grain, alpha)
        case "microphone":
            return _microphone(grain)
        case "hair":
            return _hair(rng, grain)
        case "hand":
            return _hand(_skin(face))


def occlude(
    picture: NDArray[np.uint8], quad: NDArray[np.floating], occluder: Occluder, kind: Kind, time: float
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Put an occluder before the face of one frame.

    Args:
        picture: uint8 (H, W, 3) RGB.
        quad: (4, 2) corners of the face's FFHQ quad.
        occluder: from `draw`.
        kind: what it is; hair comes from the side, everything else from below.
        time: 0 at the clip's start, 1 at its end.

    Returns:
        The picture with the occluder, and where it is: bool (H, W).
    """
    phase = (time - BEFORE[0]) / (BEFORE[1] - BEFORE[0])
    if not 0 < phase < 1:
        return picture, np.zeros(picture.shape[:2], dtype=bool)
    away = 0.7 * (1 - np.sin(np.pi * phase) ** 0.7)
    sway = 0.05 * np.sin(9 * np.pi * phase)
    moved = (away, sway) if kind == "hair" else (sway, away)
    shift = np.add(CLOSEST[kind], moved) + 0.5 - TIP
    to_frame = crop_to_frame(quad, SIDE)
    to_frame[:, 2] += to_frame[:, :2] @ (shift * SIDE)
    size = picture.shape[1::-1]
    alpha = cv2.warpAffine(occluder.alpha, to_frame, size)
    colour = cv2.warpAffine(occluder.colour, to_frame, size, borderMode=cv2.BORDER_REPLICATE)
    mixed = picture + (colour - picture) * alpha[..., None]
    return np.rint(mixed).clip(0, 255).astype(np.uint8), alpha > 0.5


def _microphone(grain: NDArray[np.float32]) -> Occluder:
    radius = 0.09
    centre = _pixel(TIP[0], TIP[1] + radius)

    def outline(canvas: NDArray[np.float32]) -> None:
        cv2.line(canvas, centre, _pixel(TIP[0], 1.1), 1.0, round(0.05 * SIDE))
        cv2.circle(canvas, centre, round(radius * SIDE), 1.0, -1)

    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    lit = np.hypot(columns - centre[0] + 0.03 * SIDE, rows - centre[1] + 0.03 * SIDE) / (radius * SIDE)
    grey = 95 - 45 * np.minimum(lit, 1.2)[..., None] + 8 * grain
    return Occluder(np.repeat(grey, 3, axis=-1), _drawn(outline))


def _hair(rng: np.random.Generator, grain: NDArray[np.float32]) -> Occluder:
    rows = np.linspace(-0.1, 1.1, 40)

    def strands(canvas: NDArray[np.float32]) -> None:
        for root, bend in zip(rng.uniform(0.42, 0.58, 14), rng.uniform(-0.1, 0.1, 14), strict=True):
            places = np.stack([root + bend * np.sin(3 * rows + 20 * bend), rows], axis=1) * SIDE
            cv2.polylines(canvas, [np.rint(places).astype(np.int32)], False, 1.0, round(0.012 * SIDE), cv2.LINE_AA)

    return Occluder(np.array([45, 30, 22], dtype=np.float32) + 8 * grain, _drawn(strands))


def _hand(skin: NDArray[np.float32]) -> Occluder:
    """Draw a palm and four fingers, darker towards the edge of each."""
    tops = ((-0.105, 0.07), (-0.037, 0.01), (0.035, 0.0), (0.104, 0.04))
    ends = [(_pixel(0.5 + x, 0.13 + y), _pixel(0.5 + 0.8 * x, 0.5)) for x, y in tops]
    parts = [_drawn(partial(cv2.line, pt1=top, pt2=root, color=1.0, thickness=32)) for top, root in ends]
    palm = (_pixel(0.5, 0.55), (round(0.15 * SIDE), round(0.19 * SIDE)), 0.0)
    parts.append(_drawn(lambda canvas: cv2.ellipse(canvas, *palm, 0, 360, 1.0, -1)))
    parts.append(_drawn(lambda canvas: cv2.line(canvas, _pixel(0.5, 0.6), _pixel(0.52, 1.1), 1.0, round(0.2 * SIDE))))
    depth = np.max([cv2.distanceTransform((part > 0.5).astype(np.uint8), cv2.DIST_L2, 5) for part in parts], axis=0)
    light = 0.65 + 0.4 * np.minimum(depth / (0.04 * SIDE), 1)
    return Occluder((skin * light[..., None]).astype(np.float32), np.max(parts, axis=0))


def _skin(face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Fill the square with the skin of the lighter cheek, mirrored to and fro."""
    side = len(face)
    patches = []
    for x, y in (CHEEK_LEFT, CHEEK_RIGHT):
        left, top, size = round(x * side), round(y * side), max(round(CHEEK_SIDE * side), 2)
        patches.append(face[top : top + size, left : left + size])
    patch = cv2.resize(max(patches, key=np.mean), (SIDE // 8, SIDE // 8), interpolation=cv2.INTER_CUBIC)
    mirrored = np.hstack([patch, patch[:, ::-1]])
    tile = np.vstack([mirrored, mirrored[::-1]])
    return np.tile(tile, (4, 4, 1)).astype(np.float32)


def _drawn(outline: Callable[[NDArray[np.float32]], object]) -> NDArray[np.float32]:
    canvas = np.zeros((SIDE, SIDE), dtype=np.float32)
    outline(canvas)
    return cv2.GaussianBlur(canvas, (0, 0), 1.0)


def _pixel(x: float, y: float) -> tuple[int, int]:
    return round(x * SIDE), round(y * SIDE)
