"""Measures of edits with one known fault each: every fault is seen by its own measure, and only by that."""

import json
import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.errors import ModelError, UsageError
from facevid.evaluation.video.edit_measures import evaluate_edit
from facevid.evaluation.video.embedding import OnnxEmbedding
from facevid.evaluation.video.temporal_identity import global_ratios, local_ratios
from facevid.faces.alignment import ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from facevid.video import open_clip
from facevid.video.writer.ffmpeg import run_ffmpeg
from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid

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
    measures = evaluate_edit(source, edited).whole
    assert measures.frames == 6
    assert measures.flicker_source < 0.01
    # The mean absolute difference of two normally distributed numbers is 2 / sqrt(pi) standard deviations.
    # The edit's own flow follows a part of the noise.
    assert 0.6 * 5 < measures.flicker < 2 / np.sqrt(np.pi) * 5
    assert measures.lips is None


def test_edit_that_moves_with_the_picture_adds_no_flicker(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    pictures = [camera_move(portrait, index, SIZE) for index in range(6)]
    source = write_frames(tmp_path / "source", pictures)
    edited = write_frames(tmp_path / "edited", [(picture * 0.8).astype(np.uint8) for picture in pictures])
    measures = evaluate_edit(source, edited).whole
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


def test_evaluate_accepts_two_clips_with_and_without_the_video_command(
    run_facevid: RunFacevid, portrait: NDArray[np.uint8], tmp_path: Path
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


def test_each_fault_is_seen_by_its_own_measure_alone(shared: Path, tmp_path: Path) -> None:
    """Edits of a speaking face with one fault each. `swapped` has another person's face in its second half."""
    frames = islice(open_clip(shared / "clips" / "woman-happy-1080p-audio.mp4").frames(), 0, 36, 4)
    pictures = [np.asarray(cv2.resize(frame.rgb(), (480, 270), interpolation=cv2.INTER_AREA)) for frame in frames]
    landmarks = [DlibDetector().detect(picture)[0].landmarks for picture in pictures]
    stranger = next(open_clip(shared / "faces/london/005_neutral.jpg").frames()).rgb()
    stranger_landmarks = DlibDetector().detect(stranger)[0].landmarks
    random = np.random.default_rng(0)

    def pasted(index: int, part: slice, picture: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Paste a part of the face in another picture at the same part of frame `index`."""
        matrix, _ = cv2.estimateAffinePartial2D(points[17:48], landmarks[index][17:48])
        return blended(index, part, np.asarray(cv2.warpAffine(picture, matrix, (480, 270), flags=cv2.INTER_AREA)))

    def blended(index: int, part: slice, picture: NDArray[Any]) -> NDArray[np.uint8]:
        outline = cv2.convexHull(np.rint(landmarks[index][part]).astype(np.int32))
        matte = cv2.GaussianBlur(cv2.fillConvexPoly(np.zeros((270, 480), np.float32), outline, 1.0), (0, 0), 3)
        blend = pictures[index] + matte[..., None] * (picture.astype(np.float32) - pictures[index])
        return np.asarray(np.rint(blend).clip(0, 255), np.uint8)

    def shifted(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        matrix = np.column_stack([np.eye(2), random.normal(size=2)])
        return np.asarray(cv2.warpAffine(picture, matrix, (480, 270), flags=cv2.INTER_CUBIC))

    face, mouth, count = slice(0, 68), slice(3, 14), range(len(pictures))
    late = [max(index - 2, 0) for index in count]
    edits = {
        "same": pictures,
        "flickering": [blended(i, face, pictures[i] + 6.0 * (-1) ** i) for i in count],
        "shaken": [blended(i, face, shifted(pictures[i])) for i in count],
        "late": [pasted(i, mouth, pictures[late[i]], landmarks[late[i]]) for i in count],
        "swapped": [pasted(i, face, stranger, stranger_landmarks) if i > 4 else pictures[i] for i in count],
    }
    source = write_frames(tmp_path / "source", pictures)
    results = {name: evaluate_edit(source, write_frames(tmp_path / name, edit)).whole for name, edit in edits.items()}
    same = results["same"]
    assert (same.flicker, same.shake, same.identity, same.psnr_outside) == (0, 0, 0, 100)
    assert (same.lips, same.identity_similarity, same.tl_id, same.tg_id) == pytest.approx((1, 1, 1, 1))
    for name, result in results.items():
        assert (result.flicker > 3) == (name == "flickering"), name
        assert result.tg_id is not None and (result.tg_id < 0.97) == (name == "swapped"), name
        assert (result.identity > 0.4) == (name == "swapped"), name
        assert result.psnr_outside is not None and result.psnr_outside > 50
        if name != "swapped":  # a stranger's face has another shape and its mouth stays as it is
            assert (result.shake > 2) == (name == "shaken"), name
            assert result.lips is not None and (result.lips < 0.8) == (name == "late"), name


def test_temporal_identity_of_known_vectors() -> None:
    def at(*degrees: float) -> NDArray[np.float64]:
        return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=-1)

    source, edited = at(0, 30, 60), 3 * at(0, 60, 60)
    cosines = {angle: math.cos(math.radians(angle)) for angle in (0, 30, 60)}
    neighbours = [cosines[60] / cosines[30], cosines[0] / cosines[30]]
    assert local_ratios(np.array([4, 5, 6]), source, edited)[1:] == pytest.approx(neighbours)
    ratios = global_ratios(source, edited)
    assert ratios.count == 3
    assert ratios.mean == pytest.approx((sum(neighbours) + 1) / 3)
    # frame 5 is missing, so only its neighbours' pair is left, and that is not of neighbouring frames
    assert np.isnan(local_ratios(np.array([4, 6]), source[::2], edited[::2])).all()


def test_the_same_samples_in_another_codec_are_a_perfect_edit(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", [camera_move(portrait, index, SIZE) for index in range(3)], sound=False)
    run_ffmpeg(["-i", str(source), "-c", "ffv1", str(tmp_path / "out.mkv")], str(tmp_path / "out.mkv"))
    measures = evaluate_edit(source, tmp_path / "out.mkv").whole
    assert (measures.psnr_outside, measures.flicker, measures.identity) == (100, 0, 0)


def test_plot_over_time_and_tracks_in_json(
    run_facevid: RunFacevid, portrait: NDArray[np.uint8], tmp_path: Path
) -> None:
    pictures = [camera_move(portrait, index, SIZE) for index in range(3)]
    source = write_frames(tmp_path / "source", pictures)
    edited = write_frames(tmp_path / "edited", [(picture * 0.9).astype(np.uint8) for picture in pictures])
    outcome = run_facevid("evaluate", source, edited, "--plot", tmp_path / "plot.png", "--json", "-q")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    (track,) = result["tracks"]
    assert (track["person"], track["first"], track["last"], result["embedding"]) == (0, 0, 2, "dlib")
    assert track["over_time"]["frame"] == [0, 1, 2]
    assert track["over_time"]["tl_id"][0] is None
    assert result["psnr_outside"] < 40
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert run_facevid("evaluate", source, edited, "--plot", tmp_path / "plot.png", "-q").code == 6
    assert run_facevid("evaluate", source, edited, "--plot", tmp_path / "plot.txt", "-q").code == 2
    assert run_facevid("evaluate", source, edited, "--embedding", tmp_path / "none.onnx", "-q").code == 5


def test_onnx_embedding_reads_the_aligned_face(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "mean.onnx"
    path.write_bytes(global_average_network())
    landmarks = DlibDetector().detect(portrait)[0].landmarks
    outline = np.rint(ffhq_quad(landmarks)).astype(np.int32)
    for channel in range(3):
        painted = portrait // 2
        cv2.fillConvexPoly(painted, outline, np.eye(3)[channel] * 255)
        vector = OnnxEmbedding(path).embed(painted, landmarks)
        # the mean of a painted face: 1 in its channel and -1 in the others, divided by the square root of 3
        assert vector == pytest.approx((2 * np.eye(3)[channel] - 1) / math.sqrt(3), abs=0.05)
    path.write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"mean\.onnx"):
        OnnxEmbedding(path)


def global_average_network() -> bytes:
    """Return an ONNX file of one node, the mean over all pixels of an input 1 x 3 x 112 x 112, as a protocol buffer."""

    def item(number: int, content: bytes | int) -> bytes:
        if isinstance(content, int):
            return bytes([number << 3, content])
        size, length = len(content), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + content

    def value(name: bytes, *shape: int) -> bytes:
        dimensions = b"".join(item(1, item(1, side)) for side in shape)
        return item(1, name) + item(2, item(1, item(1, 1) + item(2, dimensions)))  # element type 1: float

    node = item(1, b"x") + item(2, b"y") + item(3, b"mean") + item(4, b"GlobalAveragePool")
    graph = item(1, node) + item(2, b"g") + item(11, value(b"x", 1, 3, 112, 112)) + item(12, value(b"y", 1, 3, 1, 1))
    return item(1, 8) + item(7, graph) + item(8, item(1, b"") + item(2, 13))
