"""A sample edit for the report: the largest face in one frame, before and after."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.errors import FacevidError
from facevid.faces.alignment import crop
from facevid.inspection.tracks import InspectedTrack
from facevid.options import ComputeOptions, EditOptions, TrackingOptions
from facevid.pipeline import edit_video

SAMPLE_EDIT = "smile=+1"
"""The edit: the default strength of the attribute that works on most faces."""

SIDE = 256
"""Side of the pictures in pixels."""


@dataclass(frozen=True)
class SampleEdit:
    """An edit of one face in one frame, made as of a still picture, without smoothing over time.

    Attributes:
        edit: as `--attr` takes it.
        person: number of the person.
        frame: number of the frame.
        before, after: crop of the face, uint8 (SIDE, SIDE, 3), RGB.
    """

    edit: str
    person: int
    frame: int
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]


def sample_frame(tracks: Sequence[InspectedTrack]) -> tuple[InspectedTrack, int] | None:
    """Choose the largest face that is edited by default; return its track and the index of a frame of the clip.

    The frame is the one nearest the middle of the track in which the face was detected. None if no face is edited.
    """
    edited = [inspected for inspected in tracks if inspected.edited]
    if not edited:
        return None
    largest = max(edited, key=lambda inspected: inspected.size)
    offsets = np.flatnonzero(largest.track.detected)
    offset = int(offsets[np.abs(offsets - (len(largest.track) - 1) / 2).argmin()])
    return largest, largest.track.first + offset


def make_sample_edit(
    picture: NDArray[np.uint8], inspected: InspectedTrack, index: int, options: TrackingOptions, device: str
) -> SampleEdit | None:
    """Edit the chosen face with the bundled model; None if the edit fails.

    Args:
        picture: the frame, uint8 (H, W, 3), RGB.
        inspected: track of the face.
        index: index of the frame in the clip.
        options: of the inspection; only the detector is used.
        device: device of the networks.
    """
    quad = inspected.quads[index - inspected.track.first]
    edit_options = EditOptions(
        tracking=TrackingOptions(detector=options.detector), compute=ComputeOptions(device=device), provenance=False
    )
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "frame.png", Path(folder) / "edit.png"
        # Only the surroundings of the face, so that no other face is larger.
        left, top, right, bottom = _surroundings(quad, picture.shape[1], picture.shape[0])
        part = np.ascontiguousarray(picture[top:bottom, left:right])
        cv2.imwrite(str(source), part[..., ::-1])
        try:
            edit_video(source, result, [SAMPLE_EDIT], edit_options)
        except FacevidError:
            return None
        edited = np.asarray(cv2.imread(str(result)), np.uint8)[..., ::-1]
    before, after = (crop(np.ascontiguousarray(each), quad - (left, top), SIDE) for each in (part, edited))
    return SampleEdit(SAMPLE_EDIT, inspected.track.person, inspected.first_number + index, before, after)


def _surroundings(quad: NDArray[np.floating], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the bounding box of a quad, enlarged by half to each side."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    margin = (high - low) / 2
    left, top = np.maximum(np.floor(low - margin), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(high + margin), (width, height)).astype(int).tolist()
    return left, top, right, bottom
