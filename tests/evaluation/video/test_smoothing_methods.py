"""Measures of an edit on clips with known flicker and jitter, and the comparison of smoothing methods."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.errors import UsageError
from facevid.evaluation.video.jitter import face_motions, quad_jitter
from facevid.evaluation.video.measures import evaluate_edit
from facevid.faces.alignment import ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.options import TrackingOptions
from facevid.video import open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.clips import camera_move, write_clip
from tests.conftest import Outcome

SIZE = (320, 240)
"""Width and height of the clips, in pixels."""


def write_frames(folder: Path, pictures: Sequence[NDArray[np.uint8]]) -> Path:
    """Write a lossless sequence of PNG files."""
    folder.mkdir()
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"f.{index:04d}.png"), picture[..., ::-1])
    return folder


def test_noise_on_a_still_picture_is_measured_as_flicker(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    still, random = camera_move(portrait, 0, SIZE), np.random.default_rng(0)
    noisy = [np.rint(still + random.normal(scale=5, size=(*still.shape[:2], 1))).clip(0, 255) for _ in range(6)]
    source = write_frames(tmp_path / "source", [still] * 6)
    edited = write_frames(tmp_path / "edited", [picture.astype(np.uint8) for picture in noisy])
    measures = evaluate_edit(source, edited)
    assert measures.frames == 6
    assert measures.flicker_source < 0.01
    # The mean absolute difference of two normally distributed numbers is 2 / sqrt(pi) standard deviations.
    assert measures.flicker == pytest.approx(2 / np.sqrt(np.pi) * 5, rel=0.1)
    assert measures.lips is None


def test_edit_that_moves_with_the_picture_adds_no_flicker(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    pictures = [camera_move(portrait, index, SIZE) for index in range(6)]
    source = write_frames(tmp_path / "source", pictures)
    edited = write_frames(tmp_path / "edited", [(picture * 0.8).astype(np.uint8) for picture in pictures])
    measures = evaluate_edit(source, edited)
    assert measures.flicker_source > 0.3
    assert measures.flicker == pytest.approx(-0.2 * measures.flicker_source, abs=0.2)
    assert measures.identity < 0.2


def test_clips_that_do_not_match_the_source_are_rejected(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    pictures = [camera_move(portrait, index, SIZE) for index in range(3)]
    source = write_frames(tmp_path / "source", pictures)
    with pytest.raises(UsageError, match=r"short.*: only .*source.* frame 2"):
        evaluate_edit(source, write_frames(tmp_path / "short", pictures[:2]))
    small = [np.asarray(cv2.resize(picture, (160, 120)), np.uint8) for picture in pictures]
    with pytest.raises(UsageError, match=r"small.* 320x240 .*160x120"):
        evaluate_edit(source, write_frames(tmp_path / "small", small))
    with pytest.raises(UsageError, match=r"slow\.mp4 .* time .*frame 1 "):
        evaluate_edit(source, write_clip(tmp_path / "slow.mp4", pictures, rate=12))


def test_mouth_correlation_of_synchronised_and_delayed_lips(shared: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.mp4"
    clip = shared / "clips" / "woman-happy-1080p-audio.mp4"
    run_ffmpeg(["-i", str(clip), "-t", "0.8", "-an", "-c", "copy", str(part)], str(part))
    pictures = [cv2.resize(frame.rgb(), (480, 270), interpolation=cv2.INTER_AREA) for frame in open_clip(part).frames()]
    source = write_clip(tmp_path / "source.mp4", pictures, sound=False)
    same = write_clip(tmp_path / "same.mp4", [(each * 0.9).astype(np.uint8) for each in pictures], sound=False)
    late = write_clip(tmp_path / "late.mp4", [pictures[0]] * 5 + pictures[:-5], sound=False)
    synchronised, delayed = (evaluate_edit(source, edited).lips for edited in (same, late))
    assert synchronised is not None
    assert delayed is not None
    assert synchronised > 0.95
    assert delayed < 0.8


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


def test_default_smoothing_is_better_than_the_other_methods(
    run_facevid: Callable[..., Outcome], portrait: NDArray[np.uint8], tmp_path: Path
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


def test_evaluate_accepts_two_clips_with_and_without_the_video_command(
    run_facevid: Callable[..., Outcome], portrait: NDArray[np.uint8], tmp_path: Path
) -> None:
    pictures = [camera_move(portrait, index, SIZE) for index in range(3)]
    source, edited = (write_clip(tmp_path / f"{name}.mp4", pictures, sound=False) for name in ("source", "edited"))
    implicit = run_facevid("evaluate", source, edited, "--json", "-q")
    measures = json.loads(implicit.out)
    assert (measures["frames"], measures["flicker"], measures["identity"]) == (3, 0, 0)
    explicit = run_facevid("evaluate", "video", source, edited)
    assert explicit.code == 0
    assert "flicker" in explicit.out
    missing = run_facevid("evaluate", source, tmp_path / "none.mp4")
    assert missing.code == 3
