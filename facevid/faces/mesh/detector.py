"""The bundled detector: dlib's face detector, and facevid's own landmark network.

dlib's detector (histograms of oriented gradients) finds frontal faces. The network then follows a face through the
frames: its crop is where the points of the previous frame are, turned with the face. So a face is kept in views that
the detector does not find, as long as the network is confident.
"""

import functools
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import cv2
import dlib
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from facevid.errors import ModelError, reason
from facevid.faces.detector import Face
from facevid.faces.dlib_detector import load_frontal_face_detector
from facevid.faces.landmark_scheme import LANDMARK_COUNT, landmarks_of_mesh
from facevid.faces.mesh.crop import FaceCrop
from facevid.networks.convolution_layer import fused
from facevid.networks.landmarks import INPUT_SIDE, LandmarkNetwork, landmark_network_sizes
from facevid.networks.shapes import shapes_of
from facevid.networks.state_dict import finite_float32

WEIGHTS_FILE = Path(__file__).parent / "landmarks.safetensors"
"""Weights of the landmark network, from `facevid train landmarks`, stored as float16."""

DETECTION_SIDES = (640, 1280)
"""Longer side, in pixels, to which a picture is scaled for the search. The second size is used only if no face is found
or followed at the first, where faces smaller than 1/8 of the longer side are missed."""

CROP_OF_BOX = 1.4
"""Side of the crop, as a multiple of the side of dlib's box, which has the same centre: mean of the portraits."""

PASSES = 6
"""Largest number of evaluations for a face in one frame, each in the crop of the points of the one before."""

SETTLED = 0.08
"""Largest difference between a crop and the crop of its points without a further pass, see `_difference`."""

SETTLED_AT_FIRST = 0.001
"""The same for a face that is not followed: smaller, so that its points are those that following would give."""

MIN_CONFIDENCE = 0.5
"""Smallest confidence of a face that is followed."""

MIN_NEW_CONFIDENCE = 0.6
"""Smallest confidence of a face that dlib found: its detector also finds what only resembles a face."""

SAME_FACE = 0.4
"""Distance between the centres of two crops, as a fraction of the smaller side, below which they show one face."""

FFHQ_CENTRE = (0.492, 0.604)
"""x and y of the centre of the landmark crop in an FFHQ crop, as fractions of its side: median of the portraits."""

FFHQ_SIDE = 0.829
"""Side of the landmark crop in an FFHQ crop, as a fraction of its side: median of the portraits."""

VIEWS = ((0.02, 0.01, 1.0), (-0.02, -0.01, 1.03))
"""x shift, y shift (in sides of the crop) and scale of the crops over which the points of a face are averaged. The
network's errors change with the position of the face in its crop, so from frame to frame; their mean changes less."""


_THREAD_LOCAL = threading.local()
"""Holds dlib's detector of each thread: it is not thread-safe."""


class BundledDetector:
    """Detects frontal faces, and follows faces into profile. Only `search` is thread-safe."""

    name = "bundled"

    def __init__(self, device: str = "cpu", weights: Path = WEIGHTS_FILE) -> None:
        self._device, self._weights = device, weights

    @cached_property
    def _predictor(self) -> "MeshPredictor":
        """Loaded for the first picture: a cached analysis does not need it."""
        return MeshPredictor(self._device, self._weights)

    def search(self, picture: NDArray[np.uint8]) -> list[FaceCrop]:
        """Search a picture, uint8 (H, W, 3) RGB, for frontal faces; several threads may search at once."""
        return _frontal_faces(picture, DETECTION_SIDES[0])

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        """Detect the faces in a picture, uint8 (H, W, 3) RGB."""
        return self.follow(picture, (), None)

    def follow(
        self, picture: NDArray[np.uint8], previous: Sequence[Face], candidates: Sequence[FaceCrop] | None
    ) -> list[Face]:
        """Follow the faces of the previous frame, and find other faces; see `FollowingDetector`."""
        crops = [FaceCrop.around(face.mesh) for face in previous if face.mesh is not None]
        faces = _without_duplicates(self._predictor.find(picture, crops))
        if candidates is None and (not faces or len(faces) < len(previous)):
            candidates = self.search(picture)
        if candidates is not None:
            others = self._place_new(picture, candidates, faces)
            if not faces and not others:
                others = self._place_new(picture, _frontal_faces(picture, DETECTION_SIDES[1]), faces)
            faces = _without_duplicates(faces + others)
        return faces

    def _place_new(
        self, picture: NDArray[np.uint8], candidates: Sequence[FaceCrop], known: Sequence[Face]
    ) -> list[Face]:
        """Place the points of candidates, except those that show a known face or none."""
        crops = [crop for crop in candidates if not any(_is_same(crop, _crop(face)) for face in known)]
        found = self._predictor.find(picture, crops, SETTLED_AT_FIRST)
        return [face for face in found if face.score >= MIN_NEW_CONFIDENCE]


