"""The whole edit, from a source clip to the edited clip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

from facevid.analysis.analysis import DEFAULT_RATE, Analysis
from facevid.analysis.clip_tracking import Tracking
from facevid.analysis.segments import DetectorSpec, ModelSpec, SegmentRunner
from facevid.edits.attribute_edit import AttributeEdit
from facevid.edits.edit_file import FaceEdits
from facevid.engines import Engine
from facevid.errors import UsageError
from facevid.faces.landmarks import DetectorChoice, DetectorName, choose_detector
from facevid.models import FaceModel, load_model
from facevid.models.store import model_name
from facevid.options import EditOptions
from facevid.pipeline.checks import (
    as_face_edits,
    check_editors,
    check_output_names,
    check_regions,
    frames_to_write,
    keeps_detail,
)
from facevid.pipeline.job import job_workspace
from facevid.pipeline.rendering import Rendering, open_workers
from facevid.provenance.signing import Signer, check_signable
from facevid.provenance.statement import Provenance
from facevid.rendering.comparison import Comparison
from facevid.rendering.layer_files import check_layers
from facevid.rendering.preview_writer import PreviewWriter
from facevid.rendering.renderer import Renderer
from facevid.rendering.schedule import edited_frames, schedule, weighted_edit
from facevid.rendering.segment_rendering import Outputs, RenderedSegment
from facevid.rendering.track_edit import TrackEdit
from facevid.rendering.user_mattes import Mattes, open_mattes
from facevid.utils.cores import core_count
from facevid.utils.device import choose_device, limit_threads
from facevid.utils.progress import Progress, no_progress
from facevid.utils.workspace import Workspace
from facevid.video import Clip, ClipWriter, Encoding, RgbWriter, open_clip
from facevid.video.writer.sequence_output import sequence_target


@dataclass(frozen=True)
class EditSummary:
    """The outcome of `edit_video`.

    Attributes:
        output: path of the edited clip.
        compare: path of the comparison; None if it was not requested.
        layers: folder of the layers; None if they were not requested.
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
    check_output_names(target, options)
    face_edits = as_face_edits(edits, options.tracking)
    clip = open_clip(source, options.rate, options.start_number, options.layer)
    device = choose_device(options.compute.device)
    mattes = open_mattes(options.compositing, clip.info)
    workspace = job_workspace(Path(target), clip.info, face_edits, options, mattes.files if mattes else ())
    options = replace(options, overwrite=options.overwrite or workspace.is_committing)
    writer = _open_writer(target, clip, face_edits, options)
    model = _load_model(options, device)
    keep_detail = keeps_detail(model, options.compositing)
    comparison, comparison_writer = _open_comparison(clip, options, keep_detail)
    check_editors(face_edits, model)
    check_regions(face_edits, keep_detail)
    choice = choose_detector(options.tracking.detector, device)
    make_renderer = _make_renderer(options, keep_detail)
    with workspace, open_workers(options) as engine:
        runner = _make_runner(clip, options, choice, workspace, engine)
        analysis = Analysis(clip, choice.detector, options.tracking, progress, runner)
        tracking = analysis.track()
        frames = frames_to_write(clip, tracking.frame_count, options)
        renderer = make_renderer(model)
        track_edits = _prepare_edits(face_edits, analysis, tracking, renderer, frames, mattes=mattes, options=options)
        compared = comparison_writer.destination if comparison_writer else None
        outputs = Outputs(workspace.folder, writer.destination, compared, comparison, options.layers)
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


def _load_model(options: EditOptions, device: str) -> FaceModel:
    """Load the model, and limit the threads of PyTorch to as many as its networks can use."""
    compute = options.compute
    model = replace(load_model(options.model, device, compute.precision), batch_size=compute.batch_size)
    limit_threads(1 if model.is_small else core_count())
    return model


