"""Writer of `tracks.json`: the tracking of a clip, for scripts.

Frames are numbered as in `facevid edit --frames`: by an image sequence's own numbers, else from --start-number.

The file is one object:

    schema_version  3; increases when the meaning of a field changes
    source          path of the clip, as it was given
    width, height   size of the picture as displayed, in square pixels
    display_window  x, y, width, height of the displayed part, in the plate's own pixels; smaller than the picture where
                    OpenEXR files hold overscan
    frame_count     number of frames decoded
    time_base       unit of `pts` in seconds, as a fraction: "1/12800"
    detector        landmark detector: "bundled", "dlib" or "face-alignment"
    smooth          sigma of the Gaussian that smoothed the quads over time, in frames
    cuts            numbers of the frames that begin a shot, without the first frame
    tracks          one object per track, in order of appearance

Each track is an object:

    number          number of the person, as `facevid edit --face` takes it. A person who leaves and returns, or whose
                    shot is interrupted by a cut, has several tracks, which never overlap: `number` and `first` together
                    identify a track
    first, last     numbers of its first and last frame
    edited          whether `facevid edit` edits it by default
    frames          one object per frame, from `first` to `last`

Each frame of a track is an object:

    frame           its number
    pts             its timestamp, an integer, in units of `time_base`
    detected        false where the detector missed the face and its landmarks are interpolated
    score           confidence of the detector, comparable within one detector; 0 where not detected
    quad            crop that an edit encodes, smoothed over time: [x, y] of its corners top left, bottom left, bottom
                    right, top right, in pixels of the picture as displayed; the centre of the top left pixel is [0, 0]
    landmarks       [x, y] of the 68 landmarks in the order of iBUG 300-W, not smoothed, in the same pixels

Each frame of a track is on its own line.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facevid.analysis.clip_tracking import Tracking
from facevid.faces.landmark_scheme import IBUG_COUNT
from facevid.inspection.tracks import InspectedTrack
from facevid.video import ClipInfo

SCHEMA_VERSION = 3
"""Value of `schema_version`."""

COORDINATE_DECIMALS = 2
"""Decimals of coordinates: a hundredth of a pixel is below the precision of the landmarks."""

SCORE_DECIMALS = 4
"""Decimals of scores."""


def write_tracks(
    path: Path, info: ClipInfo, tracking: Tracking, tracks: Sequence[InspectedTrack], *, detector: str, smooth: float
) -> None:
    """Write `tracks.json` frame by frame, so that memory does not grow with the length of the clip.

    Args:
        path: file to write.
        info: of the clip.
        tracking: of the clip.
        tracks: all tracks of the clip, in order of appearance.
        detector: name of the landmark detector.
        smooth: sigma of the Gaussian that smoothed the quads over time, in frames.
    """
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
        for position, inspected in enumerate(tracks):
            file.write(",\n" if position else "\n")
            file.writelines(_track_lines(inspected, tracking.pts))
        file.write("]}\n")


def _track_lines(inspected: InspectedTrack, pts: NDArray[np.int64]) -> Iterator[str]:
    track = inspected.track
    header = {
        "number": track.person,
        "first": inspected.first,
        "last": inspected.last,
        "edited": inspected.edited,
    }
    yield f'{json.dumps(header)[:-1]}, "frames": [\n'
    for offset in range(len(track)):
        end = ",\n" if offset + 1 < len(track) else "]}"
        yield json.dumps(_frame(inspected, offset, pts)) + end


def _frame(inspected: InspectedTrack, offset: int, pts: NDArray[np.int64]) -> dict[str, Any]:
    track = inspected.track
    return {
        "frame": inspected.first + offset,
        "pts": int(pts[track.first + offset]),
        "detected": bool(track.detected[offset]),
        "score": round(float(track.scores[offset]), SCORE_DECIMALS),
        "quad": _rounded(inspected.quads[offset]),
        "landmarks": _rounded(track.landmarks[offset, :IBUG_COUNT]),
    }


def _rounded(points: NDArray[np.floating]) -> list[list[float]]:
    rounded: list[list[float]] = points.astype(np.float64).round(COORDINATE_DECIMALS).tolist()
    return rounded
