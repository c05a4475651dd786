"""Labelled codes: the output of `facevid train codes` and the input of all training of editors."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from facevid.appearance.mouth_geometry import mouth_gap
from facevid.edits.attributes import CELEBA, Attribute
from facevid.errors import InputError, NoFaceError, UsageError, reason
from facevid.faces.landmarks import Detector
from facevid.faces.mesh.detector import MeshPredictor
from facevid.models.model import FaceModel
from facevid.networks.state_dict import is_finite
from facevid.training.common.labels import DEFAULT_RULES, MOUTH_GAP, LabelRule, held_out_rows, labels_of, read_table
from facevid.training.common.pictures import PictureFiles, aligned_faces, detected_faces
from facevid.training.common.run import SECONDS_BETWEEN_SAVES, load_checkpoint, save_atomically
from facevid.utils.atomic_output import atomic_path
from facevid.utils.progress import Progress, no_progress

LANDMARK_SIZE = 128
"""Smallest side of a crop in pixels, also for encoders with a smaller input: mouth landmarks need this resolution."""


@dataclass(frozen=True)
class CodeSet:
    """Codes with labels.

    Attributes:
        codes: float32 (N, L, D).
        labels: int8 (N, 40), CelebA's attributes in CelebA's order: 1 yes, 0 no, -1 unknown.
        files: file name of the picture of each code.
        held_out: bool (N,), True for codes that are reserved for evaluation.
    """

    codes: Tensor
    labels: Tensor
    files: tuple[str, ...]
    held_out: Tensor

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The attributes that have labels of both classes among the training codes."""
        labels = self.labels[~self.held_out]
        both_classes = (labels == 0).any(dim=0) & (labels == 1).any(dim=0)
        return tuple(Attribute(name) for name, labelled in zip(CELEBA, both_classes.tolist(), strict=True) if labelled)

    def part(self, held_out: bool) -> "CodeSet":
        """Return the held-out codes, or the training codes."""
        selected = self.held_out == held_out
        files = tuple(name for name, keep in zip(self.files, selected.tolist(), strict=True) if keep)
        return CodeSet(self.codes[selected], self.labels[selected], files, self.held_out[selected])

    def index_of(self, attribute: Attribute) -> int:
        """Return the index of an attribute among CelebA's.

        Raises:
            UsageError: the training codes lack labels of one class of the attribute.
        """
        if attribute.index is None or attribute.name not in {each.name for each in self.attributes}:
            labelled = ", ".join(each.everyday for each in self.attributes) or "none"
            raise UsageError(
                f"the codes have no labels for {attribute.everyday}; the labelled attributes are: {labelled}"
            )
        return attribute.index


def save_codes(path: Path, codes: CodeSet) -> None:
    """Write codes as a safetensors file, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {"codes": codes.codes.contiguous(), "labels": codes.labels, "held_out": codes.held_out}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, {"files": json.dumps(codes.files)}))


def load_codes(path: Path) -> CodeSet:
    """Read codes from a safetensors file.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("not a regular file")
        with safe_open(path, framework="pt") as file:
            files = json.loads((file.metadata() or {})["files"])
            tensors = [file.get_tensor(name) for name in ("codes", "labels", "held_out")]
        return _checked_code_set(files, *tensors)
    except Exception as error:  # a damaged file can fail in any way
        raise InputError(
            f"{path}: no file of codes ({reason(error)}); create one with `facevid train codes`"
        ) from error


def _checked_code_set(files: Any, codes: Tensor, labels: Tensor, held_out: Tensor) -> CodeSet:
    """Check the content of a codes file. Raises ValueError if shapes, types or values are wrong."""
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        raise ValueError("`files` is not a list of file names")
    count = len(files)
    if codes.ndim != 3 or len(codes) != count or labels.shape != (count, len(CELEBA)) or held_out.shape != (count,):
        raise ValueError("the shapes of its tensors are inconsistent")
    if (codes.dtype, labels.dtype, held_out.dtype) != (torch.float32, torch.int8, torch.bool):
        raise ValueError(f"its tensors have types {codes.dtype}, {labels.dtype} and {held_out.dtype}")
    if not count or not codes.numel():
        raise ValueError("it is empty")
    if not is_finite(codes):
        raise ValueError("its codes are not finite")
    if labels.min() < -1 or labels.max() > 1:
        raise ValueError("its labels are not all -1, 0 or 1")
    return CodeSet(codes, labels, tuple(files), held_out)


