"""What is timed: the first frames of a clip, or of one made here."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

from facevid.video import Clip, ClipWriter, Frame, open_clip
from facevid.video.writer.encoding import VIDEO_SUFFIXES

SYNTHETIC_SIZE = (1280, 720)
"""Width and height, in pixels, of the clip made here."""


@dataclass(frozen=True)
class Sample:
    """The first frames of a clip, in memory.

    Attributes:
        clip: where they come from.
        frames: one batch of them, or fewer where the clip is shorter.
        silent: the same clip to a writer, without sound: it is copied once a clip, whatever is edited, and in a long
            one it would hide what a frame takes.
        target: where to write them, in a temporary folder.
    """

    clip: Clip
    frames: list[Frame]
    silent: Clip
    target: Path

    def decode(self) -> list[Frame]:
        """Decode them again."""
        return list(islice(self.clip.frames(), len(self.frames)))

    def write(self) -> None:
        """Encode them as an edit would."""
        with ClipWriter(self.target, self.silent, overwrite=True) as writer:
            for frame in self.frames:
                writer.write(frame)


def take_sample(source: Path | None, count: int, folder: Path) -> Sample:
    """Decode the first `count` frames of `source`, or of a clip made for it. Raises InputError."""
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
    """Write `count` frames of H.264, 4:2:0, without sound: a colour gradient with grain, moving by 3 pixels a frame."""
    width, height = SYNTHETIC_SIZE
    across, down = np.meshgrid(np.linspace(0, 220, width), np.linspace(0, 220, height))
    grain = np.random.default_rng(0).normal(0, 6, (height, width))
    gradient = np.stack([across, down, 220 - across], axis=2)
    picture = (gradient + grain[:, :, None]).clip(0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", Fraction(25))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(count):
            moved = np.roll(picture, 3 * index, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())
    return path
