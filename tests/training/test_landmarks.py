"""Training examples of the landmark network, and training on them."""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from safetensors.torch import load_file

from facevid.cli.train import command
from facevid.errors import InputError, UsageError
from facevid.networks.landmarks import POINT_COUNT
from facevid.training.common.config import LandmarkConfig
from facevid.training.common.run import Compute
from facevid.training.landmarks.examples import CROPS, draw_examples
from facevid.training.landmarks.labels import PointLabels, load_portraits
from facevid.training.landmarks.train import LANDMARKS_FILE, train_landmarks
from facevid.training.landmarks.turning import Turn, depth_at, depth_map
from facevid.utils.progress import no_progress

SETS = (("drawn", 1.0),)
TINY = LandmarkConfig(sets=SETS, batch_size=8, warm_up=5, ema=10)


def mirror_pairs() -> NDArray[np.int64]:
    """Pair each point with the next one."""
    return np.arange(POINT_COUNT) ^ 1


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Points on a dome over the ellipses of `drawn_faces`, in pairs left and right."""
    angle, radius = np.meshgrid(np.linspace(-1.5, 1.5, 239), [1.0])
    half = np.stack([np.cos(angle) * radius, np.sin(angle) * radius], axis=-1).reshape(-1, 2) * (9, 11) / 32
    half *= np.linspace(0.2, 1, len(half))[::-1, None] ** 0.5
    points = np.stack([half * (-1, 1), half], axis=1).reshape(-1, 2)
    depth = (points**2).sum(axis=1, keepdims=True) * 2
    points = np.concatenate([points + np.array([0.5, 0.6]), depth], axis=1).astype(np.float32)
    path: Path = tmp_path_factory.mktemp("labels") / "points.npz"
    names = [f"drawn/{number}.png" for number in range(40)]
    np.savez(path, names=names, points=np.tile(points, (40, 1, 1)), mirror=mirror_pairs())
    return path


def test_examples_depend_on_the_seed_only(drawn_faces: Path, labels: Path) -> None:
    portraits = load_portraits(drawn_faces, SETS, PointLabels.read(labels), no_progress)
    first, again, other = (draw_examples(np.random.default_rng(seed), portraits, 6) for seed in (1, 1, 2))
    assert np.array_equal(first.crops, again.crops)
    assert np.array_equal(first.points, again.points)
    assert not np.array_equal(first.crops, other.crops)
    assert first.crops.shape == (6 * CROPS, 128, 128, 3)


def test_the_crops_of_a_face_agree(drawn_faces: Path, labels: Path) -> None:
    portraits = load_portraits(drawn_faces, SETS, PointLabels.read(labels), no_progress)
    examples = draw_examples(np.random.default_rng(0), portraits, 20)
    assert set(examples.mirrored.tolist()) == {True, False}
    for pair in range(20):
        first, second = examples.points[CROPS * pair : CROPS * pair + 2]
        if examples.mirrored[pair]:
            second = (second * (-1, 1) + (1, 0))[mirror_pairs()]
        matrix = examples.agreement[pair]
        assert np.allclose(second @ matrix[:, :2].T + matrix[:, 2], first, atol=1e-4)


def test_faces_are_confident_and_close_ups_are_not(drawn_faces: Path, labels: Path) -> None:
    portraits = load_portraits(drawn_faces, SETS, PointLabels.read(labels), no_progress)
    examples = draw_examples(np.random.default_rng(0), portraits, 60)
    assert 0.6 < (examples.confidence > 0.5).mean() < 0.9
    assert 0.1 < (examples.confidence == 0).mean() < 0.35
    assert not examples.has_points[examples.confidence == 0].any()
    points = examples.points[examples.has_points]
    assert ((points > 0) & (points < 1)).mean() > 0.9


@pytest.mark.parametrize(("yaw", "pitch"), [(0.6, 0.0), (-0.6, 0.1), (0.0, 0.3)])
def test_a_turned_picture_shows_the_turned_points(yaw: float, pitch: float) -> None:
    y, x = np.mgrid[60:200:10, 60:200:10].reshape(2, -1)
    points = np.stack([x, y, ((x - 128) ** 2 + (y - 128) ** 2) / 200], axis=1).astype(np.float64)
    depths = depth_map(points, 256)
    turn = Turn.from_angles(yaw, pitch, np.array([128.0, 128.0]))
    for point in ([80.0, 90.0], [165.0, 170.0]):
        picture = np.zeros((256, 256, 3), np.uint8)
        cv2.circle(picture, tuple(int(value) for value in point), 4, (255, 255, 255), -1)
        expected = turn.points(np.array([point]), depth_at(np.array([point]), depths, 256))[0]
        pixels = turn.picture(picture, depths)[..., 0].astype(float)
        rows, columns = np.indices(pixels.shape)
        centroid = np.array([(columns * pixels).sum(), (rows * pixels).sum()]) / pixels.sum()
        assert np.abs(expected - point).max() > 2
        assert np.abs(centroid - expected).max() < 1.5


def test_training_resumes_to_the_same_weights(drawn_faces: Path, labels: Path, tmp_path: Path) -> None:
    whole = train_landmarks(drawn_faces, labels, tmp_path / "whole", 4, config=TINY)
    train_landmarks(drawn_faces, labels, tmp_path / "parts", 4, config=TINY, minutes=1e-9)
    parts = train_landmarks(drawn_faces, labels, tmp_path / "parts", 4, config=TINY)
    assert whole.name == LANDMARKS_FILE
    assert whole.read_bytes() == parts.read_bytes()
    assert "network" not in load_file(whole)
    with pytest.raises(UsageError, match="parts"):
        train_landmarks(drawn_faces, labels, tmp_path / "parts", 4, config=TINY, compute=Compute(seed=1))


def test_damaged_labels_are_reported(labels: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "points.npz"
    damaged.write_bytes(labels.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"points\.npz"):
        PointLabels.read(damaged)
    np.savez(damaged, names=["drawn/0.png"], points=np.zeros((1, 5, 3)), mirror=mirror_pairs())
    with pytest.raises(InputError, match=r"points\.npz.*478"):
        PointLabels.read(damaged)


def test_command_trains(drawn_faces: Path, labels: Path, tmp_path: Path) -> None:
    arguments = ["landmarks", "--data", str(drawn_faces), "--labels", str(labels), "--set", "drawn=1", "-q"]
    arguments += ["--out", str(tmp_path / "run"), "--steps", "1", "--batch-size", "4"]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    assert (tmp_path / "run" / LANDMARKS_FILE).is_file()


def test_the_teacher_needs_a_package(drawn_faces: Path, tmp_path: Path) -> None:
    if find_spec("ai_edge_litert"):
        pytest.skip("ai-edge-litert is installed")
    with pytest.raises(UsageError, match=r"teacher\.tflite.*facevid\[teacher\]"):
        train_landmarks(drawn_faces, tmp_path / "teacher.tflite", tmp_path / "run", 1, config=TINY)
