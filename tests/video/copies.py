"""Write clips without edits, or with patches."""

from pathlib import Path

from facevid.video import Clip, ClipWriter, Encoding, Patch, add_patches, open_clip


def copy_clip(
    source: Clip | Path, out: Path, *patches: Patch, encoding: Encoding | None = None, overwrite: bool = False
) -> list[str]:
    """Write a clip to `out`, with the same patches in every frame, and return the warnings."""
    clip = open_clip(source) if isinstance(source, Path) else source
    with ClipWriter(out, clip, encoding=encoding or Encoding(), overwrite=overwrite) as writer:
        for frame in clip.frames():
            writer.write(add_patches(frame, patches))
    return writer.warnings
