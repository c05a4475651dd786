"""SMPTE timecode (ST 12-1): HH:MM:SS:FF, with a semicolon before FF for drop-frame."""

import re
from dataclasses import dataclass
from fractions import Fraction

DROPPED_NUMBERS = 2
"""Frame numbers that drop-frame timecode skips at the start of each minute, for each 30 frames per second."""

_TIMECODE = re.compile(r"(\d{2}):([0-5]\d):([0-5]\d)([:;])(\d{2,3})")


@dataclass(frozen=True, order=True)
class Timecode:
    """A timecode.

    Attributes:
        seconds: hours, minutes and seconds, in seconds.
        frames: number of the frame within the second.
        drop_frame: whether it is written with a semicolon.
    """

    seconds: int
    frames: int
    drop_frame: bool = False

    def __str__(self) -> str:
        hours, minutes = self.seconds // 3600, self.seconds // 60 % 60
        separator = ";" if self.drop_frame else ":"
        return f"{hours:02}:{minutes:02}:{self.seconds % 60:02}{separator}{self.frames:02}"

    def frame_count(self, rate: Fraction, drop_frame: bool) -> int:
        """Return the number of frames from 00:00:00:00 to this timecode.

        Args:
            rate: frames per second.
            drop_frame: whether the clip counts in drop-frame, which exists for 29.97 and 59.94 frames per second.
        """
        nominal = round(rate)
        count = self.seconds * nominal + self.frames
        if drop_frame and nominal % 30 == 0:
            minutes = self.seconds // 60
            count -= DROPPED_NUMBERS * (nominal // 30) * (minutes - minutes // 10)
        return count


def parse_timecode(text: str) -> Timecode | None:
    """Parse HH:MM:SS:FF or HH:MM:SS;FF; None if `text` is something else."""
    match = _TIMECODE.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(match[group]) for group in (1, 2, 3))
    return Timecode(3600 * hours + 60 * minutes + seconds, int(match[5]), match[4] == ";")
