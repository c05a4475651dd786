"""Training of the classifier, transformers, directions and components on codes with known attributes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facevid.edits.attributes import attribute_of
from facevid.errors import UsageError
from facevid.models.importing import ImportOptions, import_model
from facevid.models.load import load_model
from facevid.networks import LatentClassifier, LatentClassifierSizes
from facevid.training.common import run
from facevid.training.common.run import Compute
from facevid.training.editors.classifier import ClassifierOptions, balanced_accuracy, train_classifier
from facevid.training.editors.codes import CodeSet
from facevid.training.editors.components import fit_components
from facevid.training.editors.directions import fit_direction, save_direction
from facevid.training.editors.shared_transformer import train_shared_transformer
from facevid.training.editors.transformer import TransformerOptions, edit_layers_of, train_transformer
from tests.progress import interrupt_after
from tests.training.conftest import SMILE, YOUNG

CLASSIFIER = ClassifierOptions(hidden=(16,), epochs=20, batch_size=32, learning_rate=1e-2, noise=0.3)


@pytest.fixture(scope="module")
def classifier(codes: CodeSet, tmp_path_factory: pytest.TempPathFactory) -> LatentClassifier:
    return train_classifier(codes, tmp_path_factory.mktemp("classifier"), CLASSIFIER)


def test_classifier_learns_and_its_file_loads(codes: CodeSet, classifier: LatentClassifier, tmp_path: Path) -> None:
    accuracies = balanced_accuracy(classifier, codes.part(held_out=True))
    assert set(accuracies) == {"Smiling", "Young"}
    assert min(accuracies.values()) > 0.85
    train_classifier(codes, tmp_path, CLASSIFIER)
    loaded = load_model(tmp_path / "latent_classifier.pth").classifier
    assert loaded is not None
    with torch.no_grad():
        assert torch.equal(loaded(codes.codes), classifier(codes.codes))  # same seed, same weights
    assert not (tmp_path / "latent_classifier.checkpoint.pt").exists()


def test_transformer_changes_its_attribute_and_preserves_the_other(
    codes: CodeSet, classifier: LatentClassifier, tmp_path: Path
) -> None:
    options = TransformerOptions(edit_layers=range(1, 3), lambda_rec=0.1, learning_rate=1e-2)
    network = train_transformer(codes, classifier, SMILE, tmp_path, options=options)
    with torch.no_grad():
        before = classifier(codes.codes) > 0
        strength = torch.where(before[:, SMILE], -1.0, 1.0)[:, None, None]
        step = network(codes.codes)
        after = classifier(codes.codes + strength * step) > 0
    assert (after[:, SMILE] != before[:, SMILE]).float().mean() > 0.85
    assert (after[:, YOUNG] == before[:, YOUNG]).float().mean() > 0.85
    assert (step[:, 0] == 0).all() and (step[:, 3] == 0).all()
    assert load_model(tmp_path / f"tnet_{SMILE}.pth.tar").editors[0].attribute.everyday == "smile"


def test_shared_transformer_changes_each_attribute_and_preserves_the_other(
    codes: CodeSet, classifier: LatentClassifier, tmp_path: Path
) -> None:
    options = TransformerOptions(edit_layers=range(1, 3), lambda_rec=0.1, learning_rate=1e-2, batch_size=16)
    train_shared_transformer(codes, classifier, [SMILE, YOUNG], tmp_path, options=options)
    model = load_model(import_model([tmp_path / "tnet_shared.pth.tar"], "shared", ImportOptions(half=True)))
    assert {(each.attribute.everyday, each.method) for each in model.editors} == {
        ("smile", "transformer"),
        ("age", "transformer"),
    }
    before = classifier(codes.codes) > 0
    edits = {"smile": (SMILE, YOUNG, 1.0), "age": (YOUNG, SMILE, -1.0)}
    for name, (index, other, sign) in edits.items():
        edited = model.edit(codes.codes, {name: torch.where(before[:, index], -sign, sign)})
        after = classifier(edited) > 0
        assert (after[:, index] != before[:, index]).float().mean() > 0.85, name
        assert (after[:, other] == before[:, other]).float().mean() > 0.85, name
        assert torch.equal(edited[:, [0, 3]], codes.codes[:, [0, 3]])


def test_shared_transformer_is_reproducible_and_weights_each_attribute(
    codes: CodeSet, classifier: LatentClassifier, tmp_path: Path
) -> None:
    def steps(name: str, lambda_rec: dict[int, float]) -> torch.Tensor:
        options = TransformerOptions(epochs=3)
        network = train_shared_transformer(
            codes, classifier, [YOUNG, SMILE], tmp_path / name, options=options, lambda_rec=lambda_rec
        )
        with torch.no_grad():
            return torch.stack([network(codes.codes, row[None]) for row in torch.eye(2)])

    plain = steps("a", {})
    assert torch.equal(plain, steps("b", {}))
    heavy = steps("c", {SMILE: 1000.0})
    assert heavy[1].norm() < 0.3 * plain[1].norm()
    assert heavy[0].norm() > 0.5 * plain[0].norm()


def test_scales_lengthen_the_steps_of_a_shared_transformer(
    codes: CodeSet, classifier: LatentClassifier, tmp_path: Path
) -> None:
    def steps(scales: dict[int, tuple[float, float]]) -> torch.Tensor:
        """Return the steps of smile=-1 and of smile=+1."""
        options = TransformerOptions(epochs=1)
        folder = tmp_path / str(len(scales))
        network = train_shared_transformer(codes, classifier, [YOUNG, SMILE], folder, options=options, scales=scales)
        with torch.no_grad():
            return torch.stack([network(codes.codes, torch.tensor([[0.0, strength]])) for strength in (-1, 1)])

    plain, scaled = steps({}), steps({SMILE: (1.5, 0.5), YOUNG: (2.0, 2.0)})
    assert plain.any() and torch.equal(plain[0], -plain[1])
    assert torch.allclose(scaled[0], 1.5 * plain[0], atol=1e-6)
    assert torch.allclose(scaled[1], 0.5 * plain[1], atol=1e-6)


@pytest.mark.parametrize("separate", [True, False])
def test_no_layer_undoes_what_another_one_changed(codes: CodeSet, tmp_path: Path, separate: bool) -> None:
    """The cheapest step towards a smile raises the other attribute in layer 1 and lowers it in layer 2."""
    network = LatentClassifier(LatentClassifierSizes((32, 40)))
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        smile, young = network.get_parameter("fcs.0.weight").reshape(40, 4, 8)[[SMILE, YOUNG]]
        smile[1, 0], smile[1, 1], smile[2, 0] = 2.0, 1.0, -2.0
        young[1, 0], young[2, 0] = 2.0, 2.0
        network.get_parameter("fcs.0.weight")[[SMILE, YOUNG]] = torch.stack([smile, young]).flatten(1)

    def steps(name: str, options: TransformerOptions) -> torch.Tensor:
        folder = tmp_path / name
        if separate:
            step: torch.Tensor = train_transformer(codes, network, SMILE, folder, options=options)(codes.codes)
        else:
            shared = train_shared_transformer(codes, network, [SMILE], folder, options=options)
            step = shared(codes.codes, torch.ones(1, 1))
        return step.detach()

    options = TransformerOptions(lambda_attr=50.0, lambda_rec=0.1, learning_rate=1e-2)
    free, preserved = steps("free", options), steps("each", replace(options, preserve_each_layer=True))
    changes = [step[:, 1:3, 0].abs().mean(dim=0) for step in (free, preserved)]
    assert (changes[1] < 0.5 * changes[0]).all(), changes


def test_resumed_training_gives_the_same_result_as_an_uninterrupted_one(
    codes: CodeSet, classifier: LatentClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SECONDS_BETWEEN_SAVES", 0.0)
    interrupt = interrupt_after(25, "Smiling")
    uninterrupted = train_transformer(codes, classifier, SMILE, tmp_path / "whole", compute=Compute(seed=3))
    with pytest.raises(KeyboardInterrupt):
        train_transformer(codes, classifier, SMILE, tmp_path, compute=Compute(seed=3, progress=interrupt))
    checkpoint = tmp_path / f"tnet_{SMILE}.checkpoint.pt"
    assert torch.load(checkpoint, weights_only=True)["step"] == 25
    with pytest.raises(UsageError, match=r"checkpoint\.pt: .* seed 3, not 4"):
        train_transformer(codes, classifier, SMILE, tmp_path, compute=Compute(seed=4))
    resumed = train_transformer(codes, classifier, SMILE, tmp_path, compute=Compute(seed=3))
    assert all(torch.equal(a, b) for a, b in zip(uninterrupted.parameters(), resumed.parameters(), strict=True))
    assert not checkpoint.exists()


def test_direction_points_from_the_negative_to_the_positive_class(codes: CodeSet) -> None:
    direction = fit_direction(codes, SMILE, range(0, 2))
    assert direction.accuracy > 0.9
    assert (direction.step[2:] == 0).all()
    expected = np.zeros(16)
    expected[8:10] = np.array([1, 0.5]) / np.hypot(1, 0.5)
    step = direction.step[:2].reshape(-1)
    assert step @ expected / np.linalg.norm(step) > 0.9
    # the mean of the positive half of a standard normal distribution is sqrt(2 / pi)
    assert np.linalg.norm(step) == pytest.approx(2 * np.sqrt(2 / np.pi) * np.hypot(1, 0.5), rel=0.15)


def test_first_component_is_the_direction_of_largest_variance(codes: CodeSet, tmp_path: Path) -> None:
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


def test_all_trained_files_are_imported_as_one_model(
    codes: CodeSet, classifier: LatentClassifier, tmp_path: Path
) -> None:
    train_classifier(codes, tmp_path, CLASSIFIER)
    options = TransformerOptions(epochs=1)
    for index in (SMILE, YOUNG):
        train_transformer(codes, classifier, index, tmp_path, options=options)
        save_direction(tmp_path, index, fit_direction(codes, index))
    fit_components(codes, 3, tmp_path)
    model = load_model(import_model(sorted(tmp_path.glob("[cdlt]*")), "trained"))
    editors = {(each.attribute.everyday, each.attribute.sign, each.method) for each in model.editors}
    assert editors == {(n, s, m) for n, s in (("smile", 1), ("age", 1)) for m in ("transformer", "direction")}
    edited = model.edit(codes.codes[:2], {"direction:age": 1.0})
    assert torch.allclose(edited - codes.codes[:2], torch.from_numpy(-fit_direction(codes, YOUNG).step), atol=1e-6)


def test_attributes_without_labels_are_rejected(codes: CodeSet) -> None:
    assert codes.index_of(attribute_of("age")) == YOUNG
    with pytest.raises(UsageError, match=r"glasses.*: smile, age"):
        codes.index_of(attribute_of("glasses"))


def test_edit_layers() -> None:
    assert edit_layers_of(18, None) == range(11)
    assert edit_layers_of(8, None) == range(8)
    assert edit_layers_of(8, range(2, 8)) == range(2, 8)
    with pytest.raises(UsageError, match=r"2-8.* 0-7"):
        edit_layers_of(8, range(2, 9))
