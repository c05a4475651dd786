"""The output of `--preview-frame`: one frame as an 8-bit picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
from av import VideoFrame

from facevid.errors import OutputError
from facevid.provenance.statement import Provenance
from facevid.utils.atomic_output import atomic_path, check_destination
from facevid.video import Frame
from facevid.video.images.metadata import embed_provenance

SUFFIXES = (".png", ".jpg", ".jpeg")
"""Suffixes of the picture."""


class PreviewWriter:
    """Writes one frame as displayed: upright, in square pixels, 8-bit RGB; use it as a context manager.

    Attributes:
        destination: makes the writer of the segment.
        warnings: what the picture cannot keep; always empty, since a preview keeps colours only.
    """

    def __init__(self, out: Path, source: Path, overwrite: bool, provenance: Provenance | None) -> None:
        check_destination(out, source, SUFFIXES, overwrite)
        self.destination = PreviewDestination(out, provenance)
        self.warnings: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: the picture is complete when it is written."""

    def append(self, segments: Sequence[Path]) -> None:
        """Write the picture of the only segment. Raises OutputError."""
        segment = segments[0].with_suffix(self.destination.out.suffix)
        with atomic_path(self.destination.out) as temporary:
            temporary.write_bytes(segment.read_bytes())


@dataclass(frozen=True)
class PreviewDestination:
    """Where the picture is written.

    Attributes:
        out: the picture.
        provenance: stated in an edited picture; None states nothing.
    """

    out: Path
    provenance: Provenance | None

    def segment(self, path: Path) -> "PreviewSegment":
        """Return a writer of the only segment, the file `path`."""
        return PreviewSegment(self, path)


class PreviewSegment:
    """Writes the picture of one frame to the file `PATH`; a context manager."""

    def __init__(self, destination: PreviewDestination, path: Path) -> None:
        self._destination, self._path = destination, path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: the picture is complete when it is written."""

    def write(self, native: VideoFrame, frame: Frame, *, is_edited: bool = False) -> None:
        """Write the samples `native` of `frame`. Raises OutputError."""
        out, provenance = self._destination.out, self._destination.provenance
        rgb = replace(frame, native=native).rgb()
        is_encoded, content = cv2.imencode(out.suffix.lower(), rgb[..., ::-1])
        if not is_encoded:
            raise OutputError(f"{out} cannot be written; use a .png")
        with atomic_path(self._path.with_suffix(out.suffix), durable=True) as temporary:
            temporary.write_bytes(content.tobytes())
            if provenance is not None and is_edited:
                embed_provenance(provenance, temporary, out, (rgb.shape[1], rgb.shape[0]))
