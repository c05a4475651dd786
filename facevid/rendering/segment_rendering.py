"""Render one segment of a clip: generate and composite its faces, and encode its frames."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from facevid.analysis.segments import FrameSource, ModelSpec, loaded_model
from facevid.options import Blend
from facevid.rendering.comparison import Comparison
from facevid.rendering.frame_compositing import edit_frames
from facevid.rendering.layer_writer import LayerWriter
from facevid.rendering.preview_writer import PreviewDestination
from facevid.rendering.renderer import Renderer
from facevid.rendering.track_edit import TrackEdit
from facevid.rendering.user_mattes import Mattes
from facevid.utils.atomic_output import atomic_path
from facevid.video.reader.heap import trim_heap
from facevid.video.reader.timeline import Timeline
from facevid.video.writer.segment_writer import Destination
from facevid.video.writer.writer import padded, writable

if TYPE_CHECKING:
    from facevid.models import FaceModel


@dataclass(frozen=True)
class Outputs:
    """The outputs that are written for every segment.

    Attributes:
        folder: folder of the segments of all outputs.
        result: the edited clip, or one picture of it.
        compared: the comparison; None for none.
        comparison: draws the comparison.
        layers: final folder of the layers; None for none.
    """

    folder: Path
    result: Destination | PreviewDestination
    compared: Destination | None = None
    comparison: Comparison | None = None
    layers: Path | None = None

    def path(self, output: str, number: int) -> Path:
        """Return the path of a segment of "result", "compare" or "layers"."""
        return self.folder / output / f"{number:06}"

    def done_file(self, number: int) -> Path:
        """Return the file that is written last, when all outputs of a segment are complete."""
        return self.folder / "done" / f"{number:06}.json"


@dataclass(frozen=True)
class RenderedSegment:
    """Counts of a rendered segment.

    Attributes:
        frames: number of edited frames.
        faces: number of edited faces.
    """

    frames: int
    faces: int


@dataclass(frozen=True)
class RenderingTask:
    """Rendering of one segment.

    Attributes:
        clip: the clip.
        number: number of the segment.
        frames: its frames.
        timeline: timestamps around the first frame.
        model: edits and generates the faces.
        make_renderer: makes the renderer for the model.
        edits: of the tracks in the segment.
        blend: how generated faces are blended into the plate.
        mattes: limit the edits; None does not.
        outputs: what is written.
    """

    clip: FrameSource
    number: int
    frames: range
    timeline: Timeline
    model: "FaceModel | ModelSpec"
    make_renderer: "partial[Renderer]"
    edits: tuple[TrackEdit, ...]
    blend: Blend
    mattes: Mattes | None
    outputs: Outputs


def render_segment(task: RenderingTask) -> Iterator[int]:
    """Render the frames of a segment and write its outputs; yield after each frame."""
    outputs, number = task.outputs, task.number
    renderer = task.make_renderer(loaded_model(task.model))
    frame_count = face_count = 0
    with ExitStack() as stack:
        result = stack.enter_context(outputs.result.segment(outputs.path("result", number)))
        compared = layers = None
        if outputs.compared is not None:
            compared = stack.enter_context(outputs.compared.segment(outputs.path("compare", number)))
        if outputs.layers is not None:
            path = outputs.path("layers", number)
            layers = stack.enter_context(LayerWriter(path, outputs.layers, task.clip.info, task.edits))
        frames = trim_heap(task.clip.frames(task.frames.start, task.frames.stop, task.timeline))
        edited = edit_frames(renderer, task.edits, frames, task.blend, layers=layers, mattes=task.mattes)
        for frame in stack.enter_context(closing(edited)):
            is_edited = frame.result is not frame.plate
            result.write(writable(frame.result), frame.plate, is_edited=is_edited)
            if compared is not None and outputs.comparison is not None and outputs.compared is not None:
                picture = padded(outputs.comparison.draw(frame), outputs.compared.plan)
                compared.write(picture, frame.plate, is_edited=is_edited)
            frame_count += bool(frame.faces)
            face_count += len(frame.faces)
            yield frame.plate.index
    with atomic_path(outputs.done_file(number), durable=True) as temporary:
        temporary.write_text(json.dumps({"frames": frame_count, "faces": face_count}))


def read_counts(outputs: Outputs, number: int) -> RenderedSegment:
    """Read the counts of a complete segment."""
    counts = json.loads(outputs.done_file(number).read_text())
    return RenderedSegment(counts["frames"], counts["faces"])