def encode_pictures(
    model: FaceModel,
    pictures: Path,
    table_path: Path,
    out: Path,
    *,
    rules: Sequence[LabelRule] = (),
    detector: Detector | None = None,
    batch_size: int = 64,
    progress: Progress = no_progress,
) -> CodeSet:
    """Encode the pictures listed in a table, label them, and write the codes to `out`.

    Progress is saved beside `out`, and an interrupted run resumes from there.

    Args:
        model: a model with an encoder.
        pictures: a folder or a tar file.
        table_path: CSV file with a column `file` (or `index`, the number in the file name) and columns for `rules`.
        out: the safetensors file to write.
        rules: rules that turn columns into labels; empty for those of `DEFAULT_RULES` whose column exists.
        detector: face detector for pictures that are not aligned; None for FFHQ crops.
        batch_size: number of pictures per batch.
        progress: receives the number of encoded pictures.

    Returns:
        The codes of the pictures with a face.

    Raises:
        InputError: the pictures or the table cannot be read, or a picture of the table is missing.
        NoFaceError: no picture has a face.
        OutputError: `out` cannot be written.
    """
    table = read_table(table_path)
    rules = tuple(rules) or tuple(rule for rule in DEFAULT_RULES if rule.column in {*table, MOUTH_GAP})
    measures_mouth = MOUTH_GAP not in table and any(rule.column == MOUTH_GAP for rule in rules)
    with PictureFiles(pictures) as files:
        names = files.names(table_path, table)
        checkpoint = _Checkpoint(out.with_name(f".{out.name}.partial"), model, names, measures_mouth)
        remaining = names[len(checkpoint.has_face) :]
        faces = _read_faces(files, remaining, max(model.crop_size, LANDMARK_SIZE), detector)
        _encode(model, progress("encode", faces, len(remaining)), checkpoint, batch_size)
    has_face = np.array(checkpoint.has_face, bool)
    if not has_face.any():
        raise NoFaceError(f"{pictures}: no face found in {len(names)} pictures; provide pictures of faces")
    if measures_mouth:
        table = table | {MOUTH_GAP: [f"{gap:.4f}" for gap in checkpoint.mouth_gaps]}
    labels = labels_of(table_path, table, rules)
    codes = CodeSet(
        codes=torch.cat(checkpoint.codes),
        labels=torch.from_numpy(labels[has_face]),
        files=tuple(name for name, keep in zip(names, has_face, strict=True) if keep),
        held_out=torch.from_numpy(held_out_rows(len(names))[has_face]),
    )
    save_codes(out, codes)
    checkpoint.path.unlink(missing_ok=True)
    return codes


def _read_faces(
    files: PictureFiles, names: list[str], size: int, detector: Detector | None
) -> Iterator[NDArray[np.uint8] | None]:
    """Read the face in each picture, uint8 (size, size, 3) RGB; None where the detector finds none."""
    if detector is None:
        return aligned_faces(files, names, size)
    return detected_faces(files, names, size, detector)


class _Checkpoint:
    """State of an encoding run, kept in a file so that an interrupted run can resume.

    Attributes:
        path: the file.
        codes: float32 (n, L, D) tensors; together, the codes of the faces encoded so far.
        has_face: whether each picture read so far has a face.
        mouth_gaps: gap between the lips in each picture read so far; NaN where it is not measured.
        measures_mouth: whether the gap between the lips is measured.
    """

    def __init__(self, path: Path, model: FaceModel, names: list[str], measures_mouth: bool) -> None:
        self.path = path
        self._settings = {"model": model.fingerprint, "names": names, "mouth": measures_mouth}
        self.codes: list[Tensor] = []
        self.has_face: list[bool] = []
        self.mouth_gaps: list[float] = []
        self.measures_mouth = measures_mouth
        if path.is_file():
            content = load_checkpoint(path)
            if content.get("settings") == self._settings:
                self._restore(content, (model.layers, model.width))

    def _restore(self, content: dict[str, Any], code_shape: tuple[int, int]) -> None:
        try:
            codes = content["codes"]
            self.has_face = list(content["kept"])
            self.mouth_gaps = list(content["gaps"])
            valid = codes.shape == (sum(self.has_face), *code_shape) and codes.dtype == torch.float32
            if not valid or not is_finite(codes) or len(self.has_face) != len(self.mouth_gaps):
                raise ValueError("its parts are inconsistent")
            self.codes = [codes]
        except Exception as error:  # a damaged file can fail in any way
            problem = f"{self.path}: not a valid checkpoint of `facevid train codes` ({reason(error)})"
            raise InputError(f"{problem}; delete it, or start over with --overwrite") from error

    def save(self) -> None:
        if not self.codes:
            return
        self.codes = [torch.cat(self.codes)]
        content = {"settings": self._settings, "codes": self.codes[0], "kept": self.has_face, "gaps": self.mouth_gaps}
        save_atomically(self.path, content)


def _encode(
    model: FaceModel, faces: Iterator[NDArray[np.uint8] | None], checkpoint: _Checkpoint, batch_size: int
) -> None:
    """Encode the faces, None where a picture has none, and append the results to the checkpoint."""
    predictor = MeshPredictor() if checkpoint.measures_mouth else None
    last_save = time.monotonic()
    while batch := list(islice(faces, batch_size)):
        present = [face for face in batch if face is not None]
        gaps = iter([float("nan")] * len(present))
        if present:
            pictures = np.stack(present)
            checkpoint.codes.append(model.encode(pictures).cpu())
            if predictor is not None:
                gaps = iter([float(mouth_gap(landmarks)) for landmarks in predictor.place_in_crops(pictures)])
        checkpoint.has_face += [face is not None for face in batch]
        checkpoint.mouth_gaps += [float("nan") if face is None else next(gaps) for face in batch]
        if time.monotonic() - last_save > SECONDS_BETWEEN_SAVES:
            checkpoint.save()
            last_save = time.monotonic()
