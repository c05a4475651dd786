"""Clips for tests, made by code."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16000


def camera_move(portrait: NDArray[np.uint8], index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Look at the portrait's face, at (224, 128), through a camera that drifts and tilts; `size` is width, height."""
    angle = np.radians(0.6 * index)
    turn = 1.1 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(size) / 2 + (1.5 * index - 6, 0.7 * index)
    return cv2.warpAffine(portrait, np.column_stack([turn, centre - turn @ (224, 128)]), size, flags=cv2.INTER_AREA)


def write_clip(path: Path, pictures: Sequence[NDArray[np.uint8]], rate: int = 25, sound: bool = True) -> Path:
    """Write uint8 RGB pictures as H.264, 4:2:0, tagged BT.709, nearly lossless, with a tone."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", Fraction(rate), options={"crf": "8", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        tone = container.add_stream("aac", SAMPLE_RATE, layout="mono") if sound else None
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(video.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
            if tone:
                count = SAMPLE_RATE // rate
                time = (index * count + np.arange(count)) / SAMPLE_RATE
                samples = (0.1 * np.sin(2 * np.pi * 440 * time)[None]).astype(np.float32)
                audio = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                audio.sample_rate, audio.pts = SAMPLE_RATE, index * count
                container.mux(tone.encode(audio))
        container.mux(video.encode())
        if tone:
            container.mux(tone.encode())
    return path
