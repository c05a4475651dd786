"""The frames to time: the first frames of a clip, or a synthetic clip."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

from facevid.video import Clip, ClipWriter, Frame, open_clip
from facevid.video.encoding.codecs import VIDEO_SUFFIXES

SYNTHETIC_SIZE = (1280, 720)
"""Width and height of the synthetic clip, in pixels."""


@dataclass(frozen=True)
class Sample:
    """The first frames of a clip, in memory.

    Attributes:
        clip: source of the frames.
        frames: one batch of frames, or fewer if the clip is shorter.
        silent: the clip without sound, for writing. Sound is copied once for the whole clip; in a long clip, that would
            dominate the time of writing a few frames.
        target: path to write the frames to, in a temporary folder.
    """

    clip: Clip
    frames: list[Frame]
    silent: Clip
    target: Path

    def decode(self) -> list[Frame]:
        """Decode the frames again."""
        return list(islice(self.clip.frames(), len(self.frames)))

    def write(self) -> None:
        """Encode the frames as an edit does."""
        with ClipWriter(self.target, self.silent, overwrite=True) as writer:
            for frame in self.frames:
                writer.write(frame)


def take_sample(source: Path | None, count: int, folder: Path) -> Sample:
    """Decode the first `count` frames of `source`, or of a synthetic clip if it is None. Raises InputError."""
    clip = open_clip(source or write_synthetic_clip(folder / "synthetic.mp4", count))
    frames = list(islice(clip.frames(), count))
    info, suffix = clip.info, clip.info.path.suffix.lower()
    if info.sequence:
        return Sample(clip, frames, clip, folder / "written")
    if info.is_still:
        return Sample(clip, frames, clip, folder / f"written{suffix}")
    silent = replace(info, path=write_synthetic_clip(folder / "silent.mp4", 1), stream_index=0)
    return Sample(clip, frames, Clip(silent), folder / f"written{suffix if suffix in VIDEO_SUFFIXES else '.mov'}")


def write_synthetic_clip(path: Path, count: int) -> Path:
    """Write an H.264 clip (4:2:0, 25 fps, no sound) of a colour gradient with grain that moves 3 pixels each frame."""
    width, height = SYNTHETIC_SIZE
    across, down = np.meshgrid(np.linspace(0, 220, width), np.linspace(0, 220, height))
    grain = np.random.default_rng(0).normal(0, 6, (height, width))
    gradient = np.stack([across, down, 220 - across], axis=2)
    picture = (gradient + grain[:, :, None]).clip(0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", Fraction(25))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(count):
            shifted = np.roll(picture, 3 * index, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shifted, format="rgb24")))
        container.mux(stream.encode())
    return path
