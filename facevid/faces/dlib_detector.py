"""dlib's face detector (histograms of oriented gradients) and its 68-point shape predictor (Kazemi and Sullivan, 2014).

Both work offline: the weights are installed with the package `face_recognition_models`.
"""

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from facevid.errors import ModelError
from facevid.faces.detector import Face
from facevid.faces.landmark_scheme import IBUG_COUNT, with_cheeks

DETECTION_SIDES = (640, 1280)
"""Longer side, in pixels, to which a picture is scaled for detection. The second size is tried only if the first finds
no face: at 640 the detector misses faces smaller than 1/8 of the longer side."""

FACE_SIDE = 360
"""Side, in pixels, to which a face is scaled before its landmarks are predicted. dlib returns integer coordinates, so
a larger face gives finer landmarks."""

BOX_JITTER = np.array([[0, 0, 1], [-0.04, 0, 1], [0.04, 0, 1], [0, -0.04, 1], [0, 0.04, 1], [0, 0, 0.94], [0, 0, 1.06]])
"""x shift, y shift (in sides of the box) and scale of the boxes over which landmarks are averaged. The detector's boxes
lie on a coarse grid, and landmarks predicted from a single box jump whenever the box does."""

FFHQ_BOX = np.array([0.20, 0.306, 0.786, 0.897])
"""Left, top, right, bottom of the detector's box in an FFHQ crop, as shares of its side: the median of real faces."""

CHIP_SIDE = 150
"""Side of the input of dlib's descriptor network, a face chip in dlib's terms, in pixels."""

CHIP_PADDING = 0.25
"""Margin around the face in that input, as a fraction of the face's side."""

FRONTAL_FACES_FILE = Path(__file__).parent / "frontal_faces.svm"
"""dlib's detector as dlib saves it (Boost Software License 1.0). `dlib.get_frontal_face_detector` unpacks the same
detector in a quarter of a second; this file is read in a millisecond."""

SHAPE_PREDICTOR = "shape_predictor_68_face_landmarks.dat"
"""File name of the shape predictor's weights."""


class LandmarkPredictor:
    """Predicts the 68 landmarks of a face whose box is known. Not thread-safe."""

    def place(self, picture: NDArray[np.uint8], box: NDArray[np.floating]) -> NDArray[np.float32]:
        """Predict the landmarks of the face in `box`.

        Args:
            picture: uint8 (H, W, 3) RGB.
            box: (4,) left, top, right, bottom of the face in pixels, as returned by dlib's detector.

        Returns:
            float32 (68, 2), x and y in pixel indices of the picture.
        """
        side = box[2] - box[0]
        height, width = picture.shape[:2]
        left, top = np.clip((box[:2] - side).astype(int), 0, (width - 1, height - 1))
        right, bottom = np.clip((box[2:] + side).astype(int), 1, (width, height))
        scale = FACE_SIDE / side
        region = _resized(picture[top:bottom, left:right], scale)
        landmarks = self._average(region, (box - (left, top, left, top)) * scale)
        in_picture: NDArray[np.float64] = (landmarks + 0.5) / scale - 0.5 + (left, top)
        return in_picture.astype(np.float32)

    def place_in_crop(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict the landmarks of an FFHQ crop, uint8 (S, S, 3) RGB, in which the box of the face is known."""
        return self.place(crop, FFHQ_BOX * len(crop))

    def _average(self, region: NDArray[np.uint8], box: NDArray[np.floating]) -> NDArray[np.float64]:
        """Average the landmarks over the jittered boxes."""
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        total = np.zeros((IBUG_COUNT, 2))
        for dx, dy, scale in BOX_JITTER:
            shifted = centre + 2 * half * (dx, dy)
            corners = np.concatenate([shifted - half * scale, shifted + half * scale]).round().astype(int).tolist()
            shape = _shape_predictor()(region, dlib.rectangle(*corners))
            total += [(point.x, point.y) for point in shape.parts()]
        return total / len(BOX_JITTER)


class DlibDetector:
    """Detects frontal faces. Not thread-safe.

    Raises:
        ModelError: the weights are missing.
    """

    name = "dlib"

    def __init__(self) -> None:
        weights_path(SHAPE_PREDICTOR)
        self._predictor = LandmarkPredictor()

    @functools.cached_property
    def _detector(self) -> Any:
        return load_frontal_face_detector()

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        """Detect the faces in a picture, uint8 (H, W, 3) RGB."""
        for side in DETECTION_SIDES:
            scale = side / max(picture.shape[:2])
            rectangles, scores, _ = self._detector.run(_resized(picture, scale), 0, 0.0)
            if rectangles:
                boxes = [np.array([r.left(), r.top(), r.right(), r.bottom()]) / scale for r in rectangles]
                return [
                    Face(tuple(box.tolist()), with_cheeks(self._predictor.place(picture, box)), score)
                    for box, score in zip(boxes, scores, strict=True)
                ]
        return []


def load_frontal_face_detector() -> Any:
    """Load dlib's detector of frontal faces. It is not thread-safe."""
    return dlib.fhog_object_detector(str(FRONTAL_FACES_FILE))


def face_chip(face: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Align a face as dlib's descriptor network expects it.

    Args:
        face: uint8 (S, S, 3) RGB, an FFHQ crop.
        landmarks: (68, 2) or (84, 2) in pixels of the crop.

    Returns:
        uint8 (150, 150, 3) RGB.
    """
    points = [dlib.point(round(x), round(y)) for x, y in landmarks[:IBUG_COUNT].tolist()]
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, len(face) - 1, len(face) - 1), points)
    return np.ascontiguousarray(dlib.get_face_chip(face, shape, CHIP_SIDE, CHIP_PADDING))


def weights_path(name: str) -> Path:
    """Return the path of a file of `face_recognition_models`, without importing that package.

    The package cannot be imported on current versions of Python.

    Raises:
        ModelError: the package, or the file in it, is missing.
    """
    spec = find_spec("face_recognition_models")
    path = Path(spec.origin).parent / "models" / name if spec and spec.origin else None
    if path is None or not path.is_file():
        raise ModelError(f"{name} is missing: run `pip install --force-reinstall face_recognition_models==0.3.0`")
    return path


@functools.cache
def _shape_predictor() -> Any:
    """Load the predictor on first use, once in a process: its weights take 100 MB and half a second."""
    return dlib.shape_predictor(str(weights_path(SHAPE_PREDICTOR)))


def _resized(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    size = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=interpolation))
