"""Checks of edits and options, before and after a clip is analysed."""

from collections.abc import Sequence
from pathlib import Path

from facevid.edits.attribute_edit import AttributeEdit, check_totals, parse_edit
from facevid.edits.edit_file import FaceEdits, error_context
from facevid.errors import UsageError, combined
from facevid.models import FaceModel
from facevid.options import CompositingOptions, EditOptions, TrackingOptions
from facevid.video import Clip


def check_output_names(target: str | Path, options: EditOptions) -> None:
    """Raise UsageError if the comparison or the layers would be written to the target."""
    for option, path in (("--compare", options.compare), ("--layers", options.layers)):
        if path and Path(path).resolve() == Path(target).resolve():
            raise UsageError(f"{option} {path} is the same path as OUT; choose another name")


def as_face_edits(
    edits: Sequence[AttributeEdit | str] | Sequence[FaceEdits], options: TrackingOptions
) -> list[FaceEdits]:
    """Convert edits of any kind to `FaceEdits`; `options.faces` are the faces of edits that select none.

    Raises:
        UsageError: there are no edits, `FaceEdits` are mixed with other kinds, or a total strength is too high.
    """
    face_edits = [edit for edit in edits if isinstance(edit, FaceEdits)]
    plain = [edit for edit in edits if not isinstance(edit, FaceEdits)]
    if face_edits and plain:
        raise UsageError("edits mix FaceEdits with other kinds; put all of them into FaceEdits")
    if not edits:
        raise UsageError("nothing to edit: give at least one edit, such as smile=+1")
    parsed = [parse_edit(edit) if isinstance(edit, str) else edit for edit in plain]
    check_totals(parsed)
    return face_edits or [FaceEdits(parsed, options.faces)]


def keeps_detail(model: FaceModel, options: CompositingOptions) -> bool:
    """Return whether edits change the pixels of the plate; False if generated faces replace them.

    Raises:
        UsageError: `--detail replace` with a model that cannot generate faces.
    """
    keep_detail = (options.detail or model.detail) == "keep"
    if not keep_detail and model.appearance is not None:
        raise UsageError(f"--detail replace: the model {model.name} cannot generate faces; use --detail keep")
    return keep_detail


def check_editors(face_edits: Sequence[FaceEdits], model: FaceModel) -> None:
    """Raise one UsageError for all attributes that the model cannot edit."""
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


def check_regions(face_edits: Sequence[FaceEdits], keep_detail: bool) -> None:
    """Raise UsageError if regions differ between edits of a generated face, which is inserted as a whole."""
    regions = {edit.regions for edits_of_face in face_edits for edit in edits_of_face.edits}
    too_strong = any(factor > 1 for each in regions for _, factor in each)
    if not keep_detail and (len(regions) > 1 or too_strong):
        raise UsageError(
            "--detail replace inserts a generated face: give all edits the same regions, with factors from 0 to 1, or "
            "use --detail keep"
        )


def frames_to_write(clip: Clip, count: int, options: EditOptions) -> range:
    """Return the indices of the frames to write, of a clip of `count` frames.

    Raises:
        UsageError: the clip does not have all of them.
    """
    first, numbers = clip.info.first_number, options.part
    option = "--write-frames"
    if options.preview_frame is not None:
        option, numbers = "--preview-frame", range(options.preview_frame, options.preview_frame + 1)
    if numbers is None:
        return range(count)
    if numbers.start < first or numbers.stop > first + count:
        text = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
        raise UsageError(
            f"{option} {text}: {clip.info.path} has frames {first} to {first + count - 1}; choose among these"
        )
    return range(numbers.start - first, numbers.stop - first)
