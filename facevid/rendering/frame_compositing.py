"""Compositing of the edited faces of whole frames."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facevid.compositing import EditedFace, composite_face
from facevid.compositing.composite import replace_face
from facevid.options import Blend
from facevid.rendering.layer_writer import LayerWriter
from facevid.rendering.renderer import Renderer
from facevid.rendering.track_edit import TrackEdit
from facevid.rendering.user_mattes import Mattes
from facevid.utils.batches import batches
from facevid.utils.prefetch import prefetch_map
from facevid.video import Frame, add_patches


@dataclass(frozen=True)
class EditedFrame:
    """A frame before and after its edit.

    Attributes:
        plate: the source frame.
        faces: the faces edited in it; empty where no edit applies.
        result: the frame to write; `plate` itself where no face is edited.
    """

    plate: Frame
    faces: Sequence[EditedFace]
    result: Frame


def edit_frames(
    renderer: Renderer,
    edits: Sequence[TrackEdit],
    frames: Iterable[Frame],
    blend: Blend,
    *,
    layers: LayerWriter | None = None,
    mattes: Mattes | None = None,
) -> Generator[EditedFrame, None, None]:
    """Render and composite the faces of all frames, in order.

    Faces are rendered in batches on the caller's thread. Frames are prefetched: composited in a thread pool.

    Args:
        renderer: makes the edited faces.
        edits: from `Renderer.prepare`.
        frames: consecutive frames of the clip.
        blend: how generated faces are blended into the plate.
        layers: receives every edited face; None writes no layers.
        mattes: limit the edits; None does not.
    """

    def composite(rendered: tuple[Frame, list[EditedFace]]) -> EditedFrame:
        plate, faces = rendered
        return EditedFrame(plate, faces, composite_frame(plate, faces, blend, layers=layers, mattes=mattes))

    rendered = (
        pair
        for batch in batches(frames, renderer.batch_size)
        for pair in zip(batch, renderer.render(edits, batch), strict=True)
    )
    return prefetch_map(composite, rendered)


def composite_frame(
    frame: Frame,
    faces: Sequence[EditedFace],
    blend: Blend,
    *,
    layers: LayerWriter | None = None,
    mattes: Mattes | None = None,
) -> Frame:
    """Composite edited faces into a frame one after another; later faces lie over earlier ones.

    Args:
        frame: the plate; it is not changed.
        faces: the edited faces of this frame.
        blend: how generated faces are blended into the plate.
        layers: receives every edited face; None writes no layers.
        mattes: limit the edits; None does not.

    Returns:
        the edited frame, in the pixel format of the plate; `frame` itself where nothing changes.
    """
    face_mattes = mattes.of_frame(frame.index) if mattes and faces else None
    for face in faces:
        patch = composite_face(frame, face, blend, face_mattes)
        if patch is None:
            continue
        edited = add_patches(frame, [patch])
        if layers:
            layers.write(frame, edited, face, patch)
        frame = edited
    return frame


def composite_reconstructions(picture: NDArray[np.uint8], faces: Sequence[EditedFace]) -> NDArray[np.uint8]:
    """Composite the reconstruction of each face into a preview, with a feathered matte.

    Args:
        picture: uint8 (H, W, 3) RGB, the frame in square pixels; it is not changed.
        faces: the faces of this frame; those without a reconstruction are skipped.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    for face in faces:
        patch = None if face.reconstruction is None else replace_face(picture, face, face.reconstruction, "feather")
        if patch is not None:
            picture = patch.apply(picture)
    return picture
