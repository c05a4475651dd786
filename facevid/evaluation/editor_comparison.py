"""Comparison of editors on held-out codes, after Yao et al. (ICCV 2021, section 4.2 and figure 4)."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facevid.edits.attributes import CELEBA, METHODS, Attribute
from facevid.errors import UsageError
from facevid.evaluation.face_features import FaceFeatureExtractor, FaceFeatures, descriptor_distance, to_pictures
from facevid.models.model import FaceModel
from facevid.networks import LatentClassifier
from facevid.training.editors.codes import CodeSet
from facevid.utils.atomic_output import atomic_path
from facevid.utils.progress import Progress, no_progress

STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Strengths of the edits; 1 is a full edit, and 3 the largest that the command line accepts."""

COMPONENT_SCALE = 2.0
"""Factor of the strengths of components, which are in standard deviations: 2 is about a full edit."""

CHUNK_FACES = 32
"""Number of faces generated at once, which bounds the memory."""


@dataclass(frozen=True)
class CurvePoint:
    """The result of editing all codes for one attribute, by one method, with one strength.

    Attributes:
        attribute: everyday name.
        method: transformer, direction or ganspace.
        strength: strength of the edit; each code is edited towards the opposite class.
        changed: fraction of the codes whose predicted class of the attribute changes.
        preserved: fraction of the predicted classes of the other attributes, over all codes, that do not change.
        identity: mean over the codes of max(1 - d, 0), where d is the distance between dlib's descriptors of the
            faces generated before and after the edit.
        distance: mean of d.
    """

    attribute: str
    method: str
    strength: float
    changed: float
    preserved: float
    identity: float
    distance: float


@dataclass(frozen=True)
class Area:
    """Areas under the curves of one attribute and method.

    Attributes:
        attribute: everyday name.
        method: transformer, direction or ganspace.
        preserved: area under `CurvePoint.preserved` over `CurvePoint.changed`, in [0, 1]; more is better.
        identity: area under `CurvePoint.identity` over `CurvePoint.changed`, in [0, 1]; more is better.
    """

    attribute: str
    method: str
    preserved: float
    identity: float


def evaluate_editors(
    model: FaceModel,
    codes: CodeSet,
    classifier: LatentClassifier,
    *,
    attributes: Sequence[Attribute] = (),
    count: int = 100,
    strengths: Sequence[float] = STRENGTHS,
    progress: Progress = no_progress,
) -> list[CurvePoint]:
    """Edit held-out codes towards the opposite class, by every method of the model, with every strength.

    Only attributes with labels are evaluated, because the classifier's predictions of others are meaningless. For
    GANSpace, the component that correlates most with the classifier's prediction on the training codes is used.

    Args:
        model: a model with a generator and editors.
        codes: labelled codes; at most `count` of the held-out ones are edited.
        classifier: predicts the class of a code. For a fair comparison, use another classifier than the one that the
            editors were trained with.
        attributes: the attributes to compare; empty for all that have labels and a transformer.
        count: largest number of codes to edit.
        strengths: strengths of the edits, in ascending order.
        progress: receives the number of evaluated points.

    Returns:
        The points of all curves, grouped by attribute and method.

    Raises:
        UsageError: the model has no editor for an attribute, or there are no held-out codes.
    """
    labelled = [attribute for attribute in codes.attributes if attribute.index is not None]
    selected = list(attributes) or [
        attribute for attribute in labelled if _methods(model, attribute)[:1] == ["transformer"]
    ]
    held_out = codes.part(held_out=True).codes[:count].to(model.device)
    if not len(held_out) or not selected:
        raise UsageError(
            "nothing to compare: provide codes of at least 20 pictures, and a model with editors for their labels"
        )
    for attribute in selected:
        codes.index_of(attribute)
        if not _methods(model, attribute):
            raise UsageError(f"{model.name} has no editor for {attribute.everyday}; leave it out, or import one")
    comparison = _Comparison(
        model,
        classifier.to(model.device),
        [each.index for each in labelled if each.index is not None],
        held_out,
        codes.part(held_out=False).codes.to(model.device),
    )
    edits = [
        (attribute, method, strength)
        for attribute in selected
        for method in _methods(model, attribute)
        for strength in strengths
    ]
    return [comparison.evaluate(*edit) for edit in progress("edits", edits, len(edits))]


