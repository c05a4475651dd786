"""Labelled codes: what `facevid train codes` writes, and all training of editors reads."""

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

from facevid.edits.attributes import CELEBA, Attribute
from facevid.errors import InputError, NoFaceError, OutputError, UsageError, reason
from facevid.faces.landmarks import Detector
from facevid.models.model import FaceModel
from facevid.networks.finite import is_finite
from facevid.training.appearance.mouth import mouth_gap
from facevid.training.common.labels import DEFAULT_RULES, MOUTH_GAP, LabelRule, labels_of, read_table
from facevid.training.common.pictures import PictureFiles, aligned_faces, faces_in
from facevid.training.common.run import SECONDS_BETWEEN_SAVES, load_saved, save_whole
from facevid.utils.progress import Progress, silent

HELD_OUT_EVERY = 20
"""Rows 19, 39, 59, ... of a table are never trained on, by any command: evaluation is done on them."""

LANDMARK_SIZE = 128
"""Least side, in pixels, of faces read for an encoder: a mouth is still to be measured in them."""


@dataclass(frozen=True)
class CodeSet:
    """W+ codes with labels.

    Attributes:
        codes: float32 (N, L, D).
        labels: int8 (N, 40), CelebA's attributes in its order: 1 yes, 0 no, -1 unknown.
        files: the picture of each code.
        held_out: bool (N,), the codes that nothing may be trained on.
    """

    codes: Tensor
    labels: Tensor
    files: tuple[str, ...]
    held_out: Tensor

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The attributes of which codes of both classes are known, among those to train on."""
        labels = self.labels[~self.held_out]
        both = (labels == 0).any(dim=0) & (labels == 1).any(dim=0)
        return tuple(Attribute(name) for name, labelled in zip(CELEBA, both.tolist(), strict=True) if labelled)

    def part(self, held_out: bool) -> "CodeSet":
        """Take the codes to train on, or those held out."""
        chosen = self.held_out == held_out
        files = tuple(name for name, keep in zip(self.files, chosen.tolist(), strict=True) if keep)
        return CodeSet(self.codes[chosen], self.labels[chosen], files, self.held_out[chosen])

    def index_of(self, attribute: Attribute) -> int:
        """Return CelebA's index of a labelled attribute. Raises UsageError where it is not labelled yes and no."""
        if attribute.index is None or attribute.name not in {each.name for each in self.attributes}:
            has = ", ".join(each.everyday for each in self.attributes) or "none"
            raise UsageError(f"the codes are not labelled for {attribute.everyday}; they are for: {has}")
        return attribute.index


def held_out_rows(count: int) -> NDArray[np.bool_]:
    """Say which of a table's rows are held out, bool (N,)."""
    return np.arange(count) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def save_codes(path: Path, codes: CodeSet) -> None:
    """Write codes as safetensors, whole or not at all. Raises OutputError where that fails."""
    tensors = {"codes": codes.codes.contiguous(), "labels": codes.labels, "held_out": codes.held_out}
    staging = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.write_bytes(save(tensors, {"files": json.dumps(codes.files)}))
        staging.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); see to space and permissions") from error
    finally:
        staging.unlink(missing_ok=True)