def _open_writer(
    target: str | Path, clip: Clip, edits: Sequence[FaceEdits], options: EditOptions
) -> ClipWriter | PreviewWriter:
    """Check that the target and the layers can be written, and signed, before any analysis."""
    provenance = _provenance(options)
    if options.preview_frame is not None:
        others = (options.compare, options.layers, options.write_frames, options.sign)
        if any(each is not None for each in others):
            raise UsageError(
                "--preview-frame writes one picture; leave out --compare, --layers, --sign and --write-frames"
            )
        return PreviewWriter(Path(target), clip.info.path, options.overwrite, provenance)
    encoding = Encoding(options.codec, options.crf, options.pix_fmt)
    writer = ClipWriter(
        target,
        clip,
        encoding=encoding,
        overwrite=options.overwrite,
        part=options.part,
        provenance=provenance,
        signer=_open_signer(Path(target), clip, edits, options),
    )
    writer.destination.check()
    if options.layers:
        check_layers(options.layers, options.overwrite, options.part)
    return writer


def _provenance(options: EditOptions) -> Provenance | None:
    return Provenance(model_name(options.model)) if options.provenance else None


def _open_signer(out: Path, clip: Clip, edits: Sequence[FaceEdits], options: EditOptions) -> Signer | None:
    """Check that the result can be signed, and make a trial signature; None if it is not to be signed."""
    if options.sign is None:
        return None
    provenance = _provenance(options)
    if provenance is None:
        raise UsageError("--sign states the origin of the result; leave out --no-provenance")
    check_signable(out, sequence_target(out, clip.info) is not None)
    texts = dict.fromkeys(edit.summary for edits_of_face in edits for edit in edits_of_face.edits)
    return Signer(options.sign, provenance, clip.info.path, [*texts])


def _prepare_edits(
    face_edits: Sequence[FaceEdits],
    analysis: Analysis,
    tracking: Tracking,
    renderer: Renderer,
    frames: range,
    *,
    mattes: Mattes | None,
    options: EditOptions,
) -> list[TrackEdit]:
    """Schedule the edits of each track, and encode the faces of the tracks that have any.

    The mattes of those of `frames` that are edited are checked.
    """
    scheduled = schedule(face_edits, analysis, tracking, options)
    if mattes:
        edited = edited_frames(scheduled)
        mattes.check(range(max(edited.start, frames.start), min(edited.stop, frames.stop)))
    encoded_tracks = analysis.encode(tracking, [track for track, _ in scheduled], renderer.model, options.compute)
    weighted_edits = [
        weighted_edit(encoded, edits) for encoded, (_, edits) in zip(encoded_tracks, scheduled, strict=True)
    ]
    return renderer.prepare(weighted_edits, analysis.progress, analysis.runner.file("shape"))


def _open_comparison(clip: Clip, options: EditOptions, keep_detail: bool) -> tuple[Comparison | None, RgbWriter | None]:
    """Return what draws the comparison, and its writer; None for both if it was not requested."""
    if not options.compare:
        return None, None
    comparison = Comparison.of(clip.info, reconstruct=not keep_detail)
    writer = RgbWriter(
        options.compare,
        clip,
        *comparison.size,
        overwrite=options.overwrite,
        part=options.part,
        provenance=_provenance(options),
    )
    return comparison, writer


def _make_runner(
    clip: Clip, options: EditOptions, choice: DetectorChoice, workspace: Workspace, engine: Engine | None
) -> SegmentRunner:
    """Divide a clip into segments of `EngineOptions.segment` seconds."""
    rate = clip.info.average_rate or DEFAULT_RATE
    compute = options.compute
    return SegmentRunner(
        length=max(round(Fraction(options.engine.segment) * rate), 1),
        folder=workspace.folder,
        engine=engine,
        detector=DetectorSpec(cast(DetectorName, choice.detector.name), compute.device),
        model=ModelSpec(options.model, compute.device, compute.precision, compute.batch_size),
    )


def _make_renderer(options: EditOptions, keep_detail: bool) -> "partial[Renderer]":
    """Return a function that makes the renderer of a model. Workers call it with the model that they have loaded."""
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
        unsigned = "; the result is not signed" if options.sign else ""
        warnings.append(f"no frame was edited: every strength is 0 where there is a face{unsigned}")
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
