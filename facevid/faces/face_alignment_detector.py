"""Detection with the library face-alignment (Bulat and Tzimiropoulos, ICCV 2017): S3FD faces, FAN landmarks.

More accurate than dlib on turned and small faces, but slow without a GPU. The library downloads its weights once.
"""

import warnings
from pathlib import Path
from pickle import UnpicklingError

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facevid.errors import ModelError, reason
from facevid.faces.detector import Face
from facevid.faces.landmark_scheme import with_cheeks

WEIGHTS = ("s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar")
"""File names of the face detector's and the landmark network's weights, as the library downloads them."""

DETECTION_SIDE = 640
"""Longer side, in pixels, to which a picture is reduced for detection. Landmarks use the picture at full size."""


class FaceAlignmentDetector:
    """Detects faces from frontal to profile view."""

    name = "face-alignment"

    def __init__(self, device: str = "cpu") -> None:
        import face_alignment

        try:
            self._network = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D, device=device, compile=False
            )
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            files = ", ".join(str(path) for path in missing_weights()) or str(weights_folder())
            raise ModelError(
                f"{files}: face-alignment's weights cannot be loaded or downloaded ({reason(error)}); "
                "download them by hand, or use --detector dlib"
            ) from error

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        """Detect the faces in a picture, uint8 (H, W, 3) RGB."""
        scale = min(DETECTION_SIDE / max(picture.shape[:2]), 1)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
        boxes = [np.append(box[:4] / scale, box[4]) for box in self._network.face_detector.detect_from_image(small)]
        if not boxes:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            landmarks = self._network.get_landmarks_from_image(picture, detected_faces=boxes)
        return [
            Face(tuple(box[:4].tolist()), with_cheeks(points), float(box[4]))
            for box, points in zip(boxes, landmarks, strict=True)
        ]


def weights_folder() -> Path:
    """Return the folder in which face-alignment looks for its weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def missing_weights() -> list[Path]:
    """Return the paths of face-alignment's weight files that are not on this machine."""
    return [path for path in (weights_folder() / name for name in WEIGHTS) if not path.is_file()]
