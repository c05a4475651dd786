"""Join the encoded packets of the segments of a video."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import numpy as np
from av import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from facevid.errors import OutputError
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.writer.segment_writer import read_index

_H264_COMMENTS = (6,)
"""Types of H.264's SEI units (ITU-T H.264, table 7-1)."""

_H265_COMMENTS = (39, 40)
"""Types of H.265's SEI units (ITU-T H.265, table 7-1)."""


@dataclass(frozen=True)
class StoredVideo:
    """The packets of all segments of a video, as one encoder would have returned them.

    Attributes:
        paths: of the segments, in order.
        plan: their encoder settings.
        sizes, pts, dts, durations: int64 (N,) of each packet, in bytes and in units of the plan's time base.
        keyframes: bool (N,), where decoding can start.
        is_edited: whether any frame was edited.
    """

    paths: tuple[Path, ...]
    plan: EncoderPlan
    sizes: NDArray[np.int64]
    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    durations: NDArray[np.int64]
    keyframes: NDArray[np.bool_]
    is_edited: bool

    @classmethod
    def read(cls, paths: Sequence[Path], plan: EncoderPlan, extradata: bytes, out: Path) -> Self:
        """Read the descriptions of segments.

        Args:
            paths: of the segments, in order.
            plan: their encoder settings.
            extradata: parameters of the codec, from an encoder of this plan.
            out: the result, named in messages.

        Raises:
            OutputError: they were encoded with other parameters, as by another version of the encoder.
        """
        indices = [read_index(path) for path in paths]
        parameters = {_parameters(bytes.fromhex(index["extradata"]), plan.encoder) for index in indices}
        if parameters - {_parameters(extradata, plan.encoder)}:
            raise OutputError(
                f"{out} cannot be joined: its segments have different {plan.encoder} parameters; use workers with the "
                f"same versions of facevid and PyAV"
            )
        tables = [np.array(index["packets"], dtype=np.int64).reshape(-1, 5) for index in indices]
        sizes, pts, _, durations, keyframes = np.concatenate(tables).T
        delay = max(_delay(table[:, 1], table[:, 2]) for table in tables)
        is_edited = any(index["is_edited"] for index in indices)
        return cls(tuple(paths), plan, sizes, pts, joined_dts(pts, delay), durations, keyframes > 0, is_edited)

    def packets(self) -> Iterator["Packet[VideoStream]"]:
        """Yield all packets, in decoding order."""
        rows = zip(
            self.sizes.tolist(), self.pts.tolist(), self.dts.tolist(), self.durations.tolist(), self.keyframes.tolist(),
            strict=True,
        )  # fmt: skip
        row = next(rows, None)
        for path in self.paths:
            with path.with_suffix(".packets").open("rb") as file:
                while row is not None and (data := file.read(row[0])):
                    packet = cast("Packet[VideoStream]", Packet(data))
                    packet.pts, packet.dts, packet.duration, packet.is_keyframe = row[1:]
                    packet.time_base = self.plan.time_base
                    yield packet
                    row = next(rows, None)


def joined_dts(pts: NDArray[np.int64], delay: int) -> NDArray[np.int64]:
    """Compute decoding timestamps as an encoder that reorders frames does.

    A packet is decoded at the presentation time of the frame `delay` places earlier. The first ones are decoded before
    the first frame is presented.

    Args:
        pts: int64 (N,), presentation timestamps in decoding order.
        delay: number of frames by which the encoder delays presentation.
    """
    presented = np.sort(pts)
    delay = min(delay, len(pts) - 1)
    shift = presented[delay] - presented[0]
    return np.concatenate([presented[:delay] - shift, presented[: len(pts) - delay]])


def _delay(pts: NDArray[np.int64], dts: NDArray[np.int64]) -> int:
    """Return the number of packets that are decoded before the time of the first frame."""
    return int(np.count_nonzero(dts < pts.min())) if len(pts) else 0


def _parameters(extradata: bytes, encoder: str) -> bytes:
    """Return the parameter sets without the encoder's comment (an SEI unit), which names the number of its threads."""
    units = [unit for unit in extradata.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    if encoder.startswith("libx264"):
        return b"|".join(unit for unit in units if unit[0] & 31 not in _H264_COMMENTS)
    if encoder.startswith("libx265"):
        return b"|".join(unit for unit in units if unit[0] >> 1 & 63 not in _H265_COMMENTS)
    return extradata
