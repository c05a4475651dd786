"""Make astronaut.mp4, the sample clip: a portrait filmed by a camera that is not quite still.

The portrait is NASA's of the astronaut Eileen Collins (1993, in the public domain), as scikit-image carries it.
Run from the project's root: .venv/bin/python samples/make_astronaut.py
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

WIDTH, HEIGHT, RATE, FRAMES = 640, 480, 25, 100
SAMPLE_RATE = 48000
FACE = (224.0, 128.0)


def view(time: float) -> NDArray[np.float64]:
    """Give the affine map, float64 (2, 3), from the portrait to the picture at `time` seconds."""
    zoom = 2.0 + 0.25 * np.sin(0.8 * time)
    tilt = np.radians(2.5 * np.sin(1.3 * time))
    centre = WIDTH / 2 + 18 * np.sin(1.1 * time), HEIGHT / 2 + 12 * np.sin(1.7 * time + 1)
    turn = zoom * np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    return np.column_stack([turn, centre - turn @ FACE])


def hum(start: int, count: int) -> NDArray[np.float32]:
    """Synthesise `count` samples of a quiet chord, float32 (1, count)."""
    time = (start + np.arange(count)) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.2, 329.6))
    return (0.05 * chord[None]).astype(np.float32)


def main() -> None:
    """Write the clip beside this file."""
    portrait = astronaut()
    target = Path(__file__).with_name("astronaut.mp4")
    with av.open(str(target), "w") as container:
        video = container.add_stream("libx264", Fraction(RATE), options={"crf": "20", "preset": "slow"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = 1
        video.codec_context.color_range = 1
        sound = container.add_stream("aac", SAMPLE_RATE, layout="mono")
        for index in range(FRAMES):
            picture = cv2.warpAffine(
                portrait, view(index / RATE), (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(video.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
            count = SAMPLE_RATE // RATE
            samples = av.AudioFrame.from_ndarray(hum(index * count, count), format="fltp", layout="mono")
            samples.sample_rate, samples.pts = SAMPLE_RATE, index * count
            container.mux(sound.encode(samples))
        container.mux(video.encode())
        container.mux(sound.encode())


if __name__ == "__main__":
    main()
