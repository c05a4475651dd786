"""The whole recipe: a clip in, the clip with its faces edited out."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from facevid.analysis.analysis import Analysis
from facevid.compositing import EditedFace, composite
from facevid.edits.attribute_edit import AttributeEdit, check_totals, parse_edit
from facevid.edits.edit_file import FaceEdits, error_context
from facevid.errors import UsageError
from facevid.faces.landmarks import choose_detector
from facevid.models import FaceModel, load_model
from facevid.options import Blend, CompositingOptions, EditOptions
from facevid.rendering.comparison import Comparison
from facevid.rendering.layers import Layers, check_layers
from facevid.rendering.renderer import Renderer
from facevid.rendering.schedule import find_targets, schedule
from facevid.utils.device import choose_device
from facevid.utils.prefetch import map_ahead
from facevid.utils.progress import Progress, silent
from facevid.video import ClipWriter, Encoding, Frame, add_patches, open_clip
from facevid.video.reader.memory import trimmed


@dataclass(frozen=True)
class EditSummary:
    """What `edit_video` did.

    Attributes:
        frames: frames read, and written.
        edited: frames in which at least one face was edited; the others passed through untouched.
        faces: faces edited, over all frames.
        tracks: tracks edited.
        detector: which landmark detector ran, and why that one.
        device: where the networks ran.
        warnings: what the result could not keep of its source, and what may not be as meant.
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
        """Frames written as they came."""
        return self.frames - self.edited


def edit_video(
    source: str | Path,
    target: str | Path,
    edits: Sequence[AttributeEdit | str] | Sequence[FaceEdits],
    options: EditOptions = EditOptions(),  # noqa: B008 -- immutable
    progress: Progress = silent,
) -> EditSummary:
    """Edit the faces of a clip, of an image sequence, or of a still picture.

    The sound, timing, size and colour tags of the source are kept, and so is every sample that no edit reaches, up to
    the encoder. `target` appears when it is complete; if anything fails, it is as it was before.

    Args:
        source: a video file, an image sequence (`shot.%04d.png`, `shot.####.png`, a folder) or a still picture.
        target: what to write; a still for a still.
        edits: applied one after another, in this order; each as `--attr` takes it ("smile=+1"), or parsed. Or, to edit
            faces in ways of their own, `FaceEdits`: whose face is then theirs to say, not the options'.
        options: what else may be chosen.
        progress: told how far each stage is.

    Raises:
        InputError: the source is missing or cannot be decoded to its end.
        NoFaceError: there is no face to edit.
        ModelError: the model, or weights, are missing or wrong.
        UsageError: the edits or options cannot be.
        OutputError: the target cannot be written.
    """
    for option, path in (("--compare", options.compare), ("--layers", options.layers)):
        if path and Path(path).resolve() == Path(target).resolve():
            raise UsageError(f"{option} {path} is OUT itself; give it another name")
    wanted = _by_face(edits, options)
    clip = open_clip(source, options.rate, options.start_number, options.layer)
    device = choose_device(options.compute.device)
    with ExitStack() as outputs:
        encoding = Encoding(options.codec, options.crf, options.pix_fmt)
        writer = outputs.enter_context(ClipWriter(target, clip, encoding=encoding, overwrite=options.overwrite))
        if options.layers:
            check_layers(options.layers, options.overwrite)

        model = load_model(options.model, device, options.compute.precision)
        keep = _keeps_detail(model, options.compositing)
        compare = None
        if options.compare:
            comparison = Comparison(options.compare, clip, reconstruct=not keep, overwrite=options.overwrite)
            compare = outputs.enter_context(comparison)
        for each in wanted:
            with error_context(each.origin):
                for edit in each.edits:
                    model.editor(edit.attribute)
        choice = choose_detector(options.tracking.detector, device)
        analysis = Analysis(clip, choice.detector, options.tracking, progress)
        tracking = analysis.track()
        work = [find_targets(each, analysis, tracking, options.frames) for each in wanted]
        tracks = [track for track in tracking.tracks if any(each.applies_to(track) for each in work)]
        encoded = analysis.encode(tracking, tracks, model, options.compute)
        renderer = Renderer(
            model, options.tracking.code_sigma, options.compute.batch_size, keep, compare is not None and not keep
        )
        scheduled = [schedule(each, work, tracking, clip.info) for each in encoded]
        prepared = renderer.prepare(scheduled, progress)
        layers = outputs.enter_context(Layers(options.layers, clip.info, scheduled)) if options.layers else None

        def finish(rendered: tuple[Frame, list[EditedFace]]) -> tuple[Frame, list[EditedFace], Frame]:
            frame, faces = rendered
            return frame, faces, edit_frame(frame, faces, options.compositing.blend, layers)

        edited = count = 0
        finished = map_ahead(finish, renderer.rendered(prepared, trimmed(clip.frames())))
        for frame, faces, result in progress("edit", finished, tracking.frame_count):
            writer.write(result)
            if compare:
                compare.write(frame, result, faces)
            edited += bool(faces)
            count += len(faces)
    return EditSummary(
        Path(target),
        options.compare,
        options.layers,
        tracking.frame_count,
        edited,
        count,
        len(tracks),
        f"{choice.detector.name} ({choice.reason})",
        device,
        (*writer.warnings, *([] if edited else ["no frame was edited: every strength is 0 where there is a face"])),
    )


def _by_face(edits: Sequence[AttributeEdit | str] | Sequence[FaceEdits], options: EditOptions) -> list[FaceEdits]:
    by_face = [edit for edit in edits if isinstance(edit, FaceEdits)]
    plain = [edit for edit in edits if not isinstance(edit, FaceEdits)]
    if by_face and plain:
        raise UsageError("edits are either all FaceEdits, or none: put the others into FaceEdits, too")
    if not edits:
        raise UsageError("nothing to edit: give at least one edit, such as smile=+1")
    parsed = [parse_edit(edit) if isinstance(edit, str) else edit for edit in plain]
    check_totals(parsed)
    return by_face or [FaceEdits(parsed, options.tracking.faces)]


def _keeps_detail(model: FaceModel, options: CompositingOptions) -> bool:
    """Say whether the plate's own pixels are changed. Raises UsageError where a model has no faces to replace them."""
    keep = (options.detail or model.detail) == "keep"
    if not keep and model.appearance is not None:
        raise UsageError(f"--detail replace: the model {model.name} draws no faces to put there; leave it out")
    return keep


def edit_frame(frame: Frame, faces: Sequence[EditedFace], blend: Blend, layers: Layers | None = None) -> Frame:
    """Set faces into a frame, each over the ones before it."""
    for face in faces:
        patch = composite(frame, face, blend)
        if patch is None:
            continue
        edited = add_patches(frame, [patch])
        if layers:
            layers.write(frame, edited, face, patch)
        frame = edited
    return frame
