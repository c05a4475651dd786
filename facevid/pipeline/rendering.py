"""Rendering of a clip in segments, and joining of the segments to the results."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from facevid.analysis.analysis import Analysis
from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.segments import FrameSource
from facevid.engines import Engine, open_engine
from facevid.errors import OutputError
from facevid.models import FaceModel
from facevid.options import Blend, EditOptions
from facevid.rendering.layer_files import join_layers
from facevid.rendering.preview_writer import PreviewWriter
from facevid.rendering.renderer import Renderer
from facevid.rendering.segment_rendering import Outputs, RenderedSegment, RenderingTask, read_counts, render_segment
from facevid.rendering.temporal_smoothing import code_radius
from facevid.rendering.track_edit import TrackEdit
from facevid.rendering.user_mattes import Mattes
from facevid.utils.progress import Progress
from facevid.video import ClipWriter, RgbWriter


def open_workers(options: EditOptions) -> AbstractContextManager[Engine | None]:
    """Start an engine; None for one local worker, which is this process."""
    if options.engine.engine == "local" and (options.engine.workers or 1) == 1:
        return nullcontext()
    import torch

    shares_gpus = options.compute.device in ("auto", "cuda")
    return open_engine(options.engine, torch.cuda.device_count() if shares_gpus else 0)


@dataclass(frozen=True)
class Rendering:
    """The rendering of a clip.

    Attributes:
        analysis: analysis of the clip.
        tracking: all tracks of the clip.
        model: model that edits and generates the faces.
        make_renderer: makes the renderer of a model.
        edits: edits of all tracks, from `Renderer.prepare`.
        blend: how generated faces are blended into the plate.
        mattes: mattes that limit the edits; None for no limit.
        frames: indices of the frames to write.
        outputs: outputs to write.
    """

    analysis: Analysis
    tracking: Tracking
    model: FaceModel
    make_renderer: "partial[Renderer]"
    edits: list[TrackEdit]
    blend: Blend
    mattes: Mattes | None
    frames: range
    outputs: Outputs

    def run(self, progress: Progress) -> RenderedSegment:
        """Render the segments that are not complete yet; return the counts of all segments.

        Raises:
            InputError: the clip cannot be decoded.
            OutputError: a segment cannot be written.
        """
        for name in ("result", "compare", "layers", "done"):
            self._make_folder(self.outputs.folder / name)
        missing = [i for i in range(len(self._segments)) if not self.outputs.done_file(i).exists()]
        clip = self.analysis.source_of_last_pass()
        tasks = (self._task(number, clip) for number in missing)
        total = sum(len(self._segments[number]) for number in missing)
        self.analysis.runner.run("edit", render_segment, tasks, progress, total)
        counts = [read_counts(self.outputs, number) for number in range(len(self._segments))]
        return RenderedSegment(sum(each.frames for each in counts), sum(each.faces for each in counts))

    def join(self, writer: ClipWriter | PreviewWriter, comparison: RgbWriter | None, part: range | None) -> None:
        """Join the segments, and move the results into place.

        Args:
            writer: writer of the result.
            comparison: writer of the comparison; None for no comparison.
            part: numbers of the frames to write; None for the whole clip.

        Raises:
            OutputError: a result cannot be written.
        """
        for output, each in (("result", writer), ("compare", comparison)):
            if each is not None:
                with each:
                    each.append(self._paths(output))
        if self.outputs.layers:
            join_layers(self._paths("layers"), self.outputs.layers, self.analysis.clip.info, part)

    def _task(self, number: int, clip: FrameSource) -> RenderingTask:
        frames, runner = self._segments[number], self.analysis.runner
        edits = self.edits
        if runner.engine is not None:  # send workers only the part of each edit that they need
            margin = code_radius(self.analysis.options.code_sigma)
            parts = (edit.part(frames, margin) for edit in edits)
            edits = [part for part in parts if part is not None]
        return RenderingTask(
            clip=clip,
            number=number,
            frames=frames,
            timeline=self.tracking.timeline.around(frames),
            model=runner.for_tasks(self.model, runner.model),
            make_renderer=self.make_renderer,
            edits=tuple(edits),
            blend=self.blend,
            mattes=self.mattes,
            outputs=self.outputs,
        )

    @cached_property
    def _segments(self) -> list[range]:
        """The frames of each segment."""
        return self.analysis.runner.segments(self.frames.start, self.frames.stop)

    def _paths(self, output: str) -> list[Path]:
        return [self.outputs.path(output, number) for number in range(len(self._segments))]

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            out = self.outputs.result.out
            raise OutputError(f"{out} cannot be written: {error.strerror}; free some space") from error
