"""Synthetic clips for tests."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16000
"""Sound samples per second."""

TONE = 440
"""Frequency of the sound in Hz."""

TONE_AMPLITUDE = 0.1
"""Amplitude of the sound; 1 is full scale."""

FACE_CENTRE = (224, 128)
"""Centre of the face in the portrait, x and y in pixels."""


def camera_move(portrait: NDArray[np.uint8], index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Render frame `index` of a camera move over the portrait: the face near the centre, drifting and tilting.

    Args:
        portrait: uint8 (512, 512, 3).
        index: number of the frame.
        size: width and height of the frame in pixels.
    """
    angle = np.radians(0.6 * index)
    rotation = 1.1 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(size) / 2 + (1.5 * index - 6, 0.7 * index)
    matrix = np.column_stack([rotation, centre - rotation @ FACE_CENTRE])
    return np.asarray(cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_AREA), np.uint8)


def write_clip(path: Path, pictures: Sequence[NDArray[np.uint8]], rate: int = 25, sound: bool = True) -> Path:
    """Write uint8 RGB pictures as nearly lossless H.264, 4:2:0, tagged BT.709; return `path`.

    Args:
        path: of the video file.
        pictures: frames, all of one size.
        rate: frames per second.
        sound: whether to add a sound track, a constant tone.
    """
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", Fraction(rate), options={"crf": "8", "preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = 1  # limited
        audio = container.add_stream("aac", SAMPLE_RATE, layout="mono") if sound else None
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(video.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
            if audio:
                count = SAMPLE_RATE // rate
                seconds = (index * count + np.arange(count)) / SAMPLE_RATE
                samples = (TONE_AMPLITUDE * np.sin(2 * np.pi * TONE * seconds)[None]).astype(np.float32)
                sound_frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                sound_frame.sample_rate, sound_frame.pts = SAMPLE_RATE, index * count
                container.mux(audio.encode(sound_frame))
        container.mux(video.encode())
        if audio:
            container.mux(audio.encode())
    return path
