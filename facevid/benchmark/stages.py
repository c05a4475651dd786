"""The stages of an edit, each as something that can be run alone, again and again, on the same input."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.analysis import USUAL_RATE, Analysis
from facevid.analysis.cuts import CutDetector
from facevid.analysis.encoded import EncodedTrack
from facevid.analysis.tracking import Tracking, shots_between
from facevid.benchmark.sample import Sample
from facevid.compositing import EditedFace
from facevid.errors import ModelError
from facevid.faces.alignment import crop
from facevid.faces.identity import SIZE
from facevid.faces.landmarks import Detector, Face
from facevid.faces.people import find_people
from facevid.faces.tracking import Track, find_tracklets
from facevid.models import FaceModel
from facevid.options import CompositingOptions, TrackingOptions
from facevid.rendering.frame import composite_frame
from facevid.rendering.generation import TrackEdit
from facevid.rendering.renderer import Renderer
from facevid.utils.progress import silent
from facevid.video import Frame


@dataclass(frozen=True)
class Stage:
    """One stage and its work: `run` takes all `items` (frames, or faces) through it."""

    name: str
    items: int
    run: Callable[[], object]
    is_network: bool = False


def stages_without_face(sample: Sample, model: FaceModel) -> list[Stage]:
    """Make the stages that need no face in the picture; the networks are given random pixels instead of faces."""
    size = model.crop_size
    faces = np.random.default_rng(0).integers(0, 256, (len(sample.frames), size, size, 3), dtype=np.uint8)
    return [*_reading(sample), *_networks(model, faces), _writing(sample)]


def stages_with_face(sample: Sample, model: FaceModel, detector: Detector, pool: Executor) -> list[Stage]:
    """Make all stages, for the face that is longest in the sample.

    Compositing works on several frames at once in `pool`, as an edit does, and includes the conversion of each frame
    to RGB and of the change to the frame's own samples.

    Raises:
        NoFaceError: there is no face in it.
    """
    pictures = [frame.rgb() for frame in sample.frames]
    detected = [detector.detect(picture) for picture in pictures]
    tracking = _track(sample, pictures, detected)
    analysis = Analysis(sample.clip, detector, TrackingOptions())
    track = max(analysis.choose(tracking, "largest"), key=len)
    quads = analysis.quads(track)
    crop_all = partial(_crop, pictures, track, quads, model.crop_size)
    faces = crop_all()
    encoded = EncodedTrack(
        track,
        quads,
        analysis.landmarks(track),
        np.ones(len(track), np.float32),
        model.encode(faces).cpu().numpy(),
    )
    return [
        *_reading(sample),
        Stage("detect", len(pictures), lambda: [detector.detect(picture) for picture in pictures]),
        Stage("track", len(pictures), partial(_track, sample, pictures, detected)),
        Stage("crop", len(faces), crop_all),
        *_networks(model, faces),
        *_compositing(sample, model, encoded, pool),
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
    cut_detector = CutDetector()
    for picture in pictures:
        cut_detector.add(picture)
    cuts = cut_detector.cuts()
    max_gap = round(TrackingOptions.max_gap * (sample.clip.info.average_rate or USUAL_RATE))
    tracklets = find_tracklets(detected, cuts, max_gap)
    unknown = np.full((len(tracklets), SIZE), np.nan)
    people = find_people(tracklets, unknown, shots_between(cuts, len(pictures)), max_gap)
    pts = np.array([frame.pts for frame in sample.frames], dtype=np.int64)
    return Tracking(pts, cuts, people.tracks, people.descriptors)


def _crop(pictures: list[NDArray[np.uint8]], track: Track, quads: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    return np.stack([crop(pictures[track.first + offset], quad, size) for offset, quad in enumerate(quads)])


def _networks(model: FaceModel, faces: NDArray[np.uint8]) -> list[Stage]:
    codes, strengths = model.encode(faces), {_attribute(model): 1.0}
    return [
        Stage("encode", len(faces), lambda: model.encode(faces).cpu(), is_network=True),
        Stage("edit", len(faces), lambda: model.edit(codes, strengths), is_network=True),
        Stage("generate", len(faces), lambda: model.generate(codes).cpu(), is_network=True),
    ]


def _attribute(model: FaceModel) -> str:
    """Name an attribute that the model can edit: its first one."""
    if not model.editors:
        raise ModelError(f"{model.name}: this model edits no attribute; import a transformer with it")
    editor = model.editors[0]
    return f"{editor.method}:{editor.attribute.everyday}"


def _compositing(sample: Sample, model: FaceModel, encoded: EncodedTrack, pool: Executor) -> list[Stage]:
    keep = model.detail == "keep"
    renderer = Renderer(model, TrackingOptions.smooth, len(encoded.codes), keep_detail=keep, reconstruct=False)
    edit = TrackEdit(encoded, [(_attribute(model), np.ones(len(encoded.codes), np.float32))])
    faces = renderer.render(renderer.prepare([edit], silent), sample.frames)
    shown = [(frame, own) for frame, own in zip(sample.frames, faces, strict=True) if own]

    def finish(rendered: tuple[Frame, list[EditedFace]]) -> Frame:
        return composite_frame(*rendered, CompositingOptions.blend)

    composite = Stage("composite", len(shown), lambda: list(pool.map(finish, shown)))
    return [composite]