class MeshPredictor:
    """Places the points of faces whose position is roughly known. Not thread-safe.

    Raises:
        ModelError: the weights are missing or damaged.
    """

    def __init__(self, device: str | torch.device = "cpu", weights: Path = WEIGHTS_FILE) -> None:
        self._network = _load(weights, torch.device(device))
        self._device = device

    def find(self, picture: NDArray[np.uint8], crops: Sequence[FaceCrop], settled: float = SETTLED) -> list[Face]:
        """Find the faces near crops of a picture, uint8 (H, W, 3) RGB; where there is none, no face is returned.

        A face that is far from the centre of its crop, because it moved or was only roughly detected, is placed again.
        """
        faces = self._settle([picture] * len(crops), crops, settled)
        return [face for face in faces if face.score >= MIN_CONFIDENCE]

    def place_in_crops(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Place the landmarks of FFHQ crops, uint8 (N, S, S, 3) RGB, whatever the confidence.

        Returns:
            float32 (N, 84, 2), x and y in pixel indices of the crops.
        """
        size = pictures.shape[1]
        crop = FaceCrop(np.array(FFHQ_CENTRE) * size - 0.5, FFHQ_SIDE * size)
        faces = self._settle(list(pictures), [crop] * len(pictures), SETTLED_AT_FIRST)
        return np.array([face.landmarks for face in faces], np.float32).reshape(-1, LANDMARK_COUNT, 2)

    def _settle(self, pictures: Sequence[NDArray[np.uint8]], crops: Sequence[FaceCrop], settled: float) -> list[Face]:
        """Place the points in a crop of each picture, and again in the crops of the points that moved."""
        crops = list(crops)
        faces = self._place(pictures, crops)
        for _ in range(PASSES - 1):
            moved = [i for i, face in enumerate(faces) if _difference(crops[i], _crop(face)) > settled]
            if not moved:
                break
            for i in moved:
                crops[i] = _crop(faces[i])
            placed = self._place([pictures[i] for i in moved], [crops[i] for i in moved])
            for i, face in zip(moved, placed, strict=True):
                faces[i] = face
        return faces

    def _place(self, pictures: Sequence[NDArray[np.uint8]], crops: Sequence[FaceCrop]) -> list[Face]:
        """Place the points in a crop of each picture; the score is the confidence."""
        if not crops:
            return []
        views = [crop.moved(*view) for crop in crops for view in VIEWS]
        shown = [picture for picture in pictures for _ in VIEWS]
        pixels = [view.cut(picture, INPUT_SIDE) for view, picture in zip(views, shown, strict=True)]
        points, confidences = self.evaluate(np.stack(pixels))
        meshes = np.stack([view.to_picture(each) for view, each in zip(views, points, strict=True)])
        means = meshes.reshape(len(crops), len(VIEWS), -1, 2).mean(axis=1)
        scores = confidences.reshape(len(crops), len(VIEWS)).mean(axis=1).tolist()
        return [_face(mesh, score) for mesh, score in zip(means, scores, strict=True)]

    @torch.inference_mode()
    def evaluate(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Evaluate the network on crops, uint8 (N, INPUT_SIDE, INPUT_SIDE, 3) RGB.

        Returns:
            The points, float32 (N, 478, 2), as fractions of the crop's side, and the confidences, float32 (N,), 0 to 1.
        """
        inputs = torch.from_numpy(pixels).to(self._device).float().div_(127.5).sub_(1)
        points, logits = self._network(inputs.permute(0, 3, 1, 2))  # channels last, as the weights
        return points.cpu().numpy(), logits.sigmoid().cpu().numpy()


@functools.cache
def _load(path: Path, device: torch.device) -> LandmarkNetwork:
    """Load the network, once in a process."""
    try:
        state = {name: finite_float32(name, tensor) for name, tensor in load_file(path).items()}
        network = LandmarkNetwork(landmark_network_sizes(shapes_of(state)))
        network.load_state_dict(state)
    except Exception as error:  # a damaged file can fail in any way
        raise ModelError(f"{path}: not a landmark network ({reason(error)}); install facevid again") from error
    return fused(network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _frontal_faces(picture: NDArray[np.uint8], side: int) -> list[FaceCrop]:
    """Return the crops of the faces that dlib's detector finds in a picture whose longer side is scaled to `side`."""
    detector = getattr(_THREAD_LOCAL, "detector", None)
    if detector is None:
        detector = _THREAD_LOCAL.detector = load_frontal_face_detector()
    scale = side / max(picture.shape[:2])
    boxes, _, _ = detector.run(_resized(picture, scale), 0, 0.0)
    return [_crop_of(box, scale) for box in boxes]


def _face(mesh: NDArray[np.float64], confidence: float) -> Face:
    low, high = mesh.min(axis=0), mesh.max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Face(box, landmarks_of_mesh(mesh), confidence, mesh=mesh.astype(np.float32))


def _crop(face: Face) -> FaceCrop:
    assert face.mesh is not None
    return FaceCrop.around(face.mesh)


def _crop_of(box: dlib.rectangle, scale: float) -> FaceCrop:
    """Return the crop of a face from dlib's box in a picture that was scaled."""
    centre = np.array([box.left() + box.right(), box.top() + box.bottom()]) / 2
    return FaceCrop((centre + 0.5) / scale - 0.5, CROP_OF_BOX * box.width() / scale)


def _is_same(first: FaceCrop, second: FaceCrop) -> bool:
    distance = float(np.linalg.norm(first.centre - second.centre))
    return distance < SAME_FACE * min(first.side, second.side)


def _difference(before: FaceCrop, after: FaceCrop) -> float:
    """Return the largest of shift and change of side, as fractions of the side, and of turn, in radians."""
    shift = float(np.linalg.norm(before.centre - after.centre)) / before.side
    turn = (after.angle - before.angle + np.pi) % (2 * np.pi) - np.pi
    return max(shift, abs(after.side / before.side - 1), abs(turn))


def _without_duplicates(faces: Sequence[Face]) -> list[Face]:
    """Drop each face that shows the same one as an earlier face of the list."""
    kept: list[Face] = []
    for face in faces:
        if not any(_is_same(_crop(face), _crop(other)) for other in kept):
            kept.append(face)
    return kept


def _resized(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    size = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=interpolation))
