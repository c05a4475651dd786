"""The overlay: tracks drawn on the frames of the clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.compositing.matte import face_matte
from facevid.faces.alignment import crop_to_frame, landmarks_in_crop, quad_side
from facevid.inspection.text import BLACK, LINE_HEIGHT, WHITE, Colour, draw_text
from facevid.inspection.tracks import InspectedTrack

EDITED_COLOUR: Colour = (60, 255, 130)
"""Of faces that would be edited: green."""

UNEDITED_COLOUR: Colour = (70, 190, 255)
"""Of all other faces: blue."""

CUT_COLOUR: Colour = (255, 70, 200)
"""Of the border around the first frame of a shot: magenta."""

SUBPIXEL_BITS = 4
"""Fractional bits of the coordinates that OpenCV draws with, so that motion of less than a pixel is visible."""

LANDMARK_RADIUS = 1 / 320
"""Radius of a landmark, as a share of the quad's side."""

MIN_LANDMARK_RADIUS = 0.6
"""Smallest radius of a landmark in pixels: still visible on small faces."""

MATTE_SIDE = 256
"""Side of the crop in which the outline of the matte is found, in pixels."""

DASHES = 12
"""Dashes along each side of the quad of a bridged frame."""

DASH_START = 0.2
"""Start of a dash, as a share of the period."""

DASH_END = 0.8
"""End of a dash, as a share of the period. Dashes are longer than gaps, so that the side still reads as a line."""


@dataclass(frozen=True)
class Scale:
    """Sizes of text and lines, in pixels, that are legible at the size of the picture.

    Attributes:
        font_size: of labels.
        line_width: of outlines.
    """

    font_size: int
    line_width: int

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> "Scale":
        """Return the scale for a picture (H, W, 3)."""
        side = min(picture.shape[:2])
        # At 1080 lines: text of 30 pixels, lines of 2. Text below 11 pixels is not legible.
        return cls(font_size=max(11, round(side / 36)), line_width=max(1, round(side / 540)))


def draw_overlay(
    picture: NDArray[np.uint8],
    index: int,
    tracks: Sequence[InspectedTrack],
    *,
    is_cut: bool = False,
    first_number: int = 0,
) -> None:
    """Draw the faces of one frame, its number, and a border if it begins a shot.

    Each face gets its landmarks and its quad, green if it would be edited, else blue. The quad is dashed if the frame
    is bridged. The label has the number of the person and the confidence of the detector. If the face would be edited,
    a white line outlines the matte.

    Args:
        picture: uint8 (H, W, 3), RGB; drawn on in place.
        index: index of the frame.
        tracks: all tracks of the clip.
        is_cut: whether the frame begins a shot after a cut.
        first_number: number of the clip's first frame.
    """
    scale = Scale.of(picture)
    present = [(track, offset) for track in tracks if (offset := track.offset(index)) is not None]
    for track, offset in present:
        _draw_face(picture, track, offset, scale)
    for track, offset in present:
        _draw_label(picture, track, offset, scale)
    if is_cut:
        height, width = picture.shape[:2]
        cv2.rectangle(picture, (0, 0), (width - 1, height - 1), CUT_COLOUR, 4 * scale.line_width)
    labels = [f"frame {first_number + index}", *(["cut"] if is_cut else []), *([] if present else ["no face"])]
    colour, background = (BLACK, CUT_COLOUR) if is_cut else (WHITE, BLACK)
    draw_text(picture, ", ".join(labels), (0, 0), scale.font_size, colour=colour, background=background)


def _draw_face(picture: NDArray[np.uint8], inspected: InspectedTrack, offset: int, scale: Scale) -> None:
    colour, quad = _colour(inspected), inspected.quads[offset]
    landmarks, is_detected = inspected.track.landmarks[offset], bool(inspected.track.detected[offset])
    lines = _fixed_point(quad[None] if is_detected else _dashes(quad))
    cv2.polylines(picture, list(lines), is_detected, colour, scale.line_width, cv2.LINE_AA, SUBPIXEL_BITS)
    if inspected.edited:
        outline = _fixed_point(_matte_outline(landmarks, quad))
        cv2.polylines(picture, [outline], True, WHITE, scale.line_width, cv2.LINE_AA, SUBPIXEL_BITS)
    radius = round(max(quad_side(quad) * LANDMARK_RADIUS, MIN_LANDMARK_RADIUS) * 2**SUBPIXEL_BITS)
    for point in _fixed_point(landmarks).tolist():
        cv2.circle(picture, point, radius, colour, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)


def _matte_outline(landmarks: NDArray[np.floating], quad: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the contour where a face's matte is 0.5: float64 (P, 2), in pixels of the frame."""
    matte = face_matte(landmarks_in_crop(landmarks, quad, MATTE_SIDE), MATTE_SIDE)
    contours, _ = cv2.findContours((matte > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    longest = max(contours, key=len, default=np.zeros((1, 1, 2)))
    outline: NDArray[np.float64] = cv2.transform(longest.astype(np.float64), crop_to_frame(quad, MATTE_SIDE))[:, 0]
    return outline


def _draw_label(picture: NDArray[np.uint8], inspected: InspectedTrack, offset: int, scale: Scale) -> None:
    """Draw the person's number and the detector's confidence above the quad, below the label of the frame."""
    track = inspected.track
    state = f"detected {track.scores[offset]:.2f}" if track.detected[offset] else "bridged"
    left, top = inspected.quads[offset].min(axis=0)
    line_height = LINE_HEIGHT * scale.font_size
    corner = left, max(top - line_height, line_height)
    text = f"{track.person}: {state}"
    draw_text(picture, text, corner, scale.font_size, colour=BLACK, background=_colour(inspected))


def _colour(inspected: InspectedTrack) -> Colour:
    return EDITED_COLOUR if inspected.edited else UNEDITED_COLOUR


def _dashes(quad: NDArray[np.floating]) -> NDArray[np.float64]:
    """Divide the sides of a quad (4, 2) into dashes: the end points of each, float64 (4 * DASHES, 2, 2)."""
    positions = (np.arange(DASHES)[:, None] + (DASH_START, DASH_END))[..., None] / DASHES
    next_corner = np.roll(quad, -1, axis=0)
    return (quad[:, None, None] * (1 - positions) + next_corner[:, None, None] * positions).reshape(-1, 2, 2)


def _fixed_point(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Convert coordinates in pixels to fixed point with `SUBPIXEL_BITS` fractional bits."""
    fixed: NDArray[np.int32] = np.rint(points * 2**SUBPIXEL_BITS).astype(np.int32)
    return fixed
