"""Write clips without edits or with patches, and look at the samples of frames."""

from pathlib import Path

import numpy as np

from facevid.video import Clip, ClipWriter, Encoding, Frame, Patch, add_patches, open_clip
from facevid.video.color.pixels import pixel_layout, plane_view


def copy_clip(
    source: Clip | Path, out: Path, *patches: Patch, encoding: Encoding | None = None, overwrite: bool = False
) -> list[str]:
    """Write a clip to `out`, with the same patches in every frame, and return the warnings."""
    clip = open_clip(source) if isinstance(source, Path) else source
    with ClipWriter(out, clip, encoding=encoding or Encoding(), overwrite=overwrite) as writer:
        for frame in clip.frames():
            writer.write(add_patches(frame, patches))
    return writer.warnings


def planes(frame: Frame) -> list[np.ndarray]:
    """Return a (H, W, channels) view of each plane of a frame."""
    layout = pixel_layout(frame.native.format.name)
    assert layout is not None
    return [plane_view(frame.native, plane, layout) for plane in range(len(frame.native.planes))]
