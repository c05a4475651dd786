"""The whole edit, from a source clip to the edited clip."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from facevid.analysis.analysis import Analysis
from facevid.analysis.tracking import Tracking
from facevid.edits.attribute_edit import AttributeEdit, check_totals, parse_edit
from facevid.edits.edit_file import FaceEdits, error_context
from facevid.errors import UsageError
from facevid.faces.landmarks import DetectorChoice, choose_detector
from facevid.models import FaceModel, load_model
from facevid.options import CompositingOptions, EditOptions, TrackingOptions
from facevid.rendering.comparison import Comparison
from facevid.rendering.frame import EditedFrame, edit_frames
from facevid.rendering.layers import LayerWriter, check_layers
from facevid.rendering.renderer import Renderer
from facevid.rendering.schedule import schedule, weighted_edit
from facevid.rendering.track_edit import TrackEdit
from facevid.utils.device import choose_device
from facevid.utils.progress import Progress, no_progress
from facevid.video import Clip, ClipWriter, Encoding, open_clip
from facevid.video.reader.memory import trim_heap


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
    with ExitStack() as outputs:
        writer = _open_writer(outputs, target, clip, options)
        model = load_model(options.model, device, options.compute.precision)
        model = replace(model, batch_size=options.compute.batch_size)
        keep_detail = _keeps_detail(model, options.compositing)
        comparison = _open_comparison(outputs, clip, options, keep_detail)
        _check_editors(face_edits, model)
        choice = choose_detector(options.tracking.detector, device)

        analysis = Analysis(clip, choice.detector, options.tracking, progress)
        tracking = analysis.track()
        scheduled = schedule(face_edits, analysis, tracking, options.frames)
        encoded_tracks = analysis.encode(tracking, [track for track, _ in scheduled], model, options.compute)
        weighted_edits = [
            weighted_edit(encoded, strengths) for encoded, (_, strengths) in zip(encoded_tracks, scheduled, strict=True)
        ]

        renderer = _make_renderer(model, options, keep_detail)
        track_edits = renderer.prepare(weighted_edits, progress)
        layers = _open_layers(outputs, clip, options, track_edits)
        frames = edit_frames(renderer, track_edits, trim_heap(clip.frames()), options.compositing.blend, layers)
        counts = _write(progress("edit", frames, tracking.frame_count), writer, comparison)
    return _summary(
        target,
        options,
        device=device,
        choice=choice,
        tracking=tracking,
        track_count=len(scheduled),
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


def _open_writer(outputs: ExitStack, target: str | Path, clip: Clip, options: EditOptions) -> ClipWriter:
    """Open the target for writing, and check that the layers can be written, before any analysis."""
    encoding = Encoding(options.codec, options.crf, options.pix_fmt)
    writer = outputs.enter_context(ClipWriter(target, clip, encoding=encoding, overwrite=options.overwrite))
    if options.layers:
        check_layers(options.layers, options.overwrite)
    return writer


def _open_comparison(outputs: ExitStack, clip: Clip, options: EditOptions, keep_detail: bool) -> Comparison | None:
    if not options.compare:
        return None
    comparison = Comparison(options.compare, clip, reconstruct=not keep_detail, overwrite=options.overwrite)
    return outputs.enter_context(comparison)


def _open_layers(
    outputs: ExitStack, clip: Clip, options: EditOptions, track_edits: Sequence[TrackEdit]
) -> LayerWriter | None:
    return outputs.enter_context(LayerWriter(options.layers, clip.info, track_edits)) if options.layers else None


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
    """Raise UsageError or ModelError if the model cannot edit one of the attributes."""
    for edits_of_face in face_edits:
        with error_context(edits_of_face.origin):
            for edit in edits_of_face.edits:
                model.editor(edit.attribute)


def _make_renderer(model: FaceModel, options: EditOptions, keep_detail: bool) -> Renderer:
    return Renderer(
        model,
        sigma=options.tracking.code_sigma,
        batch_size=options.compute.batch_size,
        keep_detail=keep_detail,
        reconstruct=options.compare is not None and not keep_detail,
    )


def _write(frames: Iterable[EditedFrame], writer: ClipWriter, comparison: Comparison | None) -> tuple[int, int]:
    """Write all frames; return the number of edited frames and the number of edited faces."""
    frame_count = face_count = 0
    for frame in frames:
        writer.write(frame.result)
        if comparison:
            comparison.write(frame)
        frame_count += bool(frame.faces)
        face_count += len(frame.faces)
    return frame_count, face_count


def _summary(
    target: str | Path,
    options: EditOptions,
    *,
    device: str,
    choice: DetectorChoice,
    tracking: Tracking,
    track_count: int,
    counts: tuple[int, int],
    writer: ClipWriter,
) -> EditSummary:
    """Summarise an edit; `counts` are the numbers of edited frames and of edited faces."""
    edited_frames, edited_faces = counts
    warnings = [*writer.warnings]
    if not edited_frames:
        warnings.append("no frame was edited: every strength is 0 where there is a face")
    return EditSummary(
        output=Path(target),
        compare=options.compare,
        layers=options.layers,
        frames=tracking.frame_count,
        edited=edited_frames,
        faces=edited_faces,
        tracks=track_count,
        detector=f"{choice.detector.name} ({choice.reason})",
        device=device,
        warnings=tuple(warnings),
    )
