"""Make astronaut-edits.jpg, the README's picture: a frame of the sample clip as filmed, and edited in three ways.

Run from the project's root: .venv/bin/python samples/make_edits.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from facevid import edit_video
from facevid.video import open_clip

FRAME = 70
EDITS = ("smile=+1", "age=+1", "male=+1")
FACE = slice(60, 440), slice(150, 490)
"""Rows and columns of the frame that are shown."""


def main() -> None:
    """Write the picture beside this file."""
    here = Path(__file__).parent
    frame = next(frame for frame in open_clip(here / "astronaut.mp4").frames() if frame.index == FRAME)
    shown = [frame.rgb()]
    with TemporaryDirectory() as folder:
        source, result = Path(folder) / "frame.png", Path(folder) / "edited.png"
        cv2.imwrite(str(source), shown[0][..., ::-1])
        for edit in EDITS:
            edit_video(source, result, [edit])
            shown.append(next(open_clip(result).frames()).rgb())
            result.unlink()
    picture = np.hstack([each[FACE] for each in shown])
    cv2.imwrite(str(here / "astronaut-edits.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


if __name__ == "__main__":
    main()
