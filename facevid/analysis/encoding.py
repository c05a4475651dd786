"""Crops, codes and the features for occlusion, and face descriptors, in segments of a clip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from facevid.analysis.crops import Crop, FacesOfSegment, crops
from facevid.analysis.occlusion_estimation import occlusion_features
from facevid.analysis.segments import FrameSource, ModelSpec, loaded_model
from facevid.faces.identity import SIZE, FaceDescriber, View
from facevid.utils.atomic_output import atomic_path
from facevid.utils.batches import batches
from facevid.utils.prefetch import prefetch_map
from facevid.video import Frame
from facevid.video.reader.heap import trim_heap
from facevid.video.reader.timeline import Timeline

if TYPE_CHECKING:
    from facevid.models import FaceModel


SMALL_BATCH = 8
"""Largest number of faces that small networks encode at once, on one of the cores: with more, cores wait for the last
batches of a short clip."""


@dataclass(frozen=True)
class EncodingTask:
    """Encoding of the faces in a segment.

    Attributes:
        clip: the clip.
        model: encodes the faces.
        faces: of all tracks.
        batch_size: number of faces encoded at once.
        timeline: timestamps around the first frame.
        path: file of the segment.
    """

    clip: FrameSource
    model: "FaceModel | ModelSpec"
    faces: tuple[FacesOfSegment, ...]
    batch_size: int
    timeline: Timeline
    path: Path


@dataclass(frozen=True)
class EncodedSegment:
    """The encoded faces of a segment; M is their number.

    Attributes:
        tracks: int64 (M,), index of the track.
        offsets: int64 (M,), index of the frame in the track.
        codes: float32 (M, L, D).
        features: float16 (M, V, V, F), from `occlusion_features`.
    """

    tracks: NDArray[np.int64]
    offsets: NDArray[np.int64]
    codes: NDArray[np.float32]
    features: NDArray[np.float16]

    @classmethod
    def read(cls, path: Path) -> "EncodedSegment":
        """Read the file of a segment."""
        with np.load(path) as data:
            return cls(data["tracks"], data["offsets"], data["codes"], data["features"])


def encode_segment(task: EncodingTask) -> Iterator[int]:
    """Encode the faces of a segment, and write them to its file; yield after each face."""
    model, parts = loaded_model(task.model), list[EncodedSegment]()
    first = min(each.first for each in task.faces)
    stop = max(each.stop for each in task.faces)
    frames = trim_heap(task.clip.frames(first, stop, task.timeline))
    # Networks that run on one thread encode several batches at once.
    batch_size = task.batch_size
    if model.is_small and model.device.type == "cpu":
        batch_size = min(batch_size, SMALL_BATCH)
        model = replace(model, batch_size=batch_size)
    faces = batches(crops(frames, task.faces, model.crop_size), batch_size)
    for part in (prefetch_map if model.is_small else map)(partial(_encode, model), faces):
        parts.append(part)
        yield from part.offsets.tolist()
    with atomic_path(task.path, durable=True) as temporary:
        np.savez(
            temporary,
            tracks=np.concatenate([part.tracks for part in parts]),
            offsets=np.concatenate([part.offsets for part in parts]),
            codes=np.concatenate([part.codes for part in parts]),
            features=np.concatenate([part.features for part in parts]),
        )


def _encode(model: "FaceModel", batch: Sequence[Crop]) -> EncodedSegment:
    pictures = np.stack([face.picture for face in batch])
    codes = model.encode(pictures, np.stack([face.landmarks for face in batch])).cpu().numpy()
    probabilities = model.occlusion_probability(pictures).cpu().numpy()
    features = [
        occlusion_features(face.picture, probability) for face, probability in zip(batch, probabilities, strict=True)
    ]
    tracks, offsets = (np.array([getattr(face, name) for face in batch]) for name in ("track", "offset"))
    return EncodedSegment(tracks, offsets, codes, np.stack(features))


@dataclass(frozen=True)
class DescriptionTask:
    """Face descriptors of the views in a segment.

    Attributes:
        clip: the clip.
        views: the faces to describe.
        timeline: timestamps around the first frame.
        path: file of the segment, float64 (len(views), 128).
    """

    clip: FrameSource
    views: tuple[View, ...]
    timeline: Timeline
    path: Path


def describe_segment(task: DescriptionTask) -> Iterator[int]:
    """Compute the descriptors of a segment's views, and write them to its file; yield after each frame with views."""
    views_by_frame: dict[int, list[int]] = {}
    for position, (index, _) in enumerate(task.views):
        views_by_frame.setdefault(index, []).append(position)
    describer, descriptors = FaceDescriber(), np.zeros((len(task.views), SIZE))

    def describe(frame: Frame) -> int:
        picture = frame.rgb()
        for position in views_by_frame[frame.index]:
            descriptors[position] = describer.describe(picture, task.views[position][1].landmarks)
        return frame.index

    frames = trim_heap(task.clip.frames(min(views_by_frame), max(views_by_frame) + 1, task.timeline))
    chosen = (frame for frame in frames if frame.index in views_by_frame)
    # As in `encode_segment`, networks that run on one thread describe several faces at once.
    yield from (prefetch_map if torch.get_num_threads() == 1 else map)(describe, chosen)
    with atomic_path(task.path, durable=True) as temporary, temporary.open("wb") as file:
        np.save(file, descriptors)
