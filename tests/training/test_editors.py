"""Classifier, transformers, directions and components on codes whose attributes are known."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import pytest
import torch

from facevid.edits.attributes import attribute_of
from facevid.errors import UsageError
from facevid.models.importing import import_model
from facevid.models.load import load_model
from facevid.training.common import run
from facevid.training.common.run import Compute
from facevid.training.editors.classifier import ClassifierOptions, balanced_accuracy, train_classifier
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.components import fit_components
from facevid.training.editors.directions import fit_direction, save_direction
from facevid.training.editors.transformer import TransformerOptions, edit_layers_of, train_transformer
from tests.training.conftest import SMILE, YOUNG

T = TypeVar("T")

CLASSIFIER = ClassifierOptions(hidden=(16,), epochs=20, batch_size=32, learning_rate=1e-2, noise=0.3)


@pytest.fixture(scope="module")
def classifier(codes, tmp_path_factory):
    return train_classifier(codes, tmp_path_factory.mktemp("classifier"), CLASSIFIER)


def test_classifier_learns_and_its_file_loads(codes, classifier, tmp_path):
    shares = balanced_accuracy(classifier, codes.part(held_out=True))
    assert set(shares) == {"Smiling", "Young"}
    assert min(shares.values()) > 0.85
    train_classifier(codes, tmp_path, CLASSIFIER)
    loaded = load_model(tmp_path / "latent_classifier.pth")
    with torch.no_grad():
        assert torch.equal(loaded.classify(codes.codes), classifier(codes.codes))  # seeded: the same twice
    assert not (tmp_path / "latent_classifier.checkpoint.pt").exists()


def test_transformer_changes_its_attribute_and_keeps_the_other(codes, classifier, tmp_path):
    options = TransformerOptions(edit_layers=range(1, 3), lambda_rec=0.1, learning_rate=1e-2)
    network = train_transformer(codes, classifier, SMILE, tmp_path, options=options)
    every = codes.codes
    with torch.no_grad():
        before = classifier(every) > 0
        strength = torch.where(before[:, SMILE], -1.0, 1.0)[:, None, None]
        step = network(every)
        after = classifier(every + strength * step) > 0
    assert (after[:, SMILE] != before[:, SMILE]).float().mean() > 0.85
    assert (after[:, YOUNG] == before[:, YOUNG]).float().mean() > 0.85
    assert (step[:, 0] == 0).all() and (step[:, 3] == 0).all()
    assert load_model(tmp_path / f"tnet_{SMILE}.pth.tar").editors[0].attribute.everyday == "smile"


def test_a_stopped_training_goes_on_as_if_it_had_not(codes, classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "SECONDS_BETWEEN_SAVES", 0.0)

    def interrupt(stage: str, items: Iterable[T], total: int | None) -> Iterator[T]:
        for item in items:
            if item == 25:
                raise KeyboardInterrupt
            yield item

    whole = train_transformer(codes, classifier, SMILE, tmp_path / "whole", compute=Compute(seed=3))
    with pytest.raises(KeyboardInterrupt):
        train_transformer(codes, classifier, SMILE, tmp_path, compute=Compute(seed=3, progress=interrupt))
    checkpoint = tmp_path / f"tnet_{SMILE}.checkpoint.pt"
    assert torch.load(checkpoint, weights_only=True)["step"] == 25
    with pytest.raises(UsageError, match="begun with seed 3, not 4"):
        train_transformer(codes, classifier, SMILE, tmp_path, compute=Compute(seed=4))
    resumed = train_transformer(codes, classifier, SMILE, tmp_path, compute=Compute(seed=3))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    assert not checkpoint.exists()


def test_direction_points_from_no_to_yes(codes):
    direction = fit_direction(codes, SMILE, range(0, 2))
    assert direction.accuracy > 0.9
    assert (direction.step[2:] == 0).all()
    expected = np.zeros(16)
    expected[8:10] = np.array([1, 0.5]) / np.hypot(1, 0.5)
    found = direction.step[:2].reshape(-1)
    assert found @ expected / np.linalg.norm(found) > 0.9
    # the mean of the positive half of a normal is sqrt(2 / pi) from the middle
    assert np.linalg.norm(found) == pytest.approx(2 * np.sqrt(2 / np.pi) * np.hypot(1, 0.5), rel=0.15)


def test_components_are_those_of_the_codes(codes, tmp_path):
    stretched = codes.codes.clone()
    stretched[:, 3, 5] *= 6
    fit_components(CodeSet(stretched, codes.labels, codes.files, codes.held_out), 4, tmp_path)
    components = load_model(tmp_path / "components.pt").components
    assert components is not None
    assert components.directions.shape == (4, 4, 8)
    assert components.directions[0, 3, 5].abs() > 0.99
    assert components.deviations[0].item() == pytest.approx(6, rel=0.1)
    with pytest.raises(UsageError, match="--count 33"):
        fit_components(codes, 33, tmp_path)


def test_everything_is_imported_as_one_model(codes, classifier, tmp_path, store):
    train_classifier(codes, tmp_path, CLASSIFIER)
    options = TransformerOptions(epochs=1)
    for index in (SMILE, YOUNG):
        train_transformer(codes, classifier, index, tmp_path, options=options)
        save_direction(tmp_path, index, fit_direction(codes, index))
    fit_components(codes, 3, tmp_path)
    model = load_model(import_model(sorted(tmp_path.glob("[cdlt]*")), "trained"))
    named = {(each.attribute.everyday, each.attribute.sign, each.method) for each in model.editors}
    assert named == {(n, s, m) for n, s in (("smile", 1), ("age", 1)) for m in ("transformer", "direction")}
    edited = model.edit(codes.codes[:2], {"direction:age": 1.0})
    assert torch.allclose(edited - codes.codes[:2], torch.from_numpy(-fit_direction(codes, YOUNG).step), atol=1e-6)


def test_attributes_without_labels_are_refused(codes):
    assert codes.index_of(attribute_of("age")) == YOUNG
    with pytest.raises(UsageError, match="not labelled for glasses; they are for: smile, age"):
        codes.index_of(attribute_of("glasses"))


def test_layers_to_move():
    assert edit_layers_of(18, None) == range(11)
    assert edit_layers_of(8, None) == range(8)
    assert edit_layers_of(8, range(2, 8)) == range(2, 8)
    with pytest.raises(UsageError, match="edit layers 2-8: the codes have layers 0-7"):
        edit_layers_of(8, range(2, 9))
