"""The measures of an edit, on clips whose flicker and jitter are known, and the recipes against each other."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.errors import UsageError
from facevid.evaluation.jitter import face_motions, quad_jitter
from facevid.evaluation.stability import evaluate_edit
from facevid.faces.alignment import ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.options import TrackingOptions
from facevid.video import open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.clips import camera_move, write_clip

SIZE = (320, 240)


def write_frames(folder: Path, pictures: Sequence[NDArray[np.uint8]]) -> Path:
    """Write a sequence of PNG files: without any loss."""
    folder.mkdir()
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"f.{index:04d}.png"), picture[..., ::-1])
    return folder


def test_noise_on_a_still_picture_is_its_flicker(portrait, tmp_path):
    still, random = camera_move(portrait, 0, SIZE), np.random.default_rng(0)
    noisy = [np.rint(still + random.normal(scale=5, size=(*still.shape[:2], 1))).clip(0, 255) for _ in range(6)]
    source = write_frames(tmp_path / "source", [still] * 6)
    edited = write_frames(tmp_path / "edited", [picture.astype(np.uint8) for picture in noisy])
    measures = evaluate_edit(source, edited)
    assert measures.frames == 6
    assert measures.flicker_source < 0.01
    # The mean absolute difference of two normal numbers is 2 / sqrt(pi) of their standard deviation.
    assert measures.flicker == pytest.approx(2 / np.sqrt(np.pi) * 5, rel=0.1)
    assert measures.mouth is None


def test_an_edit_that_moves_with_the_picture_does_not_flicker(portrait, tmp_path):
    pictures = [camera_move(portrait, index, SIZE) for index in range(6)]
    source = write_frames(tmp_path / "source", pictures)
    edited = write_frames(tmp_path / "edited", [(picture * 0.8).astype(np.uint8) for picture in pictures])
    measures = evaluate_edit(source, edited)
    assert measures.flicker_source > 0.3
    assert measures.flicker == pytest.approx(-0.2 * measures.flicker_source, abs=0.2)
    assert measures.identity < 0.2


def test_what_is_not_an_edit_of_the_source_is_refused(portrait, tmp_path):
    pictures = [camera_move(portrait, index, SIZE) for index in range(3)]
    source = write_frames(tmp_path / "source", pictures)
    with pytest.raises(UsageError, match=r"only .*source.* has frame 2"):
        evaluate_edit(source, write_frames(tmp_path / "short", pictures[:2]))
    with pytest.raises(UsageError, match="size: 320x240 and 160x120"):
        evaluate_edit(source, write_frames(tmp_path / "small", [cv2.resize(each, (160, 120)) for each in pictures]))
    with pytest.raises(UsageError, match="differ in time from frame 1"):
        evaluate_edit(source, write_clip(tmp_path / "slow.mp4", pictures, rate=12))


def test_lips_in_time_and_lips_that_come_late(shared, tmp_path):
    part = tmp_path / "part.mp4"
    clip = shared / "clips" / "woman-happy-1080p-audio.mp4"
    run_ffmpeg(["-i", str(clip), "-t", "0.8", "-an", "-c", "copy", str(part)], str(part))
    pictures = [cv2.resize(frame.rgb(), (480, 270), interpolation=cv2.INTER_AREA) for frame in open_clip(part).frames()]
    source = write_clip(tmp_path / "source.mp4", pictures, sound=False)
    same = write_clip(tmp_path / "same.mp4", [(each * 0.9).astype(np.uint8) for each in pictures], sound=False)
    late = write_clip(tmp_path / "late.mp4", [pictures[0]] * 5 + pictures[:-5], sound=False)
    in_time, too_late = (evaluate_edit(source, edited).mouth for edited in (same, late))
    assert in_time is not None
    assert too_late is not None
    assert in_time > 0.95
    assert too_late < 0.8


def test_jitter_is_that_of_the_quad_on_the_face(portrait_clip):
    analysis = Analysis(open_clip(portrait_clip), DlibDetector(), TrackingOptions())
    (track,) = analysis.track().tracks
    (motion,) = face_motions(analysis.clip, [track])
    quads = [ffhq_quad(track.landmarks[0])]
    for step in motion[1:]:
        quads.append(cv2.transform(quads[-1][None], step)[0])
    carried = np.stack(quads)
    assert quad_jitter(carried, motion) == pytest.approx(0, abs=1e-6)
    assert quad_jitter(analysis.quads(track), motion) < quad_jitter(ffhq_quad(track.landmarks), motion)


def test_the_jitter_of_noise_of_a_known_size():
    count, side, sigma = 4000, 200.0, 0.5
    square = side * np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    quads = square + np.random.default_rng(0).normal(scale=sigma, size=(count, 1, 2))
    motion = np.repeat(np.eye(2, 3)[None], count, axis=0)
    # The second difference of noise has 6 times its variance; the mean length of a normal pair is sqrt(pi / 2) sigma.
    assert quad_jitter(quads, motion) == pytest.approx(1000 * np.sqrt(6 * np.pi / 2) * sigma / side, rel=0.05)


def test_the_recipes_against_each_other(run_facevid, portrait, tmp_path):
    random = np.random.default_rng(0)
    pictures = [camera_move(portrait, index, SIZE) for index in range(8)]
    noisy = [
        (picture + random.normal(scale=4, size=picture.shape)).clip(0, 255).astype(np.uint8) for picture in pictures
    ]
    clip, out = write_clip(tmp_path / "clip.mp4", noisy), tmp_path / "stability.csv"
    ended = run_facevid("evaluate", "stability", clip, "--attr", "smile=1", "--device", "cpu", "-q", "--out", out)
    assert ended.code == 0, ended.err
    assert "published" in ended.out
    with out.open(newline="") as file:
        rows = {row["recipe"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["none", "published", "facevid"]
    for measure in ("flicker", "jitter"):
        values = {name: float(row[measure]) for name, row in rows.items()}
        assert values["facevid"] < values["none"], measure
        assert values["facevid"] < values["published"], measure


def test_evaluate_takes_two_clips_with_or_without_its_command(run_facevid, portrait, tmp_path):
    pictures = [camera_move(portrait, index, SIZE) for index in range(3)]
    source, edited = (write_clip(tmp_path / f"{name}.mp4", pictures, sound=False) for name in ("source", "edited"))
    bare = run_facevid("evaluate", source, edited, "--json", "-q")
    told = json.loads(bare.out)
    assert (told["frames"], told["flicker"], told["identity"]) == (3, 0, 0)
    named = run_facevid("evaluate", "video", source, edited)
    assert "flicker that the edit adds" in named.out
    missing = run_facevid("evaluate", source, tmp_path / "none.mp4")
    assert missing.code == 3
