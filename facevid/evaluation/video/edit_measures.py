"""Quality of an edited clip, compared with its source: flicker, shake, lips, identity, and pixels outside the edit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.errors import NoFaceError
from facevid.evaluation.video.embedding import DlibEmbedding, Embedding
from facevid.evaluation.video.face_meter import FaceMeasures, TrackMeter
from facevid.evaluation.video.frame_pairs import FramePair, frame_pairs
from facevid.evaluation.video.temporal_identity import Ratios, global_ratios, local_ratios, similarity
from facevid.faces.dlib_detector import DlibDetector
from facevid.options import TrackingOptions
from facevid.utils.progress import Progress, no_progress
from facevid.video import open_clip

MIN_FACE_CHANGE = 0.25
"""Smallest mean difference of an edited face from the source, as a fraction of the largest in the clip."""

MIN_LIP_DEVIATION = 0.04
"""Smallest standard deviation over time of the lip gap of a moving mouth, in units of the distance between the eyes.
It is 0.05 to 0.11 for speech and laughter. The landmark noise of a closed, occluded or averted mouth is up to 0.035."""

MAX_PSNR = 100.0
"""Upper bound of the PSNR, in dB, which is infinite for identical pixels."""


@dataclass(frozen=True)
class EditMeasures:
    """Measures of an edit, over the faces and frames that it changed.

    Attributes:
        frames: number of measured faces, summed over frames.
        flicker_source: mean absolute difference between each frame of the source and the previous frame warped to it
            by the source's optical flow, on a scale of 0 to 255. It is measured in the face and where the edit
            changed pixels around it, at pixels that are visible in both frames.
        flicker_edited: the same for the edit, warped by the edit's own optical flow.
        shake: mean change of the displacement between source and edit from a frame to the next, in thousandths of the
            crop's side.
        lips: correlation over time between the lip gaps in the edit and in the source, of all edited tracks, each
            relative to its mean; None if no mouth moves.
        identity: mean distance between the embeddings in the source and in the edit.
        identity_spread: standard deviation over time of that distance.
        identity_similarity: mean cosine between the embeddings in the source and in the edit.
        tl_id: similarity of neighbouring frames of the edit, relative to the source's; None without two such frames.
        tg_id: similarity of all pairs of frames of a track, relative to the source's; None without two frames.
        psnr_outside: PSNR between source and edit outside the quads of all faces, in dB, at most `MAX_PSNR`; None
            if the quads cover the frames.
    """

    frames: int
    flicker_source: float
    flicker_edited: float
    shake: float
    lips: float | None
    identity: float
    identity_spread: float
    identity_similarity: float
    tl_id: float | None
    tg_id: float | None
    psnr_outside: float | None

    @property
    def flicker(self) -> float:
        """Flicker that the edit adds to that of the source, on a scale of 0 to 255."""
        return self.flicker_edited - self.flicker_source

    @property
    def flicker_ratio(self) -> float:
        """Flicker of the edit, divided by that of the source."""
        return self.flicker_edited / max(self.flicker_source, 1e-6)


@dataclass(frozen=True)
class OverTime:
    """Measures of one track in each measured frame; NaN where a frame has none.

    Attributes:
        frame: indices of the frames, (N,).
        time: their times in seconds.
        flicker: flicker that the edit adds, on a scale of 0 to 255.
        shake: change of the displacement from the source since the frame before, in thousandths of the crop's side.
        lips_source: lip gap in the source, in units of the distance between the eyes.
        lips_edited: lip gap in the edit.
        identity_similarity: cosine between the embeddings in the source and in the edit.
        tl_id: similarity to the frame before, relative to the source's.
        psnr_outside: PSNR outside the quads of all faces in dB.
    """

    frame: NDArray[np.intp]
    time: NDArray[np.float64]
    flicker: NDArray[np.float64]
    shake: NDArray[np.float64]
    lips_source: NDArray[np.float64]
    lips_edited: NDArray[np.float64]
    identity_similarity: NDArray[np.float64]
    tl_id: NDArray[np.float64]
    psnr_outside: NDArray[np.float64]


@dataclass(frozen=True)
class TrackMeasures:
    """Measures of one edited track.

    Attributes:
        person: number of the person, as in `facevid inspect`.
        first: index of its first frame.
        last: index of its last frame.
        measures: over its edited faces.
        over_time: in each frame.
    """

    person: int
    first: int
    last: int
    measures: EditMeasures
    over_time: OverTime


@dataclass(frozen=True)
class EditEvaluation:
    """Measures of an edited clip.

    Attributes:
        embedding: name of the identity embedding.
        whole: measures of all edited tracks together.
        tracks: measures of each edited track, in order of appearance.
    """

    embedding: str
    whole: EditMeasures
    tracks: tuple[TrackMeasures, ...]


@dataclass
class _OutsideError:
    """Squared error outside the quads of all faces, by frame.

    Attributes:
        time: times of the frames in seconds.
        total: sums of the squared differences.
        count: numbers of compared values.
    """

    time: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    count: list[int] = field(default_factory=list)

    def add(self, pair: FramePair, quads: Sequence[NDArray[np.float64]]) -> None:
        """Compare a frame."""
        inside = np.zeros(pair.source.shape[:2], np.uint8)
        for quad in quads:
            cv2.fillConvexPoly(inside, np.rint(quad).astype(np.int32), 1)
        outside = inside == 0
        difference = cv2.absdiff(pair.source, pair.edited)[outside].astype(np.float64)
        self.time.append(pair.time)
        self.total.append(float((difference**2).sum()))
        self.count.append(difference.size)

    def psnr(self, frames: Sequence[int]) -> float | None:
        """Return the PSNR over some frames in dB; None if nothing is outside."""
        count = sum(self.count[frame] for frame in frames)
        if not count:
            return None
        mean = sum(self.total[frame] for frame in frames) / count
        return MAX_PSNR if mean == 0 else min(float(10 * np.log10(255**2 / mean)), MAX_PSNR)


def evaluate_edit(
    source: str | Path, edited: str | Path, embedding: Embedding | None = None, progress: Progress = no_progress
) -> EditEvaluation:
    """Measure an edit of a clip against its source.

    Faces are detected in the source, by dlib, and measured at the same positions in the edit.

    Args:
        source: the clip before the edit.
        edited: the clip after the edit.
        embedding: identity embedding; None is dlib's descriptor.
        progress: receives the progress of tracking, and the number of measured frames.

    Raises:
        UsageError: the clips differ in size, in the number of frames, or in the times of frames.
        NoFaceError: no face is detected in the source, or all faces are too small.
        InputError: a clip cannot be read.
    """
    source_clip, edited_clip = open_clip(source), open_clip(edited)
    analysis = Analysis(source_clip, DlibDetector(), TrackingOptions(faces="all"), progress)
    tracking = analysis.track()
    embedding = embedding or DlibEmbedding()
    meters = [TrackMeter(track, analysis.quads(track), embedding) for track in tracking.tracks]
    outside = _OutsideError()
    previous: FramePair | None = None
    for index, pair in enumerate(progress("measure", frame_pairs(source_clip, edited_clip), tracking.frame_count)):
        outside.add(pair, [quad for meter in meters if (quad := meter.quad(index)) is not None])
        for meter in meters:
            meter.measure(index, pair, previous)
        previous = pair
    changes = [face.change for meter in meters for face in meter.faces]
    if not changes:
        raise NoFaceError(
            f"{source}: all faces are too small or too far outside the frame to be measured; use a closer shot"
        )
    threshold = MIN_FACE_CHANGE * max(changes)
    edited_meters = [meter for meter in meters if any(face.change >= threshold for face in meter.faces)]
    tracks = tuple(
        TrackMeasures(
            person=meter.track.person,
            first=meter.track.first,
            last=meter.track.last,
            measures=_aggregate([meter], threshold, outside),
            over_time=_over_time(meter.faces, outside),
        )
        for meter in edited_meters
    )
    return EditEvaluation(embedding.name, _aggregate(edited_meters, threshold, outside), tracks)


def _aggregate(meters: Sequence[TrackMeter], threshold: float, outside: _OutsideError) -> EditMeasures:
    """Combine the measures of tracks: temporal identity over all measured faces, the rest over the edited ones.

    Args:
        meters: of the tracks, each with an edited face.
        threshold: smallest change of an edited face.
        outside: squared errors outside the faces.
    """
    tracks = [[face for face in meter.faces if face.change >= threshold] for meter in meters]
    faces = [face for track in tracks for face in track]
    flickers = np.array([face.flicker for face in faces if face.flicker is not None]).reshape(-1, 2)
    flicker_source, flicker_edited = flickers.mean(axis=0) if len(flickers) else (0.0, 0.0)
    shakes = np.concatenate([_shake(track) for track in tracks])
    before, after = np.stack([face.embeddings for face in faces], axis=1)
    distances = np.linalg.norm(after - before, axis=-1)
    local, all_pairs = Ratios(), Ratios()
    for meter in meters:
        frames = np.array([face.frame for face in meter.faces])
        embeddings = np.stack([face.embeddings for face in meter.faces], axis=1)
        ratios = local_ratios(frames, *embeddings)
        local += Ratios(float(np.nansum(ratios)), int(np.isfinite(ratios).sum()))
        all_pairs += global_ratios(*embeddings)
    covered = sorted({frame for meter in meters for frame in range(meter.track.first, meter.track.last + 1)})
    return EditMeasures(
        frames=len(faces),
        flicker_source=float(flicker_source),
        flicker_edited=float(flicker_edited),
        shake=float(np.nanmean(shakes)) if np.isfinite(shakes).any() else 0.0,
        lips=_lip_correlation(tracks),
        identity=float(distances.mean()),
        identity_spread=float(distances.std()),
        identity_similarity=float(similarity(before, after).mean()),
        tl_id=local.mean,
        tg_id=all_pairs.mean,
        psnr_outside=outside.psnr(covered),
    )


def _over_time(faces: Sequence[FaceMeasures], outside: _OutsideError) -> OverTime:
    """Arrange the measures of the faces of one track by frame."""
    frames = np.array([face.frame for face in faces])
    before, after = np.stack([face.embeddings for face in faces], axis=1)
    flickers = np.array([(np.nan, np.nan) if face.flicker is None else face.flicker for face in faces])
    gaps = np.array([face.mouth_gaps for face in faces])
    psnr = [outside.psnr([frame]) for frame in frames]
    return OverTime(
        frame=frames,
        time=np.array([outside.time[frame] for frame in frames]),
        flicker=flickers[:, 1] - flickers[:, 0],
        shake=_shake(faces),
        lips_source=gaps[:, 0],
        lips_edited=gaps[:, 1],
        identity_similarity=similarity(before, after),
        tl_id=local_ratios(frames, before, after),
        psnr_outside=np.array([np.nan if value is None else value for value in psnr]),
    )


def _shake(faces: Sequence[FaceMeasures]) -> NDArray[np.float64]:
    """Return the change of the displacement of each face since the frame before: (N,), NaN where it is not measured."""
    displacement = np.stack([face.displacement for face in faces]) if faces else np.zeros((0, 2))
    steps = 1000 * np.linalg.norm(np.diff(displacement, axis=0, prepend=np.nan), axis=-1)
    consecutive = np.diff([face.frame for face in faces], prepend=-2) == 1
    return np.where(consecutive, steps, np.nan)


def _lip_correlation(tracks: Sequence[Sequence[FaceMeasures]]) -> float | None:
    """Return the correlation between the lip gaps of source and edit; None if no mouth moves."""
    gaps = [np.array([face.mouth_gaps for face in track]) for track in tracks if track]
    source, edited = np.concatenate([gap - gap.mean(axis=0) for gap in gaps]).T
    if source.std() < MIN_LIP_DEVIATION:
        return None
    return float(np.corrcoef(source, edited)[0, 1]) if edited.std() > 0 else 0.0
