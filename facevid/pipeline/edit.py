"""The whole edit, from a source clip to the edited clip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

from facevid.analysis.analysis import USUAL_RATE, Analysis
from facevid.analysis.segments import DetectorSpec, ModelSpec, SegmentRunner
from facevid.analysis.tracking import Tracking
from facevid.edits.attribute_edit import AttributeEdit, check_totals, parse_edit
from facevid.edits.edit_file import FaceEdits, error_context
from facevid.engines import Engine
from facevid.errors import UsageError, combined
from facevid.faces.landmarks import DetectorChoice, DetectorName, choose_detector
from facevid.models import FaceModel, load_model
from facevid.options import CompositingOptions, EditOptions, TrackingOptions
from facevid.pipeline.job import job_workspace
from facevid.pipeline.rendering import Rendering, open_workers
from facevid.rendering.comparison import Comparison
from facevid.rendering.layers import check_layers
from facevid.rendering.mattes import Mattes, open_mattes
from facevid.rendering.preview_writer import PreviewWriter
from facevid.rendering.renderer import Renderer
from facevid.rendering.schedule import edited_frames, schedule, weighted_edit
from facevid.rendering.segment import Outputs, RenderedSegment
from facevid.rendering.track_edit import TrackEdit
from facevid.utils.cores import core_count
from facevid.utils.device import choose_device, limit_threads
from facevid.utils.progress import Progress, no_progress
from facevid.utils.workspace import Workspace
from facevid.video import Clip, ClipWriter, Encoding, RgbWriter, open_clip


@dataclass(frozen=True)
class EditSummary:
    """The outcome of `edit_video`.

    Attributes:
        output: path of the edited clip.
        compare: path of the comparison; None where none was asked for.
        layers: folder of the layers; None where none were asked for.
        frames: number of frames read and written.
        edited: number of frames in which at least one face was edited.
        faces: number of edited faces, summed over all frames.
        tracks: number of edited tracks.
        detector: the landmark detector, and the reason for its choice.
        device: the PyTorch device that ran the networks.
        warnings: losses in the output, and settings that are probably mistakes; one sentence each.
    """

    output: Path
    compare: Path | None
    layers: Path | None
    frames: int
    edited: int
    faces: int
    tracks: int
    detector: str
    device: str
    warnings: tuple[str, ...]

    @property
    def passed_through(self) -> int:
        """Number of frames that were written without an edit."""
        return self.frames - self.edited


def edit_video(
    source: str | Path,
    target: str | Path,
    edits: Sequence[AttributeEdit | str] | Sequence[FaceEdits],
    options: EditOptions = EditOptions(),  # noqa: B008 -- immutable
    progress: Progress = no_progress,
) -> EditSummary:
    """Edit the faces in a video, an image sequence or a still image.

    Sound, timing, frame size and colour tags are those of the source. Samples that no edit changes reach the encoder
    unchanged. `target` is written under a temporary name and moved into place when complete; after a failure it is as
    it was before.

    Args:
        source: a video file, an image sequence (`shot.%04d.png`, `shot.####.png`, a folder) or a still image.
        target: the output; a still image if the source is one.
        edits: applied in this order: strings as `--attr` takes them ("smile=+1"), parsed edits, or `FaceEdits` to edit
            faces differently. `FaceEdits` select their own faces, and `options.tracking.faces` is ignored.
        options: all other settings.
        progress: receives the progress of each stage.

    Raises:
        InputError: the source is missing or cannot be decoded to its end.
        NoFaceError: there is no face to edit.
        ModelError: the model or its weights are missing or invalid.
        UsageError: the edits or options are invalid.
        OutputError: the target cannot be written.
    """
    _check_output_names(target, options)
    face_edits = _as_face_edits(edits, options.tracking)
    clip = open_clip(source, options.rate, options.start_number, options.layer)
    device = choose_device(options.compute.device)
    mattes = open_mattes(options.compositing, clip.info)
    workspace = job_workspace(Path(target), clip.info, face_edits, options, mattes.files if mattes else ())
    options = replace(options, overwrite=options.overwrite or workspace.is_committing)
    writer = _open_writer(target, clip, options)
    model = replace(load_model(options.model, device, options.compute.precision), batch_size=options.compute.batch_size)
    limit_threads(1 if model.is_small else core_count())
    keep_detail = _keeps_detail(model, options.compositing)
    comparison, comparison_writer = _open_comparison(clip, options, keep_detail)
    _check_editors(face_edits, model)
    _check_regions(face_edits, keep_detail)
    choice = choose_detector(options.tracking.detector, device)
    with workspace, open_workers(options) as engine:
        runner = _make_runner(clip, options, choice, workspace, engine)
        analysis = Analysis(clip, choice.detector, options.tracking, progress, runner)
        tracking = analysis.track()
        frames = _frames_to_write(clip, tracking.frame_count, options)
        make_renderer = _make_renderer(options, keep_detail)
        track_edits = _prepare_edits(
            face_edits, analysis, tracking, make_renderer(model), mattes=mattes, options=options
        )
        outputs = Outputs(
            workspace.folder,
            writer.destination,
            None if comparison_writer is None else comparison_writer.destination,
            comparison,
            options.layers,
        )
        rendering = Rendering(
            analysis, tracking, model, make_renderer, track_edits, options.compositing.blend, mattes, frames, outputs
        )
        counts = rendering.run(progress)
        workspace.begin_commit()
        rendering.join(writer, comparison_writer, options.part)
    return _summary(
        target,
        options,
        device=device,
        choice=choice,
        frame_count=len(frames),
        track_count=len(track_edits),
        counts=counts,
        writer=writer,
    )


def _check_output_names(target: str | Path, options: EditOptions) -> None:
    """Raise UsageError if the comparison or the layers would be written to the target."""
    for option, path in (("--compare", options.compare), ("--layers", options.layers)):
        if path and Path(path).resolve() == Path(target).resolve():
            raise UsageError(f"{option} {path} is the same path as OUT; choose another name")


def _as_face_edits(
    edits: Sequence[AttributeEdit | str] | Sequence[FaceEdits], options: TrackingOptions
) -> list[FaceEdits]:
    """Turn edits of any kind into `FaceEdits`; the options select the faces of plain edits."""
    face_edits = [edit for edit in edits if isinstance(edit, FaceEdits)]
    plain = [edit for edit in edits if not isinstance(edit, FaceEdits)]
    if face_edits and plain:
        raise UsageError("edits mix FaceEdits with other kinds; put all of them into FaceEdits")
    if not edits:
        raise UsageError("nothing to edit: give at least one edit, such as smile=+1")
    parsed = [parse_edit(edit) if isinstance(edit, str) else edit for edit in plain]
    check_totals(parsed)
    return face_edits or [FaceEdits(parsed, options.faces)]


def _open_writer(target: str | Path, clip: Clip, options: EditOptions) -> ClipWriter | PreviewWriter:
    """Check that the target and the layers can be written, before any analysis."""
    if options.preview_frame is not None:
        others = (options.compare, options.layers, options.write_frames)
        if any(each is not None for each in others):
            raise UsageError("--preview-frame writes one picture; leave out --compare, --layers and --write-frames")
        return PreviewWriter(Path(target), clip.info.path, options.overwrite)
    encoding = Encoding(options.codec, options.crf, options.pix_fmt)
    writer = ClipWriter(target, clip, encoding=encoding, overwrite=options.overwrite, part=options.part)
    writer.destination.check()
    if options.layers:
        check_layers(options.layers, options.overwrite, options.part)
    return writer


def _prepare_edits(
    face_edits: Sequence[FaceEdits],
    analysis: Analysis,
    tracking: Tracking,
    renderer: Renderer,
    *,
    mattes: Mattes | None,
    options: EditOptions,
) -> list[TrackEdit]:
    """Schedule the edits of each track, and encode the faces of the tracks that have any."""
    scheduled = schedule(face_edits, analysis, tracking, options)
    if mattes:
        mattes.check(edited_frames(scheduled))
    encoded_tracks = analysis.encode(tracking, [track for track, _ in scheduled], renderer.model, options.compute)
    weighted_edits = [
        weighted_edit(encoded, edits) for encoded, (_, edits) in zip(encoded_tracks, scheduled, strict=True)
    ]
    return renderer.prepare(weighted_edits, analysis.progress)


def _frames_to_write(clip: Clip, count: int, options: EditOptions) -> range:
    """Return the indices of the frames to write, of a clip of `count` frames.

    Raises:
        UsageError: the clip does not have all of them.
    """
    first, number, part = clip.info.first_number, options.preview_frame, options.part
    option = "--write-frames" if number is None else "--preview-frame"
    if number is not None:
        part = range(number, number + 1)
    if part is None:
        return range(count)
    if part.start < first or part.stop > first + count:
        raise UsageError(
            f"{option} {part.start}-{part.stop - 1}: {clip.info.path} has frames {first} to {first + count - 1}; "
            "choose among these"
        )
    return range(part.start - first, part.stop - first)


def _open_comparison(clip: Clip, options: EditOptions, keep_detail: bool) -> tuple[Comparison | None, RgbWriter | None]:
    if not options.compare:
        return None, None
    comparison = Comparison.of(clip.info, reconstruct=not keep_detail)
    writer = RgbWriter(options.compare, clip, *comparison.size, overwrite=options.overwrite, part=options.part)
    return comparison, writer


def _make_runner(
    clip: Clip, options: EditOptions, choice: DetectorChoice, workspace: Workspace, engine: Engine | None
) -> SegmentRunner:
    """Divide a clip into segments of `EngineOptions.segment` seconds."""
    rate = clip.info.average_rate or USUAL_RATE
    compute = options.compute
    return SegmentRunner(
        length=max(round(Fraction(options.engine.segment) * rate), 1),
        folder=workspace.folder,
        engine=engine,
        detector=DetectorSpec(cast(DetectorName, choice.detector.name), compute.device),
        model=ModelSpec(options.model, compute.device, compute.precision, compute.batch_size),
    )


def _keeps_detail(model: FaceModel, options: CompositingOptions) -> bool:
    """Return whether edits change the pixels of the plate; False if generated faces replace them.

    Raises:
        UsageError: `--detail replace` with a model that cannot generate faces.
    """
    keep_detail = (options.detail or model.detail) == "keep"
    if not keep_detail and model.appearance is not None:
        raise UsageError(f"--detail replace: the model {model.name} cannot generate faces; use --detail keep")
    return keep_detail


def _check_editors(face_edits: Sequence[FaceEdits], model: FaceModel) -> None:
    """Raise UsageError, for all of them at once, if the model cannot edit some of the attributes."""
    mistakes = []
    for edits_of_face in face_edits:
        for edit in edits_of_face.edits:
            try:
                with error_context(edits_of_face.origin):
                    model.editor(edit.attribute)
            except UsageError as error:
                mistakes.append(error)
    if mistakes:
        raise combined(mistakes)


def _check_regions(face_edits: Sequence[FaceEdits], keep_detail: bool) -> None:
    """Raise UsageError if regions differ between edits of a generated face, which is inserted as a whole."""
    regions = {edit.regions for edits_of_face in face_edits for edit in edits_of_face.edits}
    too_strong = any(factor > 1 for each in regions for _, factor in each)
    if not keep_detail and (len(regions) > 1 or too_strong):
        raise UsageError(
            "--detail replace inserts a generated face: give all edits the same regions, with factors from 0 to 1, or "
            "use --detail keep"
        )


def _make_renderer(options: EditOptions, keep_detail: bool) -> "partial[Renderer]":
    """Return a function of a model that makes the renderer."""
    return partial(
        Renderer,
        sigma=options.tracking.code_sigma,
        batch_size=options.compute.batch_size,
        keep_detail=keep_detail,
        reconstruct=options.compare is not None and not keep_detail,
    )


def _summary(
    target: str | Path,
    options: EditOptions,
    *,
    device: str,
    choice: DetectorChoice,
    frame_count: int,
    track_count: int,
    counts: RenderedSegment,
    writer: ClipWriter | PreviewWriter,
) -> EditSummary:
    """Summarise an edit."""
    warnings = [*writer.warnings]
    if not counts.frames:
        warnings.append("no frame was edited: every strength is 0 where there is a face")
    return EditSummary(
        output=Path(target),
        compare=options.compare,
        layers=options.layers,
        frames=frame_count,
        edited=counts.frames,
        faces=counts.faces,
        tracks=track_count,
        detector=f"{choice.detector.name} ({choice.reason})",
        device=device,
        warnings=tuple(warnings),
    )
