"""Pictures of the report that are collected while the clip is read: a frame of each problem, and of the sample edit."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.inspection.problems import Problem, by_kind
from facevid.inspection.sample_edit import SampleEdit, make_sample_edit, sample_frame
from facevid.inspection.tracks import InspectedTrack
from facevid.options import TrackingOptions

MAX_PICTURES_PER_KIND = 8
"""Problems of one kind of which the report shows a frame, so that its size is bounded."""

MAX_SIDE = 320
"""Longest side of a frame in the report, in pixels."""


class ReportPictures:
    """Collects the pictures in one pass over the clip.

    Args:
        problems: of the clip, sorted as `find_problems` returns them.
        tracks: of the clip.
        first_number: number of the clip's first frame.

    Attributes:
        of_problems: the middle frame of each problem, with the overlay: uint8 (H, W, 3), RGB.
    """

    def __init__(self, problems: Sequence[Problem], tracks: Sequence[InspectedTrack], first_number: int) -> None:
        self.of_problems: dict[Problem, NDArray[np.uint8]] = {}
        self._problems: dict[int, list[Problem]] = {}
        for same_kind in by_kind([problem for problem in problems if problem.edited]):
            for problem in same_kind[:MAX_PICTURES_PER_KIND]:
                self._problems.setdefault(problem.middle - first_number, []).append(problem)
        self._sample = sample_frame(tracks)
        self._sample_picture: NDArray[np.uint8] | None = None

    def add_source(self, picture: NDArray[np.uint8], index: int) -> None:
        """Keep frame `index`, uint8 (H, W, 3) RGB, if the sample edit is of this frame."""
        if self._sample is not None and index == self._sample[1]:
            self._sample_picture = picture.copy()

    def add_overlay(self, picture: NDArray[np.uint8], index: int) -> None:
        """Keep frame `index` with its overlay, uint8 (H, W, 3) RGB, reduced, if it has problems."""
        if index not in self._problems:
            return
        height, width = picture.shape[:2]
        scale = min(MAX_SIDE / max(height, width), 1.0)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        reduced = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        self.of_problems |= dict.fromkeys(self._problems[index], reduced)

    def sample_edit(self, options: TrackingOptions, device: str) -> SampleEdit | None:
        """Make the sample edit; None if no face is edited by default, or the edit fails."""
        if self._sample is None or self._sample_picture is None:
            return None
        inspected, index = self._sample
        return make_sample_edit(self._sample_picture, inspected, index, options, device)