def load_codes(path: Path) -> CodeSet:
    """Read codes. Raises InputError where the file is missing, damaged, or holds something else."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("no regular file")
        with safe_open(path, framework="pt") as file:
            files = json.loads((file.metadata() or {})["files"])
            tensors = [file.get_tensor(name) for name in ("codes", "labels", "held_out")]
        return _checked(files, *tensors)
    except Exception as error:  # a damaged file can fail in any way
        raise InputError(f"{path}: no file of codes ({reason(error)}); make one with `facevid train codes`") from error


def _checked(files: Any, codes: Tensor, labels: Tensor, held_out: Tensor) -> CodeSet:
    """Put together what a file of codes holds. Raises ValueError where it does not fit."""
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        raise ValueError("its list of files is none")
    count = len(files)
    if codes.ndim != 3 or len(codes) != count or labels.shape != (count, len(CELEBA)) or held_out.shape != (count,):
        raise ValueError("its tensors do not fit each other")
    if (codes.dtype, labels.dtype, held_out.dtype) != (torch.float32, torch.int8, torch.bool):
        raise ValueError(f"its tensors are of {codes.dtype}, {labels.dtype} and {held_out.dtype}")
    if not count or not codes.numel():
        raise ValueError("it is empty")
    if not is_finite(codes):
        raise ValueError("its codes are not finite")
    if labels.min() < -1 or labels.max() > 1:
        raise ValueError("its labels are none")
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
    progress: Progress = silent,
) -> CodeSet:
    """Encode the pictures that a table lists, label them, and write them to `out`.

    Args:
        model: with an encoder.
        pictures: a folder or a tar file.
        table_path: CSV with a column `file` (or `index`, the number in the file's name) and columns for `rules`.
        out: the safetensors file to write; beside it, a file of what is done so far while it runs.
        rules: how columns become labels; none means those of `DEFAULT_RULES` whose column is there.
        detector: finds the faces in pictures as they were taken; None for pictures that are FFHQ crops.
        batch_size: pictures encoded at once.
        progress: told how many pictures are done.

    Raises:
        InputError: pictures or the table cannot be read, or do not fit each other.
        NoFaceError: no picture has a face.
        OutputError: `out` cannot be written.
    """
    table = read_table(table_path)
    rules = tuple(rules) or tuple(rule for rule in DEFAULT_RULES if rule.column in {*table, MOUTH_GAP})
    measures_mouth = MOUTH_GAP not in table and any(rule.column == MOUTH_GAP for rule in rules)
    with PictureFiles(pictures) as files:
        names = files.names(table_path, table)
        partial = _Partial(out.with_name(f".{out.name}.partial"), model, names, measures_mouth)
        remaining = names[len(partial.kept) :]
        size = max(model.crop_size, LANDMARK_SIZE)
        found = (
            aligned_faces(files, remaining, size) if detector is None else faces_in(files, remaining, size, detector)
        )
        _encode(model, progress("encode", found, len(remaining)), partial, batch_size)
    kept = np.array(partial.kept, bool)
    if not kept.any():
        raise NoFaceError(f"{pictures}: no face found in {len(names)} pictures; give pictures of faces")
    if measures_mouth:
        table = table | {MOUTH_GAP: [f"{gap:.4f}" for gap in partial.gaps]}
    labels = labels_of(table_path, table, rules)
    codes = CodeSet(
        codes=torch.cat(partial.codes),
        labels=torch.from_numpy(labels[kept]),
        files=tuple(name for name, keep in zip(names, kept, strict=True) if keep),
        held_out=torch.from_numpy(held_out_rows(len(names))[kept]),
    )
    save_codes(out, codes)
    partial.path.unlink(missing_ok=True)
    return codes


class _Partial:
    """What an encoding has done so far, kept in a file: an interrupted one goes on from it."""

    def __init__(self, path: Path, model: FaceModel, names: list[str], measures_mouth: bool) -> None:
        self.path = path
        self._settings = {"model": model.fingerprint, "names": names, "mouth": measures_mouth}
        self.codes: list[Tensor] = []
        self.kept: list[bool] = []
        self.gaps: list[float] = []
        self.measures_mouth = measures_mouth
        if path.is_file():
            content = load_saved(path)
            if content.get("settings") == self._settings:
                self._take_up(content, (model.layers, model.width))

    def _take_up(self, content: dict[str, Any], shape: tuple[int, int]) -> None:
        try:
            codes, self.kept, self.gaps = content["codes"], list(content["kept"]), list(content["gaps"])
            whole = codes.shape == (sum(self.kept), *shape) and codes.dtype == torch.float32 and is_finite(codes)
            if not whole or len(self.kept) != len(self.gaps):
                raise ValueError("its parts do not fit each other")
            self.codes = [codes]
        except Exception as error:  # a damaged file can fail in any way
            why = f"{self.path}: no whole beginning of codes ({reason(error)})"
            raise InputError(f"{why}; delete it, or begin anew with --overwrite") from error

    def save(self) -> None:
        if not self.codes:
            return
        self.codes = [torch.cat(self.codes)]
        content = {"settings": self._settings, "codes": self.codes[0], "kept": self.kept, "gaps": self.gaps}
        save_whole(self.path, content)


def _encode(model: FaceModel, faces: Iterator[NDArray[np.uint8] | None], partial: _Partial, batch_size: int) -> None:
    from facevid.faces.dlib_detector import LandmarkPredictor  # 100 MB of weights, wanted by some tables only

    predictor = LandmarkPredictor() if partial.measures_mouth else None
    saved = time.monotonic()
    while batch := list(islice(faces, batch_size)):
        found = [face for face in batch if face is not None]
        if found:
            partial.codes.append(model.encode(np.stack(found)).cpu())
        partial.kept += [face is not None for face in batch]
        partial.gaps += [
            float("nan") if predictor is None or face is None else float(mouth_gap(predictor.place_in_crop(face)))
            for face in batch
        ]
        if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
            partial.save()
            saved = time.monotonic()