def areas(points: Sequence[CurvePoint]) -> list[Area]:
    """Compute the areas under the curves of preservation and identity over the fraction of changed codes.

    A curve starts at (0, 1), where nothing is changed and everything is preserved, and connects its points in order of
    the changed fraction. It ends at its largest changed fraction, so a method that changes few codes has a small area.
    """
    results = []
    for (attribute, method), group in groupby(points, key=lambda point: (point.attribute, point.method)):
        curve = sorted(group, key=lambda point: point.changed)
        x = [0.0, *(point.changed for point in curve)]
        preserved = float(np.trapezoid([1.0, *(point.preserved for point in curve)], x))
        identity = float(np.trapezoid([1.0, *(point.identity for point in curve)], x))
        results.append(Area(attribute, method, preserved, identity))
    return results


def write_points(path: Path, points: Sequence[CurvePoint]) -> None:
    """Write the points as a CSV file.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, [each.name for each in fields(CurvePoint)], lineterminator="\n")
        writer.writeheader()
        for point in points:
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in asdict(point).items()})


def _methods(model: FaceModel, attribute: Attribute) -> list[str]:
    """Return the methods by which the model can edit an attribute, in the order of `METHODS`."""
    available = {editor.method for editor in model.editors if editor.attribute.name == attribute.name}
    if available and model.components is not None:
        available.add("ganspace")
    return [method for method in METHODS if method in available]


class _Comparison:
    """Evaluates edits of the same codes."""

    def __init__(
        self,
        model: FaceModel,
        classifier: LatentClassifier,
        labelled: list[int],
        codes: Tensor,
        training_codes: Tensor,
    ) -> None:
        """Evaluate the codes before the edits.

        Args:
            model: the model that edits.
            classifier: predicts the class of a code.
            labelled: indices of the attributes to evaluate.
            codes: the codes to edit, (N, L, D).
            training_codes: the codes that the component of each attribute is chosen by, (M, L, D).
        """
        self._model, self._classifier = model, classifier.eval()
        self._labelled = labelled
        self._extractor = FaceFeatureExtractor()
        self._codes, self._training_codes = codes, training_codes
        self._classes = self._classify(codes) > 0
        self._features = self._generate_features(codes)

    def evaluate(self, attribute: Attribute, method: str, strength: float) -> CurvePoint:
        """Edit all codes towards the opposite class of an attribute, and evaluate the result."""
        assert attribute.index is not None
        k = attribute.index
        strengths = torch.where(self._classes[:, k], -1.0, 1.0) * strength
        if method == "ganspace":
            component, sign = self._component(k)
            name, strengths = f"ganspace:{component}", strengths * sign * COMPONENT_SCALE
        else:
            name = f"{method}:{CELEBA[k]}"
        edited = self._model.edit(self._codes, {name: strengths.cpu()})
        unchanged = (self._classify(edited) > 0) == self._classes
        others = [index for index in self._labelled if index != k]
        distances = descriptor_distance(self._features, self._generate_features(edited))
        return CurvePoint(
            attribute.everyday,
            method,
            strength,
            changed=float(1 - unchanged[:, k].float().mean()),
            preserved=float(unchanged[:, others].float().mean()) if others else 1.0,
            identity=float(np.maximum(1 - distances, 0).mean()),
            distance=float(distances.mean()),
        )

    def _component(self, k: int) -> tuple[int, int]:
        """Return the component that correlates most with attribute k, and the sign of the correlation."""
        components = self._model.components
        assert components is not None
        directions = components.directions.expand(-1, *self._training_codes.shape[1:]).flatten(1)
        coefficients = (self._training_codes - self._training_codes.mean(dim=0)).flatten(1) @ directions.T
        logits = self._classify(self._training_codes)[:, k]
        correlation: NDArray[np.float64] = np.corrcoef(coefficients.T.cpu().numpy(), logits.cpu().numpy())[-1, :-1]
        component = int(np.abs(correlation).argmax())
        return component, 1 if correlation[component] > 0 else -1

    @torch.no_grad()
    def _classify(self, codes: Tensor) -> Tensor:
        logits: Tensor = self._classifier(codes)
        return logits

    def _generate_features(self, codes: Tensor) -> FaceFeatures:
        """Generate faces from codes, and compute their features."""
        chunks = [to_pictures(self._model.generate(chunk)) for chunk in torch.split(codes, CHUNK_FACES)]
        return self._extractor.extract(face for chunk in chunks for face in chunk)
