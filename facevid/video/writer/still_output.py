"""Output to a single image file, for a still as source."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from av import VideoFrame

from facevid.errors import OutputError
from facevid.provenance.signing import Signer
from facevid.utils.atomic_output import TemporaryFiles, link_or_copy
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.writer.image_writer import save_image
from facevid.video.writer.segment_writer import read_index
from facevid.video.writer.video_provenance import sign_result


class StillOutput:
    """Writes an image to a hidden file and moves it into place on success; a context manager.

    Args:
        out: the image.
        source: properties of the source.
        plan: encoder settings.
        signer: signs the image if it was edited; None does not.
    """

    def __init__(self, out: Path, source: ClipInfo, plan: EncoderPlan, signer: Signer | None = None) -> None:
        self._out, self._source, self._plan, self._signer = out, source, plan, signer
        self._written: Path | None = None
        self._is_edited = False
        self.warnings: list[str] = [*plan.warnings]

    def __enter__(self) -> Self:
        self._temporaries = TemporaryFiles(self._out).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._written is None:
                raise OutputError(f"{self._out} cannot be written: it has no frames; write at least one frame")
            if kind is None and self._written is not None:
                signer = self._signer if self._is_edited else None
                self._temporaries.commit(sign_result(self._written, self._out, signer, self._temporaries))
        finally:
            self._temporaries.__exit__(kind, error, trace)

    def write(self, native: VideoFrame, frame: Frame) -> None:
        """Encode `native`; takes ownership of it. Raises OutputError."""
        native.pts, native.time_base = 0, frame.time_base
        self._written = self._temporaries.path("image", self._out.suffix)
        source = self._source
        save_image(self._written, native, self._plan, product=self._out, source=source, file=source.path)

    def append(self, segments: Sequence[Path]) -> None:
        """Take over the image of the only segment, which keeps its own. Raises OutputError."""
        (segment,) = segments
        index = read_index(segment)
        (name,), self._is_edited = index["files"], index["is_edited"]
        self._written = self._temporaries.path("image", self._out.suffix)
        link_or_copy(segment / name, self._written, self._out)
