"""A clip whose single frames are edited on demand, at the size of a preview."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.encoded import EncodedTrack
from facevid.edits.attribute_edit import parse_edit
from facevid.models import FaceModel
from facevid.options import ComputeOptions
from facevid.rendering.frame_compositing import composite_frame
from facevid.rendering.renderer import Renderer
from facevid.rendering.track_edit import TimedEdit, TrackEdit
from facevid.utils.progress import Progress, no_progress
from facevid.video import Clip, Frame
from facevid.video.orientation import UPRIGHT

MAX_SIDE = 1280
"""Longest side of a preview, in pixels. Frames are reduced to it before the edit, so that a 4K clip is as fast."""

MAX_CACHED_FRAMES = 48
"""Reduced frames that are kept in memory, 3 MB each."""

SHAPE_RADIUS = 16
"""Frames before and after the shown one over which the change of shape is averaged. An edit of the whole clip averages
over 48; fewer are faster, and differ little."""

FaceStrengths = Mapping[int, Mapping[str, float]]
"""Strength of each attribute, by the number of the face."""


@dataclass(frozen=True)
class ReducedFrame:
    """A frame at the size of the preview, 8-bit RGB, and its scale: preview pixels per square pixel of the clip."""

    frame: Frame
    scale: float


class PreviewSession:
    """Edits single frames of a clip; safe to use from several threads, which it serves one after another.

    Attributes:
        clip: the clip.
        tracking: its faces.
        model: the model that edits them.
    """

    def __init__(
        self,
        clip: Clip,
        analysis: Analysis,
        model: FaceModel,
        compute: ComputeOptions,
        progress: Progress = no_progress,
    ) -> None:
        self.clip, self.model = clip, model
        self.tracking: Tracking = analysis.track()
        encoded = analysis.encode(self.tracking, list(self.tracking.tracks), model, compute)
        # Codes are small and are read again and again; the analysis keeps them in files.
        self._tracks = [replace(each, codes=np.asarray(each.codes[0 : len(each.track)])) for each in encoded]
        keep_detail = model.detail == "keep"
        sigma = analysis.options.code_sigma
        self._renderer = Renderer(
            model, sigma=sigma, batch_size=compute.batch_size, keep_detail=keep_detail, reconstruct=False
        )
        self._frames: OrderedDict[int, ReducedFrame] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def frame_count(self) -> int:
        """Number of frames of the clip."""
        return self.tracking.frame_count

    def faces(self, index: int) -> list[tuple[int, list[float]]]:
        """Return the number and the box (left, top, width, height, as shares of the frame) of each face in a frame."""
        width, height = self.clip.info.square_size
        found = []
        for track in self.tracking.tracks:
            if track.first <= index <= track.last:
                left, top, right, bottom = track.boxes[index - track.first].tolist()
                found.append(
                    (track.person, [left / width, top / height, (right - left) / width, (bottom - top) / height])
                )
        return found

    def source(self, index: int) -> NDArray[np.uint8]:
        """Return a frame as uint8 (H, W, 3) RGB."""
        with self._lock:
            return self._reduced(index).frame.rgb()

    def edited(self, index: int, strengths: FaceStrengths) -> NDArray[np.uint8]:
        """Return a frame with edits of its faces, uint8 (H, W, 3) RGB.

        Raises:
            UsageError: the model cannot edit an attribute, or a strength is out of range.
        """
        with self._lock:
            reduced = self._reduced(index)
            edits = [
                self._track_edit(encoded, index, strengths[encoded.track.person], reduced.scale)
                for encoded in self._tracks
                if encoded.track.first <= index <= encoded.track.last and strengths.get(encoded.track.person)
            ]
            prepared = self._renderer.prepare(edits, no_progress)
            (faces,) = self._renderer.render(prepared, [reduced.frame])
            return composite_frame(reduced.frame, faces, "seamless").rgb()

    def _track_edit(self, encoded: EncodedTrack, index: int, strengths: Mapping[str, float], scale: float) -> TrackEdit:
        """Return constant edits of the frames of a track near one frame, in the pixels of the preview."""
        offset = index - encoded.track.first
        near = slice(max(offset - SHAPE_RADIUS, 0), offset + SHAPE_RADIUS + 1)
        track = replace(
            encoded.track,
            first=encoded.track.first + near.start,
            landmarks=encoded.track.landmarks[near] * np.float32(scale),
            detected=encoded.track.detected[near],
            scores=encoded.track.scores[near],
            flow=encoded.track.flow[near] * np.float32(scale),
        )
        part = EncodedTrack(
            track,
            (encoded.quads[near] + 0.5) * scale - 0.5,
            (encoded.landmarks[near] + 0.5) * scale - 0.5,
            encoded.edit_weights[near],
            np.asarray(encoded.codes[near]),
            None if encoded.visibility is None else np.asarray(encoded.visibility[near]),
        )
        edits = [parse_edit(f"{name}={value:.4f}") for name, value in strengths.items() if value]
        for edit in edits:
            self.model.editor(edit.attribute)
        weights = part.edit_weights
        return TrackEdit(part, [TimedEdit(edit.attribute, weights * np.float32(edit.values[0])) for edit in edits])

    def _reduced(self, index: int) -> ReducedFrame:
        if index in self._frames:
            self._frames.move_to_end(index)
            return self._frames[index]
        frame = next(self.clip.frames(index, index + 1, self.tracking.timeline))
        picture = frame.rgb()
        scale = min(MAX_SIDE / max(picture.shape[:2]), 1.0)
        if scale < 1:
            size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        native = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        reduced = ReducedFrame(replace(frame, native=native, orientation=UPRIGHT, aspect=Fraction(1)), scale)
        self._frames[index] = reduced
        if len(self._frames) > MAX_CACHED_FRAMES:
            self._frames.popitem(last=False)
        return reduced
