"""The whole recipe: a clip in, the clip with its faces edited out."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from facevid.analysis import Analysis, EncodedTrack, Tracking
from facevid.batches import batches
from facevid.comparison import Comparison
from facevid.compositing import EditedFace
from facevid.device import choose_device
from facevid.errors import UsageError
from facevid.faces.landmarks import choose_detector
from facevid.latents.edits import AttributeEdit, parse_edit
from facevid.models import load_model
from facevid.options import CompositingOptions, EditOptions
from facevid.progress import Progress, silent
from facevid.rendering import Renderer, TrackEdit, set_into
from facevid.video import ClipInfo, ClipWriter, Edit, Encoding, Frame, add_edits, open_clip


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
    edits: Sequence[AttributeEdit | str],
    options: EditOptions = EditOptions(),  # noqa: B008 -- immutable
    progress: Progress = silent,
) -> EditSummary:
    """Edit the faces of a clip, of an image sequence, or of a still picture.

    The sound, timing, size and colour tags of the source are kept, and so is every sample that no edit reaches, up to
    the encoder. `target` appears when it is complete; if anything fails, it is as it was before.

    Args:
        source: a video file, an image sequence (`shot.%04d.png`, `shot.####.png`, a folder) or a still picture.
        target: what to write; a still for a still.
        edits: applied one after another, in this order; each as `--attr` takes it ("smile=+1"), or parsed.
        options: what else may be chosen.
        progress: told how far each stage is.

    Raises:
        InputError: the source is missing or cannot be decoded to its end.
        NoFaceError: there is no face to edit.
        ModelError: the model, or weights, are missing or wrong.
        UsageError: the edits or options cannot be.
        OutputError: the target cannot be written.
    """
    if options.compare and Path(options.compare).resolve() == Path(target).resolve():
        raise UsageError(f"--compare {options.compare} is OUT itself; name another file")
    parsed = [parse_edit(edit) if isinstance(edit, str) else edit for edit in edits]
    clip = open_clip(source)
    device = choose_device(options.compute.device)
    with ExitStack() as outputs:
        encoding = Encoding(options.codec, options.crf, options.pix_fmt)
        writer = outputs.enter_context(ClipWriter(target, clip, encoding=encoding, overwrite=options.overwrite))
        compare = (
            outputs.enter_context(Comparison(options.compare, clip, options.overwrite)) if options.compare else None
        )

        model = load_model(options.model, device, options.compute.precision)
        for edit in parsed:
            model.editor(edit.attribute)
        choice = choose_detector(options.tracking.detector, device)
        analysis = Analysis(clip, choice.detector, options.tracking, progress)
        tracking = analysis.track()
        tracks = analysis.choose(tracking)
        encoded = analysis.encode(tracking, tracks, model, options.compute)
        compositing = replace(options.compositing, detail=options.compositing.detail or model.detail)
        keep = compositing.detail == "keep"
        renderer = Renderer(
            model, options.tracking.code_sigma, options.compute.batch_size, keep, keep or compare is not None
        )
        wanted = frames_to_edit(clip.info, tracking.frame_count, options.frames)
        scheduled = [schedule(each, parsed, tracking, clip.info, wanted) for each in encoded]
        prepared = renderer.prepare(scheduled, progress)

        pool = outputs.enter_context(ThreadPoolExecutor())
        edited = faces = 0
        for batch in progress("edit", batches(clip.frames(), options.compute.batch_size), tracking.frame_count):
            rendered = renderer.render(prepared, batch)
            finish = partial(edit_frame, faces=rendered, options=compositing)
            for frame, result in zip(batch, pool.map(finish, batch), strict=True):
                writer.write(result)
                if compare:
                    compare.write(frame, result, rendered.get(frame.index, []))
            edited += len(rendered)
            faces += sum(map(len, rendered.values()))
    return EditSummary(
        Path(target),
        options.compare,
        tracking.frame_count,
        edited,
        faces,
        len(tracks),
        f"{choice.detector.name} ({choice.reason})",
        device,
        (*writer.warnings, *([] if edited else ["no frame was edited: every strength is 0 where there is a face"])),
    )


def frames_to_edit(info: ClipInfo, count: int, frames: tuple[int, int] | None) -> range:
    """Turn the first and last frame, by the clip's own numbers, into indices. Raises UsageError where it has none."""
    if frames is None:
        return range(count)
    first, last = (number - info.first_number for number in frames)
    if first >= count or last < 0:
        has = f"{info.first_number} to {info.first_number + count - 1}"
        raise UsageError(f"--frames {frames[0]}-{frames[1]}: the frames of {info.path} are {has}")
    return range(max(first, 0), min(last + 1, count))


def schedule(
    encoded: EncodedTrack, edits: Sequence[AttributeEdit], tracking: Tracking, info: ClipInfo, wanted: range
) -> TrackEdit:
    """Evaluate the edits in every frame of a track: none outside of `wanted`, less where the face cannot take them."""
    indices = range(encoded.track.first, encoded.track.last + 1)
    numbers = [info.first_number + index for index in indices]
    seconds = [int(tracking.pts[index]) * info.time_base for index in indices]
    share = encoded.presence * np.array([index in wanted for index in indices])
    return TrackEdit(encoded, [(edit.attribute, edit.strengths(numbers, seconds) * share) for edit in edits])


def edit_frame(frame: Frame, faces: Mapping[int, Sequence[EditedFace]], options: CompositingOptions) -> Frame:
    """Set a frame's faces, found under its index, into it; without any it is returned as it is."""
    own = faces.get(frame.index, [])
    if not own:
        return frame
    patches = set_into(frame.rgb(), own, options)
    return add_edits(frame, [Edit(patch.x, patch.y, patch.delta) for patch in patches])
