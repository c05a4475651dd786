"""The stages of an edit as functions that can be run separately and repeatedly on the same input."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import DEFAULT_RATE, Analysis
from facevid.analysis.clip_tracking import Tracking, track_faces
from facevid.analysis.crops import FacesOfSegment, crops
from facevid.analysis.cuts import CutDetector
from facevid.analysis.encoded import EncodedTrack
from facevid.analysis.segment_detection import detect_in_order
from facevid.appearance.mean_face import LANDMARKS
from facevid.benchmark.sample import Sample
from facevid.compositing import EditedFace
from facevid.errors import ModelError
from facevid.faces.flow import landmark_flow
from facevid.faces.landmarks import Detector, Face
from facevid.models import FaceModel
from facevid.options import CompositingOptions, TrackingOptions
from facevid.rendering.frame_compositing import composite_frame
from facevid.rendering.renderer import Renderer
from facevid.rendering.track_edit import TimedEdit, TrackEdit
from facevid.utils.prefetch import prefetch_map
from facevid.utils.progress import no_progress
from facevid.video import Frame
from facevid.video.reader.timeline import Timeline


@dataclass(frozen=True)
class Stage:
    """One stage of an edit.

    Attributes:
        name: name of the stage.
        items: number of frames or faces that `run` processes.
        run: runs the stage once on all items.
        is_network: whether the stage is a network, whose operations are counted for the roofline.
    """

    name: str
    items: int
    run: Callable[[], object]
    is_network: bool = False


def stages_without_face(sample: Sample, model: FaceModel) -> list[Stage]:
    """Return the stages that need no face in the sample; networks process random pixels instead of faces."""
    size = model.crop_size
    faces = np.random.default_rng(0).integers(0, 256, (len(sample.frames), size, size, 3), dtype=np.uint8)
    landmarks = np.broadcast_to(LANDMARKS * size, (len(faces), *LANDMARKS.shape))
    return [*_reading(sample), *_networks(model, faces, landmarks), _writing(sample)]


def stages_with_face(sample: Sample, model: FaceModel, detector: Detector) -> list[Stage]:
    """Return all stages, for the longest track in the sample.

    Crops and compositing run on several frames at once, as in an edit. They include the conversion of each frame to
    RGB, and compositing that of the change back to the frame's pixel format.

    Raises:
        NoFaceError: the sample shows no face.
    """
    pictures = [frame.rgb() for frame in sample.frames]
    detected = list(detect_in_order(detector, pictures))
    tracking = _track(sample, pictures, detected)
    analysis = Analysis(sample.clip, detector, TrackingOptions())
    track = max(analysis.select(tracking, "largest"), key=len)
    tracked = FacesOfSegment(0, track.first, 0, analysis.quads(track), analysis.landmarks(track))
    crop_all = partial(_crop, sample.frames, tracked, model.crop_size)
    faces, landmarks = crop_all()
    codes = model.encode(faces, landmarks).cpu().numpy()
    encoded = EncodedTrack(track, tracked.quads, tracked.landmarks, np.ones(len(track), np.float32), codes)
    return [
        *_reading(sample),
        Stage("detect", len(pictures), lambda: list(detect_in_order(detector, pictures))),
        Stage("flow", len(pictures), partial(_flow, pictures, encoded.landmarks)),
        Stage("track", len(pictures), partial(_track, sample, pictures, detected)),
        Stage("crop", len(faces), crop_all),
        *_networks(model, faces, landmarks),
        *_rendering(sample, model, encoded),
        _writing(sample),
    ]


def _reading(sample: Sample) -> list[Stage]:
    frames = sample.frames
    return [
        Stage("decode", len(frames), sample.decode),
        Stage("colour", len(frames), lambda: [frame.rgb() for frame in frames]),
    ]


def _writing(sample: Sample) -> Stage:
    return Stage("write", len(sample.frames), sample.write)


def _track(sample: Sample, pictures: list[NDArray[np.uint8]], detected: list[list[Face]]) -> Tracking:
    """Find cuts, and track faces by motion alone."""
    cut_detector = CutDetector()
    for picture in pictures:
        cut_detector.add(picture)
    max_gap = round(TrackingOptions.max_gap * (sample.clip.info.average_rate or DEFAULT_RATE))
    timeline = Timeline(np.array([frame.pts for frame in sample.frames]))
    return track_faces(detected, timeline, cut_detector.cuts(), max_gap)


def _crop(frames: Sequence[Frame], faces: FacesOfSegment, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the crops, uint8 (N, size, size, 3) RGB, and the landmarks in them, float64 (N, 84, 2)."""
    cropped = list(crops(frames, [faces], size))
    return np.stack([each.picture for each in cropped]), np.stack([each.landmarks for each in cropped])


def _networks(model: FaceModel, faces: NDArray[np.uint8], landmarks: NDArray[np.float64]) -> list[Stage]:
    codes, strengths = model.encode(faces, landmarks), {_attribute(model): 1.0}
    edited = model.edit(codes, strengths)
    stages = [
        Stage("encode", len(faces), lambda: model.encode(faces, landmarks).cpu(), is_network=True),
        Stage("occlusion", len(faces), lambda: model.occlusion_probability(faces).cpu(), is_network=True),
        Stage("edit", len(faces), lambda: model.edit(codes, strengths), is_network=True),
    ]
    if model.appearance is not None:
        return [*stages, Stage("changes", len(faces), lambda: model.decode_changes(codes, edited), is_network=True)]
    return [*stages, Stage("generate", len(faces), lambda: model.generate(codes).cpu(), is_network=True)]


def _flow(pictures: list[NDArray[np.uint8]], landmarks: NDArray[np.float64]) -> None:
    """Measure the flow of each picture's landmarks; the first picture is compared with itself."""
    for before, after, points in zip([pictures[0], *pictures], pictures, landmarks, strict=False):
        landmark_flow(before, after, points)


def _attribute(model: FaceModel) -> str:
    """Return the first attribute that the model can edit."""
    if not model.editors:
        raise ModelError(f"{model.name}: this model has no editors; import it together with a transformer")
    editor = model.editors[0]
    return f"{editor.method}:{editor.attribute.everyday}"


def _rendering(sample: Sample, model: FaceModel, encoded: EncodedTrack) -> list[Stage]:
    keep = model.detail == "keep"
    renderer = Renderer(model, TrackingOptions.smooth, len(encoded.codes), keep_detail=keep, reconstruct=False)
    edit = TrackEdit(encoded, [TimedEdit(_attribute(model), np.ones(len(encoded.codes), np.float32))])
    faces = renderer.render(renderer.prepare([edit], no_progress), sample.frames)
    rendered = [(frame, own) for frame, own in zip(sample.frames, faces, strict=True) if own]

    def finish(pair: tuple[Frame, list[EditedFace]]) -> Frame:
        return composite_frame(*pair, CompositingOptions.blend)

    return [Stage("composite", len(rendered), lambda: list(prefetch_map(finish, rendered)))]
