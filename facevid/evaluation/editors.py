"""Editors against each other on held-out codes, after Yao et al. (ICCV 2021, section 4.2 and figure 4)."""

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
from facevid.errors import OutputError, UsageError
from facevid.evaluation.judge import Judge, Judgement, distance, to_pictures
from facevid.models.model import FaceModel
from facevid.networks import LatentClassifier
from facevid.training.editors.codes import CodeSet
from facevid.utils.progress import Progress, silent

STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
COMPONENT_SCALE = 2.0
"""A component's strengths are this many times larger: they are standard deviations, not full edits."""


@dataclass(frozen=True)
class CurvePoint:
    """One attribute, moved by one method, at one strength.

    Attributes:
        attribute, method: everyday name; transformer, direction or ganspace.
        strength: how far every code was moved, towards the class it is not in.
        changed: share of the codes that the classifier then puts in the other class.
        preserved: share of the other attributes, over all codes, that stay in their class.
        identity: mean over the codes of 1 - d, not below 0; d is the distance of dlib's descriptors of the faces
            generated from the code before and after.
        distance: the mean of d.
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
    """Areas under the curves of one attribute and method, of at most 1."""

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
    progress: Progress = silent,
) -> list[CurvePoint]:
    """Move held-out codes towards the other class, by every method that the model has, at every strength.

    Only attributes that the codes are labelled for are judged: the classifier's other answers mean nothing. For
    GANSpace, the component is taken that follows the classifier's answer best on the codes of training.

    Args:
        model: with a generator and editors.
        codes: labelled; at most `count` of those held out are edited.
        classifier: judges which class a code is in. One that the editors were not trained against is the fairer.
        attributes: those to compare; none means all that are labelled and that a transformer of the model moves.
        count: codes to edit.
        strengths: from small to large.
        progress: told how many points are done.

    Raises:
        UsageError: the model has no editor for an attribute, or no code is held out.
    """
    labelled = [attribute for attribute in codes.attributes if attribute.index is not None]
    chosen = list(attributes) or [
        attribute for attribute in labelled if _methods(model, attribute)[:1] == ["transformer"]
    ]
    held_out = codes.part(held_out=True).codes[:count].to(model.device)
    if not len(held_out) or not chosen:
        raise UsageError(
            "nothing to compare: give codes of 20 pictures or more, and a model with editors for their labels"
        )
    for attribute in chosen:
        codes.index_of(attribute)
        if not _methods(model, attribute):
            raise UsageError(f"{model.name} has no editor for {attribute.everyday}; leave it out, or import one")
    bench = _Bench(model, classifier.to(model.device), [each.index for each in labelled if each.index is not None])
    plan = [
        (attribute, method, strength)
        for attribute in chosen
        for method in _methods(model, attribute)
        for strength in strengths
    ]
    bench.begin(held_out, codes.part(held_out=False).codes.to(model.device))
    return [bench.point(*each) for each in progress("edits", plan, len(plan))]


def areas(points: Sequence[CurvePoint]) -> list[Area]:
    """Measure the area under each curve, of preservation over the share changed.

    A curve begins at (0, 1), nothing changed and all preserved, and goes through its points by the share changed. What
    lies beyond its largest share adds nothing: a method that cannot change an attribute gains nothing by it.
    """
    found = []
    for (attribute, method), group in groupby(points, key=lambda point: (point.attribute, point.method)):
        curve = sorted(group, key=lambda point: point.changed)
        x = [0.0, *(point.changed for point in curve)]
        preserved = float(np.trapezoid([1.0, *(point.preserved for point in curve)], x))
        identity = float(np.trapezoid([1.0, *(point.identity for point in curve)], x))
        found.append(Area(attribute, method, preserved, identity))
    return found


def write_points(path: Path, points: Sequence[CurvePoint]) -> None:
    """Write the points as CSV. Raises OutputError where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [each.name for each in fields(CurvePoint)], lineterminator="\n")
            writer.writeheader()
            for point in points:
                writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in asdict(point).items()})
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); see to space and permissions") from error


def _methods(model: FaceModel, attribute: Attribute) -> list[str]:
    has = {editor.method for editor in model.editors if editor.attribute.name == attribute.name}
    if has and model.components is not None:
        has.add("ganspace")
    return [method for method in METHODS if method in has]


class _Bench:
    """The codes before their edit, and what was seen of them."""

    def __init__(self, model: FaceModel, classifier: LatentClassifier, judged: list[int]) -> None:
        self._model, self._classifier = model, classifier.eval()
        self._judged = judged
        self._judge = Judge()

    def begin(self, codes: Tensor, training: Tensor) -> None:
        self._codes, self._training = codes, training
        self._classes = self._classify(codes) > 0
        self._seen = self._look(codes)

    def point(self, attribute: Attribute, method: str, strength: float) -> CurvePoint:
        assert attribute.index is not None
        k = attribute.index
        towards = torch.where(self._classes[:, k], -1.0, 1.0) * strength
        if method == "ganspace":
            number, sign = self._component(k)
            edited = self._model.edit(self._codes, {f"ganspace:{number}": (towards * sign * COMPONENT_SCALE).cpu()})
        else:
            edited = self._model.edit(self._codes, {f"{method}:{CELEBA[k]}": towards.cpu()})
        same = (self._classify(edited) > 0) == self._classes
        others = [index for index in self._judged if index != k]
        apart = distance(self._seen, self._look(edited))
        return CurvePoint(
            attribute.everyday,
            method,
            strength,
            changed=float(1 - same[:, k].float().mean()),
            preserved=float(same[:, others].float().mean()) if others else 1.0,
            identity=float(np.maximum(1 - apart, 0).mean()),
            distance=float(apart.mean()),
        )

    def _component(self, k: int) -> tuple[int, int]:
        """Return the component that follows attribute k best, and the sign that goes towards yes."""
        components = self._model.components
        assert components is not None
        directions = components.directions.expand(-1, *self._training.shape[1:]).flatten(1)
        placed = (self._training - self._training.mean(dim=0)).flatten(1) @ directions.T
        answers = self._classify(self._training)[:, k]
        correlation: NDArray[np.float64] = np.corrcoef(placed.T.cpu().numpy(), answers.cpu().numpy())[-1, :-1]
        number = int(np.abs(correlation).argmax())
        return number, 1 if correlation[number] > 0 else -1

    @torch.no_grad()
    def _classify(self, codes: Tensor) -> Tensor:
        logits: Tensor = self._classifier(codes)
        return logits

    def _look(self, codes: Tensor) -> Judgement:
        chunks = [to_pictures(self._model.generate(chunk)) for chunk in codes.split(32)]
        return self._judge.look(face for chunk in chunks for face in chunk)
