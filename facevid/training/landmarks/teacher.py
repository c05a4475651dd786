"""The teacher: the network of MediaPipe's face landmarker, which labels the portraits.

It is no dependency of facevid: its weights (`face_landmarks_detector.tflite`, Apache-2.0) are a file that the user
names, and the package that runs them (`ai-edge-litert`) is imported only here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facevid.errors import InputError, ModelError, UsageError, reason
from facevid.faces.mesh.crop import FaceCrop
from facevid.networks.landmarks import POINT_COUNT
from facevid.training.common.labels import read_table
from facevid.training.common.pictures import PictureFiles, pictures_path
from facevid.training.landmarks.labels import PointLabels
from facevid.utils.progress import Progress

TEACHER_SIDE = 256
"""Side of the teacher's input in pixels."""

FIRST_CROP = (0.5, 0.55, 0.84)
"""Centre x, centre y and side of the first crop, as fractions of the side of an FFHQ crop."""

PASSES = 3
"""Evaluations with which the crop finds its place, each around the points of the one before."""

CROPS = 8
"""Number of shifted, turned and scaled crops, half of them mirrored, over whose points a label is the mean."""

SHIFT = 0.012
"""Standard deviation of the shift of these crops, as a fraction of their side."""

ANGLE = 0.06
"""Standard deviation of their angle, in radians."""

SCALE = 0.04
"""Standard deviation of the logarithm of their relative size."""

MIRROR_PICTURES = 60
"""Number of pictures on which the points of a mirrored picture are paired with those of the picture."""

Network = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""Maps a crop, uint8 (TEACHER_SIDE, TEACHER_SIDE, 3) RGB, to points (478, 3) as fractions of its side."""


def label_portraits(weights: Path, folder: Path, sets: Sequence[str], progress: Progress) -> PointLabels:
    """Label the pictures of picture sets, which are aligned as FFHQ.

    Args:
        weights: the teacher's weights, a .tflite file.
        folder: folder that contains the sets, each a table NAME.csv beside an archive NAME.tar or a folder NAME.
        sets: names of the sets; missing ones are skipped.
        progress: receives the number of pictures.

    Raises:
        UsageError: the package that runs the teacher is not installed.
        ModelError: the weights cannot be read, or are of another network.
        InputError: all sets are missing, or a picture cannot be read.
    """
    network = _load(weights)
    names: list[str] = []
    pictures: list[NDArray[np.uint8]] = []
    for name in sets:
        table = folder / f"{name}.csv"
        if table.is_file():
            with PictureFiles(pictures_path(folder, name)) as files:
                listed = files.names(table, read_table(table))
                names += [f"{name}/{file}" for file in listed]
                pictures += [files.read(file) for file in listed]
    if not pictures:
        raise InputError(f"{folder}: contains none of the picture sets ({', '.join(sets)}); name your own with --set")
    rough = [_converge(network, picture) for picture in pictures]
    mirror = _mirror(network, pictures[:MIRROR_PICTURES], rough)
    rng = np.random.default_rng(0)
    points = [
        _mean_points(network, picture, crop, mirror, rng)
        for picture, crop in progress("teacher", zip(pictures, rough, strict=True), len(pictures))
    ]
    return PointLabels(tuple(names), np.stack(points).astype(np.float32), mirror)


def _load(weights: Path) -> Network:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise UsageError(f"{weights}: running the teacher needs `pip install 'facevid[teacher]'`") from error
    try:
        interpreter = Interpreter(model_path=str(weights), num_threads=1)
        interpreter.allocate_tensors()
        entry = interpreter.get_input_details()[0]["index"]
        outputs = {int(each["shape"][-1]): each["index"] for each in interpreter.get_output_details()}
        result = outputs[POINT_COUNT * 3]
    except Exception as error:  # a damaged file can fail in any way
        raise ModelError(f"{weights}: not the landmark network of MediaPipe ({reason(error)})") from error

    def evaluate(crop: NDArray[np.uint8]) -> NDArray[np.float64]:
        interpreter.set_tensor(entry, crop[None].astype(np.float32) / 255)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(result).reshape(POINT_COUNT, 3) / TEACHER_SIDE, np.float64)

    return evaluate


def _converge(network: Network, picture: NDArray[np.uint8]) -> FaceCrop:
    """Find the crop of the face in an FFHQ crop."""
    x, y, side = np.array(FIRST_CROP) * len(picture)
    crop = FaceCrop(np.array([x, y]) - 0.5, float(side))
    for _ in range(PASSES):
        crop = FaceCrop.around(crop.to_picture(network(crop.cut(picture, TEACHER_SIDE))[:, :2]))
    return crop


def _mirror(network: Network, pictures: list[NDArray[np.uint8]], crops: list[FaceCrop]) -> NDArray[np.int64]:
    """Pair each point with the one that takes its place in a mirrored picture: int64 (478,)."""
    total = np.zeros((POINT_COUNT, POINT_COUNT))
    for picture, crop in zip(pictures, crops, strict=False):
        pixels = crop.cut(picture, TEACHER_SIDE)
        plain, flipped = network(pixels)[:, :2], network(np.ascontiguousarray(pixels[:, ::-1]))[:, :2]
        total += np.linalg.norm(plain[:, None] - (flipped * (-1, 1) + (1, 0))[None], axis=-1)
    mirror: NDArray[np.int64] = total.argmin(axis=1)
    assert np.array_equal(mirror[mirror], np.arange(POINT_COUNT))
    return mirror


def _mean_points(
    network: Network,
    picture: NDArray[np.uint8],
    crop: FaceCrop,
    mirror: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Average the points over several crops: float64 (478, 3), as fractions of the picture's side."""
    total = np.zeros((POINT_COUNT, 3))
    for number in range(CROPS):
        shift, angle, scale = rng.normal(0, SHIFT, 2), rng.normal(0, ANGLE), rng.normal(0, SCALE)
        moved = FaceCrop(crop.centre + shift * crop.side, crop.side * float(np.exp(scale)), crop.angle + angle)
        pixels = moved.cut(picture, TEACHER_SIDE)
        points = network(np.ascontiguousarray(pixels[:, ::-1]) if number % 2 else pixels)
        if number % 2:
            points = (points * (-1, 1, 1) + (1, 0, 0))[mirror]
        total += np.column_stack([moved.to_picture(points[:, :2]) + 0.5, points[:, 2] * moved.side])
    return total / CROPS / len(picture)
