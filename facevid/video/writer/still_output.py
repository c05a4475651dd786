"""A result in one picture file, made of a still."""

from pathlib import Path
from types import TracebackType
from typing import Self

from av import VideoFrame

from facevid.errors import OutputError
from facevid.utils.atomic_output import Temporaries
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.writer.image import write_picture
from facevid.video.writer.plan import EncoderPlan


class StillOutput:
    """A picture written to a hidden file, and the move to its final place; a context manager."""

    def __init__(self, out: Path, source: ClipInfo, plan: EncoderPlan) -> None:
        self._out, self._source, self._plan = out, source, plan
        self._made: Path | None = None
        self.warnings: list[str] = [*plan.warnings]

    def __enter__(self) -> Self:
        self._temporaries = Temporaries(self._out).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._made is None:
                raise OutputError(f"{self._out} is not written: it would hold no frame; give the writer at least one")
            if kind is None and self._made is not None:
                self._temporaries.commit(self._made)
        finally:
            self._temporaries.__exit__(kind, error, trace)

    def write(self, native: VideoFrame, frame: Frame) -> None:
        """Encode the picture, which becomes this call's own. Raises OutputError."""
        native.pts, native.time_base = 0, frame.time_base
        self._made = self._temporaries.path("picture", self._out.suffix)
        source = self._source
        write_picture(self._made, native, self._plan, product=self._out, source=source, file=source.path)
