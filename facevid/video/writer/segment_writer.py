"""Write the frames of one segment of a result, to be joined with the other segments later."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from av import Packet, VideoFrame
from av.video.stream import VideoStream

from facevid.errors import OutputError
from facevid.provenance.statement import Provenance
from facevid.utils.atomic_output import atomic_path, sync_file, sync_path
from facevid.utils.prefetch import worker_count
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.encoding.frame_encoder import PacketEncoder
from facevid.video.frame import Frame
from facevid.video.info import ClipInfo
from facevid.video.sequence import SequenceName
from facevid.video.writer.image_writer import save_image


@dataclass(frozen=True)
class Destination:
    """What the writers of all segments of a result share.

    Attributes:
        out: the result, named in messages.
        source: properties of the source.
        plan: encoder settings.
        sequence: file names of the result if it is an image sequence; None for a video or a still.
        provenance: stated in edited pictures; None states nothing.
    """

    out: Path
    source: ClipInfo
    plan: EncoderPlan
    sequence: SequenceName | None = None
    provenance: Provenance | None = None

    def segment(self, path: Path) -> "SegmentWriter":
        """Return a writer of one segment; `path`, without a suffix, names its files."""
        is_video = self.sequence is None and not self.source.is_still
        return VideoSegment(self, path) if is_video else ImageSegment(self, path)

    def check(self) -> None:
        """Raise OutputError if the encoder of a video cannot be opened, as one without its hardware."""
        if self.sequence is None and not self.source.is_still:
            PacketEncoder(self.out, self.plan).abandon()


class SegmentWriter(Protocol):
    """Writes the frames of one segment; a context manager.

    The file `PATH.json` appears last, when all others are complete and on the disk: without it there is no segment.
    """

    def write(self, native: VideoFrame, frame: Frame, *, is_edited: bool = False) -> None:
        """Encode `native` at the place of `frame`; takes ownership of `native`. Raises OutputError."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class VideoSegment:
    """Encodes frames to packets, which `PATH.packets` contains one after another; `PATH.json` describes them.

    The timestamps of packets are stored as the encoder returns them: a container would round or shift them.
    """

    def __init__(self, destination: Destination, path: Path) -> None:
        self._destination, self._path = destination, path
        self._packets: list[tuple[int, int, int, int, bool]] = []  # size in bytes, pts, dts, duration, is a keyframe
        self._is_edited = False

    def __enter__(self) -> Self:
        self._encoder = PacketEncoder(self._destination.out, self._destination.plan)
        try:
            self._file = self._path.with_suffix(".packets").open("wb")
        except OSError as error:
            raise _failure(self._destination.out, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._store(self._encoder.encode(None))
                sync_file(self._file)
        except OSError as failure:
            raise _failure(self._destination.out, failure) from failure
        finally:
            self._encoder.abandon()
            self._file.close()
        if kind is None:
            index = {
                "extradata": self._encoder.extradata.hex(),
                "packets": self._packets,
                "is_edited": self._is_edited,
            }
            write_index(self._path, index)

    def write(self, native: VideoFrame, frame: Frame, *, is_edited: bool = False) -> None:
        """Encode `native` at the timestamp of `frame`; takes ownership of `native`. Raises OutputError."""
        self._is_edited |= is_edited
        native.pts, native.duration, native.time_base = frame.pts, frame.duration, frame.time_base
        packets = self._encoder.encode(native)
        try:
            self._store(packets)
        except OSError as error:
            raise _failure(self._destination.out, error) from error

    def _store(self, packets: list["Packet[VideoStream]"]) -> None:
        for packet in packets:
            assert packet.pts is not None
            assert packet.dts is not None
            assert packet.time_base == self._destination.plan.time_base
            self._file.write(memoryview(packet))
            self._packets.append((packet.size, packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe))


class ImageSegment:
    """Writes frames to image files in the folder `PATH`, in parallel; `PATH.json` lists them."""

    def __init__(self, destination: Destination, path: Path) -> None:
        self._destination, self._path = destination, path
        self._pending: list[Future[Path]] = []
        self._names: list[str] = []
        self._is_edited = False

    def __enter__(self) -> Self:
        try:
            self._path.mkdir(exist_ok=True)
        except OSError as error:
            raise _failure(self._destination.out, error) from error
        self._pool = ThreadPoolExecutor(worker_count())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._pending:
                self._finish_one()
        finally:
            self._pool.shutdown(cancel_futures=True)
        if kind is None:
            write_index(self._path, {"files": self._names, "is_edited": self._is_edited})

    def write(self, native: VideoFrame, frame: Frame, *, is_edited: bool = False) -> None:
        """Encode `native` under the frame number of `frame`; takes ownership of `native`. Raises OutputError."""
        native.pts, native.time_base = 0, frame.time_base
        number = self._destination.source.first_number + frame.index
        provenance = self._destination.provenance if is_edited else None
        self._is_edited |= is_edited
        self._pending.append(self._pool.submit(self._save, native, number, provenance))
        if len(self._pending) > worker_count():
            self._finish_one()

    def _finish_one(self) -> None:
        self._names.append(self._pending.pop(0).result().name)

    def _save(self, native: VideoFrame, number: int, provenance: Provenance | None) -> Path:
        source, sequence, plan = self._destination.source, self._destination.sequence, self._destination.plan
        target = sequence.path(number) if sequence else self._destination.out
        path = self._path / target.name
        file = source.sequence.name.path(number) if source.sequence else source.path if source.is_still else None
        save_image(path, native, plan, product=target, source=source, file=file, provenance=provenance)
        sync_path(path)
        return path


def write_index(path: Path, content: dict[str, Any]) -> None:
    """Write `PATH.json`, which makes the segment complete."""
    with atomic_path(_index(path), durable=True) as temporary:
        temporary.write_text(json.dumps(content))


def read_index(path: Path) -> dict[str, Any]:
    """Read `PATH.json`."""
    index: dict[str, Any] = json.loads(_index(path).read_text())
    return index


def _index(path: Path) -> Path:
    return path.with_suffix(".json")


def _failure(out: Path, error: OSError) -> OutputError:
    return OutputError(f"{out} cannot be written: {error.strerror}; free some space, or choose another disk")
