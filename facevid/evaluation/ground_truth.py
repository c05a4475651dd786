"""Evaluation of a face model against ground truth: photographs of the same people, neutral and smiling."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from facevid.appearance.mouth_geometry import smile
from facevid.errors import InputError, UsageError
from facevid.evaluation.face_features import FaceFeatureExtractor, FaceFeatures, descriptor_distance, to_pictures
from facevid.models.model import FaceModel
from facevid.training.common.augmentation import to_float
from facevid.training.common.labels import numbers_of, read_table
from facevid.training.common.pictures import PictureFiles, aligned_faces
from facevid.training.common.samples import oval_psnr
from facevid.utils.progress import Progress, no_progress

PHOTOGRAPH_SIDE = 512
"""Side of photographs in pixels; generated faces are evaluated at the resolution of the generator."""

CHUNK_FACES = 16
"""Number of faces encoded or generated at once, which bounds the memory."""


@dataclass(frozen=True)
class ModelMeasure:
    """One row of the result.

    Attributes:
        name: what is measured.
        value: the value.
        unit: "dB", "distance" (between dlib's descriptors) or "share" (a fraction, 0 to 1).
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Photographs:
    """A neutral and a smiling photograph of each of N people, in the same order.

    Attributes:
        neutral: uint8 (N, S, S, 3), RGB.
        smiling: uint8 (N, S, S, 3), RGB.
    """

    neutral: NDArray[np.uint8]
    smiling: NDArray[np.uint8]


def read_photographs(pictures: Path, table_path: Path) -> Photographs:
    """Read aligned photographs.

    Args:
        pictures: a folder or a tar file of FFHQ crops.
        table_path: CSV file with the columns `file`, `person`, and `smiling`, 0 or 1.

    Raises:
        InputError: a file cannot be read, or a person does not have both photographs.
    """
    table = read_table(table_path)
    smiling = numbers_of(table_path, table, "smiling") > 0.5
    if "person" not in table:
        raise InputError(f"{table_path}: has no column person; its columns are: {', '.join(table)}")
    rows: dict[tuple[str, bool], int] = {
        (person, bool(smiles)): row for row, (person, smiles) in enumerate(zip(table["person"], smiling, strict=True))
    }
    people = list(dict.fromkeys(table["person"]))
    incomplete = next((person for person in people if {(person, False), (person, True)} - rows.keys()), None)
    if incomplete is not None:
        raise InputError(f"{table_path}: person {incomplete} has no neutral or no smiling photograph; add it")
    with PictureFiles(pictures) as files:
        names = files.names(table_path, table)
        ordered = [names[rows[person, smiles]] for smiles in (False, True) for person in people]
        faces = np.stack(list(aligned_faces(files, ordered, PHOTOGRAPH_SIDE)))
    return Photographs(faces[: len(people)], faces[len(people) :])


def evaluate_model(model: FaceModel, photographs: Photographs, progress: Progress = no_progress) -> list[ModelMeasure]:
    """Measure the reconstructions and the smile edits of a model on photographs.

    - Reconstruction: the PSNR inside the face oval of FFHQ crops, at the generator's resolution, averaged over
      photographs.
    - Identity: mean distances between dlib's descriptors.
    - Expression: a face smiles if its `mouth_geometry.smile`, computed from landmarks, is above the midpoint of the
      same person's two photographs. "Kept" is the fraction of reconstructions whose expression is that of the
      photograph.
    - Smile +1: the fraction of neutral photographs whose edit smiles. Smile -1: the fraction of smiling photographs
      whose edit does not smile.

    The rows about edits are left out for a model without an editor of smiles.

    Args:
        model: a model with an encoder and a generator.
        photographs: photographs of people who were not in the training data.
        progress: receives the number of measured faces.
    """
    faces = np.concatenate([photographs.neutral, photographs.smiling])
    people = len(photographs.neutral)
    codes = torch.cat([model.encode(faces[start : start + CHUNK_FACES]) for start in range(0, len(faces), CHUNK_FACES)])
    reconstructions = _generate(model, codes)
    extractor = FaceFeatureExtractor()
    pictures = {"photographs": faces, "reconstructions": to_pictures(reconstructions)}
    if _can_edit_smiles(model):
        strengths = np.repeat(np.array([1, -1], np.float32), people)
        edited = model.edit(codes, {"smile": strengths})
        pictures["edits"] = to_pictures(_generate(model, edited))
    features = {name: extractor.extract(progress(name, each, len(each))) for name, each in pictures.items()}
    expression_kept = _expression_kept(features["photographs"], features["reconstructions"])
    measures = [
        ModelMeasure("reconstruction inside the face", _psnr(faces, reconstructions), "dB"),
        *_identity_measures(features["photographs"], features["reconstructions"]),
        ModelMeasure("expression kept", expression_kept, "share"),
    ]
    return measures + (_edit_measures(features) if "edits" in features else [])


def _generate(model: FaceModel, codes: torch.Tensor) -> torch.Tensor:
    return torch.cat([model.generate(chunk) for chunk in torch.split(codes, CHUNK_FACES)])


def _can_edit_smiles(model: FaceModel) -> bool:
    try:
        model.editor("smile")
    except UsageError:
        return False
    return True


def _psnr(faces: NDArray[np.uint8], reconstructions: torch.Tensor) -> float:
    """Return the mean PSNR inside the face, in dB, of reconstructions (N, 3, R, R) of faces (N, S, S, 3)."""
    total = 0.0
    for start in range(0, len(faces), CHUNK_FACES):
        chunk = slice(start, start + CHUNK_FACES)
        target = to_float(torch.from_numpy(faces[chunk]).permute(0, 3, 1, 2)).to(reconstructions.device)
        target = F.interpolate(target, size=reconstructions.shape[-2:], mode="area")
        total += oval_psnr(target, reconstructions[chunk].clamp(-1, 1)) * len(target)
    return total / len(faces)


def _mean_distance(a: FaceFeatures, b: FaceFeatures) -> float:
    return float(descriptor_distance(a, b).mean())


def _identity_measures(photographs: FaceFeatures, reconstructions: FaceFeatures) -> list[ModelMeasure]:
    people = len(photographs.descriptors) // 2
    neutral, smiling = photographs[np.arange(people)], photographs[np.arange(people, 2 * people)]
    distances = np.linalg.norm(neutral.descriptors[:, None] - neutral.descriptors[None], axis=-1)
    different_people = float(distances[np.triu_indices(people, 1)].mean()) if people > 1 else float("nan")
    return [
        ModelMeasure("photograph to its reconstruction", _mean_distance(photographs, reconstructions), "distance"),
        ModelMeasure("a person's two photographs", _mean_distance(neutral, smiling), "distance"),
        ModelMeasure("two people", different_people, "distance"),
    ]


def _is_smiling(photographs: FaceFeatures, faces: FaceFeatures) -> NDArray[np.bool_]:
    """Return which faces smile more than the midpoint of the same person's two photographs.

    Both arguments hold N faces of neutral photographs, followed by N of smiling ones.
    """
    neutral, smiling = np.split(smile(photographs.landmarks), 2)
    return smile(faces.landmarks) > np.tile((neutral + smiling) / 2, 2)


def _expression_kept(photographs: FaceFeatures, reconstructions: FaceFeatures) -> float:
    """Return the fraction of reconstructions that have the expression of their photograph."""
    of_neutral, of_smiling = np.split(_is_smiling(photographs, reconstructions), 2)
    return float(np.concatenate([~of_neutral, of_smiling]).mean())


def _edit_measures(features: dict[str, FaceFeatures]) -> list[ModelMeasure]:
    edited_neutral, edited_smiling = np.split(_is_smiling(features["photographs"], features["edits"]), 2)
    return [
        ModelMeasure("smile +1 on neutral, changed", float(edited_neutral.mean()), "share"),
        ModelMeasure("smile -1 on smiling, changed", float((~edited_smiling).mean()), "share"),
        ModelMeasure(
            "edit to reconstruction", _mean_distance(features["edits"], features["reconstructions"]), "distance"
        ),
        ModelMeasure("edit to photograph", _mean_distance(features["edits"], features["photographs"]), "distance"),
    ]
