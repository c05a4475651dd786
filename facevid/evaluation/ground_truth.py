"""A face model against ground truth: the same people photographed neutral and smiling."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from facevid.errors import InputError, UsageError
from facevid.evaluation.judge import Judge, Judgement, distance, to_pictures
from facevid.models.model import FaceModel
from facevid.training.appearance.mouth_geometry import smile
from facevid.training.common.augmentation import to_float
from facevid.training.common.labels import numbers_of, read_table
from facevid.training.common.pictures import PictureFiles, aligned_faces
from facevid.training.common.samples import oval_psnr
from facevid.utils.progress import Progress, silent

SIDE = 512
"""Side in pixels at which photographs are judged; generated faces are judged at the size they come in."""


@dataclass(frozen=True)
class Measure:
    """One row of the table. `unit` is dB, "distance" (of dlib's descriptors) or "share"."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Photographs:
    """A neutral and a smiling photograph of each person, uint8 (N, S, S, 3) RGB, row by row the same person."""

    neutral: NDArray[np.uint8]
    smiling: NDArray[np.uint8]


def read_photographs(pictures: Path, table_path: Path) -> Photographs:
    """Read aligned photographs from a folder or a tar file.

    Args:
        pictures: FFHQ crops.
        table_path: CSV with `file`, `person`, and `smiling`, 0 or 1.

    Raises:
        InputError: something cannot be read, or a person lacks one of the two photographs.
    """
    table = read_table(table_path)
    smiling = numbers_of(table_path, table, "smiling") > 0.5
    if "person" not in table:
        raise InputError(f"{table_path}: has no column person; it has {', '.join(table)}")
    rows: dict[tuple[str, bool], int] = {
        (person, bool(smiles)): row for row, (person, smiles) in enumerate(zip(table["person"], smiling, strict=True))
    }
    people = list(dict.fromkeys(table["person"]))
    lacking = next((person for person in people if {(person, False), (person, True)} - rows.keys()), None)
    if lacking is not None:
        raise InputError(f"{table_path}: person {lacking} lacks a neutral or a smiling photograph; add it")
    with PictureFiles(pictures) as files:
        names = files.names(table_path, table)
        ordered = [names[rows[person, smiles]] for smiles in (False, True) for person in people]
        faces = np.stack(list(aligned_faces(files, ordered, SIDE)))
    return Photographs(faces[: len(people)], faces[len(people) :])


def evaluate_model(model: FaceModel, photographs: Photographs, progress: Progress = silent) -> list[Measure]:
    """Measure a model's reconstructions, and its smile, on photographs.

    - Reconstruction inside the face: the mean over photographs of the PSNR, at the generator's resolution, inside the
      oval that FFHQ's alignment puts a face in.
    - Identity: the mean distance of dlib's descriptors.
    - Expression: a face's `facevid.training.appearance.mouth_geometry.smile`, from landmarks. It smiles if that is above the
      midpoint of the same person's two photographs. Kept: the share of reconstructions on their photograph's side.
    - Smile +1 changed: the share of neutral photographs whose edit smiles; -1: of smiling ones whose edit does not.

    Without an editor for smile, the rows about edits are left out.
    """
    faces = np.concatenate([photographs.neutral, photographs.smiling])
    people = len(photographs.neutral)
    codes = torch.cat([model.encode(faces[start : start + 16]) for start in range(0, len(faces), 16)])
    made = _generated(model, codes)
    judge = Judge()
    pictures = {"photographs": faces, "reconstructions": to_pictures(made)}
    if _edits_smiles(model):
        strengths = np.repeat(np.array([1, -1], np.float32), people)
        edited = model.edit(codes, {"smile": strengths})
        pictures["edits"] = to_pictures(_generated(model, edited))
    seen = {name: judge.look(progress(name, each, len(each))) for name, each in pictures.items()}
    measures = [
        Measure("reconstruction inside the face", _psnr(faces, made), "dB"),
        *_identity(seen["photographs"], seen["reconstructions"]),
        Measure("expression kept", _kept(seen["photographs"], seen["reconstructions"]), "share"),
    ]
    return measures + (_edits(seen) if "edits" in seen else [])


def _generated(model: FaceModel, codes: torch.Tensor) -> torch.Tensor:
    return torch.cat([model.generate(part) for part in codes.split(16)])


def _edits_smiles(model: FaceModel) -> bool:
    try:
        model.editor("smile")
    except UsageError:
        return False
    return True


def _psnr(faces: NDArray[np.uint8], made: torch.Tensor) -> float:
    total = 0.0
    for start in range(0, len(faces), 16):
        chunk = slice(start, start + 16)
        wanted = to_float(torch.from_numpy(faces[chunk]).permute(0, 3, 1, 2)).to(made.device)
        wanted = F.interpolate(wanted, size=made.shape[-2:], mode="area")
        total += oval_psnr(wanted, made[chunk].clamp(-1, 1)) * len(wanted)
    return total / len(faces)


def _identity(photographs: Judgement, reconstructions: Judgement) -> list[Measure]:
    people = len(photographs.descriptors) // 2
    neutral, smiling = photographs[np.arange(people)], photographs[np.arange(people, 2 * people)]
    apart = np.linalg.norm(neutral.descriptors[:, None] - neutral.descriptors[None], axis=-1)
    others = float(apart[np.triu_indices(people, 1)].mean()) if people > 1 else float("nan")
    return [
        Measure("photograph to its reconstruction", float(distance(photographs, reconstructions).mean()), "distance"),
        Measure("a person's two photographs", float(distance(neutral, smiling).mean()), "distance"),
        Measure("two people", others, "distance"),
    ]


def _smiles(photographs: Judgement, seen: Judgement) -> NDArray[np.bool_]:
    """Say which faces smile, by the midpoint of each person's two photographs."""
    neutral, smiling = np.split(smile(photographs.landmarks), 2)
    return smile(seen.landmarks) > np.tile((neutral + smiling) / 2, 2)


def _kept(photographs: Judgement, reconstructions: Judgement) -> float:
    neutral, smiling = np.split(_smiles(photographs, reconstructions), 2)
    return float(np.concatenate([~neutral, smiling]).mean())


def _edits(seen: dict[str, Judgement]) -> list[Measure]:
    made_smile, made_neutral = np.split(_smiles(seen["photographs"], seen["edits"]), 2)
    return [
        Measure("smile +1 on neutral, changed", float(made_smile.mean()), "share"),
        Measure("smile -1 on smiling, changed", float((~made_neutral).mean()), "share"),
        Measure("edit to reconstruction", float(distance(seen["edits"], seen["reconstructions"]).mean()), "distance"),
        Measure("edit to photograph", float(distance(seen["edits"], seen["photographs"]).mean()), "distance"),
    ]
