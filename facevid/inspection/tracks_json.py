"""`tracks.json`: everything that tracking found, for scripts.

Frames are numbered as in `facevid edit --frames`: an image sequence's by its own numbers, else from 0.

One object:

    schema_version  3; raised when the meaning of a field changes
    source          the clip's path, as it was given
    width, height   of the picture as displayed, in square pixels
    display_window  x, y, width, height of the part that is displayed, in the plate's own pixels: less than all where
                    OpenEXR files hold overscan
    frame_count     frames decoded
    time_base       seconds a unit of `pts`, as a fraction: "1/12800"
    detector        which found the faces: "dlib" or "face-alignment"
    smooth          sigma, in frames, of the Gaussian over time that the quads were smoothed with
    cuts            numbers of the frames that begin a shot, the first frame aside
    tracks          one object a track, in order of appearance

of a track:

    number          the person's, as `facevid edit --face` takes it; a person who leaves, or is cut away from, and comes
                    back has several tracks, which never overlap: number and first together name a track
    first, last     numbers of its first and last frame
    edited          whether `facevid edit` edits it by default
    frames          one object a frame, from `first` to `last`

and of a frame of a track:

    frame           its number
    pts             its timestamp, an integer, in units of `time_base`
    detected        false where the detector missed the face and its landmarks were interpolated
    score           the detector's confidence, comparable within one detector; 0 where not detected
    quad            the crop that an edit encodes, smoothed: [x, y] of its corners top left, bottom left, bottom right,
                    top right, in pixels of the picture as displayed; the centre of the top left pixel is [0, 0]
    landmarks       [x, y] of the 68 landmarks in the order of iBUG 300-W, not smoothed, in the same pixels

Each frame of a track stands on a line of its own.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.tracking import Tracking
from facevid.inspection.tracks import InspectedTrack
from facevid.video import ClipInfo

SCHEMA_VERSION = 3


def write_tracks(
    path: Path, info: ClipInfo, tracking: Tracking, tracks: Sequence[InspectedTrack], *, detector: str, smooth: float
) -> None:
    """Write `tracks.json` frame by frame: the whole text is never in memory."""
    clip = {
        "schema_version": SCHEMA_VERSION,
        "source": str(info.path),
        "width": info.square_size[0],
        "height": info.square_size[1],
        "display_window": info.display_window or (0, 0, info.width, info.height),
        "frame_count": tracking.frame_count,
        "time_base": str(info.time_base),
        "detector": detector,
        "smooth": smooth,
        "cuts": [info.first_number + cut for cut in tracking.cuts],
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{json.dumps(clip)[:-1]}, "tracks": [')
        for number, each in enumerate(tracks):
            file.write(",\n" if number else "\n")
            file.writelines(_track_lines(each, tracking.pts))
        file.write("]}\n")


def _track_lines(each: InspectedTrack, pts: NDArray[np.int64]) -> Iterator[str]:
    track = each.track
    whole = {"number": track.number, "first": each.first, "last": each.last, "edited": each.edited}
    yield f'{json.dumps(whole)[:-1]}, "frames": [\n'
    for offset in range(len(track)):
        end = ",\n" if offset + 1 < len(track) else "]}"
        yield json.dumps(_frame(each, offset, pts)) + end


def _frame(each: InspectedTrack, offset: int, pts: NDArray[np.int64]) -> dict[str, Any]:
    track = each.track
    return {
        "frame": each.first + offset,
        "pts": int(pts[track.first + offset]),
        "detected": bool(track.detected[offset]),
        "score": round(float(track.scores[offset]), 4),
        "quad": _rounded(each.quads[offset]),
        "landmarks": _rounded(track.landmarks[offset]),
    }


def _rounded(points: NDArray[np.floating]) -> list[list[float]]:
    return points.astype(np.float64).round(2).tolist()
