"""The overlay: what tracking found, drawn on the clip's own frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.matte import face_matte
from facevid.faces.alignment import crop_to_frame, landmarks_in_crop, quad_side
from facevid.inspection.text import BLACK, LINE_HEIGHT, WHITE, Colour, draw_text
from facevid.inspection.tracks import InspectedTrack

EDITED: Colour = (60, 255, 130)
OTHER: Colour = (70, 190, 255)
CUT: Colour = (255, 70, 200)

SUBPIXEL = 4
"""Bits of fraction of the coordinates given to OpenCV: landmarks that move by less than a pixel are seen to."""

DOT = 1 / 320
"""Radius of a landmark, in units of the quad's side."""

MATTE = 256
"""Side of the crop, in pixels, at which mattes are outlined."""

DASHES = 12
"""Dashes along each side of the quad of a bridged frame."""


@dataclass(frozen=True)
class Scale:
    """How large things are drawn, in pixels, so that they read on a picture of 224 pixels and on one of 4K.

    Attributes:
        text: size of the font.
        line: thickness of lines.
    """

    text: int
    line: int

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> "Scale":
        """Choose for a picture (H, W, 3)."""
        side = min(picture.shape[:2])
        return cls(text=max(11, round(side / 36)), line=max(1, round(side / 540)))


def draw_overlay(
    picture: NDArray[np.uint8],
    index: int,
    tracks: Sequence[InspectedTrack],
    *,
    is_cut: bool = False,
    first_number: int = 0,
) -> None:
    """Draw the faces of one frame, its number, and whether it begins a shot.

    A face's landmarks and quad are drawn in one colour where an edit would edit it, in another where not; the quad is
    dashed where the detector missed the face. Beside it stand the person's number and the detector's confidence. A
    white line goes around the matte, within which an edit would show.

    Args:
        picture: uint8 (H, W, 3) RGB; changed.
        index: of the frame.
        tracks: all of the clip.
        is_cut: whether a cut comes right before this frame.
        first_number: of the clip.
    """
    scale = Scale.of(picture)
    present = [(track, offset) for track in tracks if (offset := track.offset(index)) is not None]
    for track, offset in present:
        _draw_face(picture, track, offset, scale)
    for track, offset in present:
        _draw_label(picture, track, offset, scale)
    if is_cut:
        height, width = picture.shape[:2]
        cv2.rectangle(picture, (0, 0), (width - 1, height - 1), CUT, 4 * scale.line)
    told = [f"frame {first_number + index}", *(["cut"] if is_cut else []), *([] if present else ["no face"])]
    ink, paper = (BLACK, CUT) if is_cut else (WHITE, BLACK)
    draw_text(picture, ", ".join(told), (0, 0), scale.text, ink=ink, paper=paper)


def _draw_face(picture: NDArray[np.uint8], track: InspectedTrack, offset: int, scale: Scale) -> None:
    colour, quad = _colour(track), track.quads[offset]
    is_detected = track.track.detected[offset]
    sides = _fixed(quad[None] if is_detected else _dashed(quad))
    cv2.polylines(picture, list(sides), bool(is_detected), colour, scale.line, cv2.LINE_AA, SUBPIXEL)
    if track.edited:
        outline = _matte_outline(track.track.landmarks[offset], quad)
        cv2.polylines(picture, [_fixed(outline)], True, WHITE, scale.line, cv2.LINE_AA, SUBPIXEL)
    radius = round(max(quad_side(quad) * DOT, 0.6) * 2**SUBPIXEL)
    for point in _fixed(track.track.landmarks[offset]).tolist():
        cv2.circle(picture, point, radius, colour, cv2.FILLED, cv2.LINE_AA, SUBPIXEL)


def _matte_outline(landmarks: NDArray[np.floating], quad: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the line, (P, 2) in pixels of the frame, along which a face's matte is one half."""
    inside = (face_matte(landmarks_in_crop(landmarks, quad, MATTE), MATTE) > 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    longest = max(contours, key=len, default=np.zeros((1, 1, 2)))
    return cv2.transform(longest.astype(np.float64), crop_to_frame(quad, MATTE))[:, 0]


def _draw_label(picture: NDArray[np.uint8], track: InspectedTrack, offset: int, scale: Scale) -> None:
    state = f"detected {track.track.scores[offset]:.2f}" if track.track.detected[offset] else "bridged"
    left, top = track.quads[offset].min(axis=0)
    above = max(top - LINE_HEIGHT * scale.text, LINE_HEIGHT * scale.text)
    draw_text(picture, f"{track.track.number}: {state}", (left, above), scale.text, ink=BLACK, paper=_colour(track))


def _colour(track: InspectedTrack) -> Colour:
    return EDITED if track.edited else OTHER


def _dashed(quad: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cut a quad's sides into dashes, (4 * DASHES, 2, 2)."""
    steps = (np.arange(DASHES)[:, None] + (0.2, 0.8))[..., None] / DASHES
    after = np.roll(quad, -1, axis=0)
    return (quad[:, None, None] * (1 - steps) + after[:, None, None] * steps).reshape(-1, 2, 2)


def _fixed(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Turn coordinates into the fixed-point numbers that OpenCV draws with."""
    return np.rint(points * 2**SUBPIXEL).astype(np.int32)
