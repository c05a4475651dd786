"""Jitter of quads on clips with known jitter, and the comparison of smoothing methods."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.evaluation.video.jitter import face_motions, quad_jitter
from facevid.faces.alignment import ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.options import TrackingOptions
from facevid.video import open_clip
from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid

SIZE = (320, 240)
"""Width and height of the clips, in pixels."""


def test_quad_that_follows_the_face_has_no_jitter(portrait_clip: Path) -> None:
    analysis = Analysis(open_clip(portrait_clip), DlibDetector(), TrackingOptions())
    (track,) = analysis.track().tracks
    (motion,) = face_motions(analysis.clip, [track])
    quads = [ffhq_quad(track.landmarks[0])]
    for step in motion[1:]:
        quads.append(cv2.transform(quads[-1][None], step)[0])
    assert quad_jitter(np.stack(quads), motion) == pytest.approx(0, abs=1e-6)
    assert quad_jitter(analysis.quads(track), motion) < quad_jitter(ffhq_quad(track.landmarks), motion)


def test_jitter_of_noise_of_known_standard_deviation() -> None:
    count, side, sigma = 4000, 200.0, 0.5
    square = side * np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    quads = square + np.random.default_rng(0).normal(scale=sigma, size=(count, 1, 2))
    motion = np.repeat(np.eye(2, 3)[None], count, axis=0)
    # The second difference of noise has 6 times its variance. The mean length of a 2D normal vector is
    # sqrt(pi / 2) sigma.
    assert quad_jitter(quads, motion) == pytest.approx(1000 * np.sqrt(6 * np.pi / 2) * sigma / side, rel=0.05)


@pytest.mark.slow
def test_default_smoothing_is_better_than_the_other_methods(
    run_facevid: RunFacevid, portrait: NDArray[np.uint8], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    pictures = [camera_move(portrait, index, SIZE) for index in range(8)]
    noisy = [
        (picture + random.normal(scale=4, size=picture.shape)).clip(0, 255).astype(np.uint8) for picture in pictures
    ]
    clip, out = write_clip(tmp_path / "clip.mp4", noisy), tmp_path / "stability.csv"
    outcome = run_facevid("evaluate", "stability", clip, "--attr", "smile=1", "--device", "cpu", "-q", "--out", out)
    assert outcome.code == 0, outcome.err
    assert "published" in outcome.out
    with out.open(newline="") as file:
        rows = {row["recipe"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["none", "published", "facevid"]
    for measure in ("flicker", "jitter"):
        values = {name: float(row[measure]) for name, row in rows.items()}
        assert values["facevid"] < values["none"], measure
        assert values["facevid"] < values["published"], measure
