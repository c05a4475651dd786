"""Output to a single video file, with the source's other streams."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av import VideoFrame

from facevid.errors import OutputError, reason
from facevid.provenance.signing import Signer
from facevid.provenance.statement import Provenance
from facevid.provenance.xmp import extend_xmp
from facevid.utils.atomic_output import TemporaryFiles
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.encoding.frame_encoder import FrameEncoder
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.writer.remux import plan_remux, remux
from facevid.video.writer.stored_video import StoredVideo
from facevid.video.writer.video_provenance import XMP_SUFFIXES, append_xmp, provenance_tags, read_xmp, sign_result


class VideoOutput:
    """Encodes to a hidden file, adds the source's other streams, and moves the result into place on success.

    A context manager.

    Args:
        out: the video.
        source: properties of the source.
        plan: encoder settings.
        provenance: stated in the metadata if a frame was edited; None states nothing.
        signer: signs the video if a frame was edited; None does not.
    """

    def __init__(
        self,
        out: Path,
        source: ClipInfo,
        plan: EncoderPlan,
        provenance: Provenance | None = None,
        signer: Signer | None = None,
    ) -> None:
        self._out, self._source, self._plan, self._provenance = out, source, plan, provenance
        self._signer = signer
        self._is_edited = False
        self._remux = plan_remux(source, out)
        self.warnings: list[str] = [*plan.warnings, *self._remux.warnings]
        self._rounded, self._count = False, 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._temporaries = stack.enter_context(TemporaryFiles(self._out))
            suffix = f".{self._plan.muxer}" if self._remux.streams else self._out.suffix
            self._encoded_video = self._temporaries.path("video", suffix)
            self._encoder = FrameEncoder(self._encoded_video, self._out, self._plan)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is not None:
                self._encoder.abandon()
                return
            if not self._count:
                self._encoder.abandon()
                msg = f"{self._out} cannot be written: it has no frames; write at least one frame"
                raise OutputError(msg)
            try:
                self._encoder.finish()
            finally:
                self._encoder.abandon()
            result = self._encoded_video
            if self._remux.streams:
                result = self._temporaries.path("result", self._out.suffix)
                self.warnings += remux(
                    self._remux,
                    self._source,
                    self._plan,
                    encoded_video=self._encoded_video,
                    result=result,
                    out=self._out,
                    tags=self._tags(),
                )
                self._check_count(result)
            self._write_xmp(result)
            signer = self._signer if self._is_edited else None
            self._temporaries.commit(sign_result(result, self._out, signer, self._temporaries))

    def _tags(self) -> dict[str, str]:
        """Return the tags that state the provenance; empty if no frame was edited."""
        if self._provenance is None or not self._is_edited:
            return {}
        return provenance_tags(self._provenance, self._out.suffix.lower(), self._remux.metadata_keys)

    def _write_xmp(self, result: Path) -> None:
        """Write the source's XMP packet, extended by the provenance, if the container supports it."""
        if self._out.suffix.lower() not in XMP_SUFFIXES:
            return
        packet = None if self._source.is_image_source else read_xmp(self._source.path)
        if self._provenance is not None and self._is_edited:
            packet = extend_xmp(packet, self._provenance)
        if packet:
            try:
                append_xmp(result, packet)
            except OSError as error:
                raise OutputError(f"{self._out} cannot be written: {reason(error)}; free some space") from error

    def _check_count(self, result: Path) -> None:
        """Raise OutputError if the number of frames in the result is not the number of frames written."""
        index = next(i for i, each in enumerate(self._remux.streams) if each.index == self._source.stream_index)
        with av.open(f"file:{result}", metadata_errors="replace") as container:
            count = sum(packet.size > 0 for packet in container.demux(container.streams[index]))
        if count != self._count:
            raise OutputError(
                f"{self._out} would have {count} instead of {self._count} frames: its container cannot store the "
                f"source's timestamps; try a .mkv, and please report this"
            )

    def write(self, native: VideoFrame, frame: Frame) -> None:
        """Encode `native` at the timestamp of `frame`; takes ownership of `native`. Raises OutputError."""
        native.pts, native.duration, native.time_base = frame.pts, frame.duration, frame.time_base
        self._encoder.write(native)
        self._count += 1
        self._warn_if_rounded(frame.pts)

    def append(self, segments: Sequence[Path]) -> None:
        """Write the packets of all segments, as from `VideoSegment`, without encoding again. Raises OutputError."""
        stored = StoredVideo.read(segments, self._plan, self._encoder.extradata, self._out)
        self._is_edited |= stored.is_edited
        self._encoder.add_metadata(self._tags())
        self._encoder.append(stored.packets())
        self._count += len(stored.pts)
        for pts in stored.pts.tolist():
            self._warn_if_rounded(pts)

    def _warn_if_rounded(self, pts: int) -> None:
        """Warn once of a container that stores timestamps in milliseconds, if this changes a timestamp."""
        in_milliseconds = self._out.suffix.lower() in (".mkv", ".webm")
        if in_milliseconds and not self._rounded and (pts * self._plan.time_base * 1000).denominator != 1:
            self._rounded = True
            self.warnings.append(f"{self._out.name} stores timestamps in milliseconds: rounded by up to half of one")
