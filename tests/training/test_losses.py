"""Every loss gives a value that was computed by hand."""

import math

import pytest
import torch

from facevid.training.editors.losses import (
    EditLosses,
    class_weights,
    classifier_loss,
    label_correlation,
    preservation_loss,
    reconstruction_loss,
    target_loss,
)


def test_target_loss() -> None:
    logits = torch.tensor([0.0, math.log(3)])  # probabilities 1/2 and 3/4
    assert target_loss(logits, torch.ones(2)).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert target_loss(logits, torch.zeros(2)).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_preservation_loss_ignores_the_edited_attribute() -> None:
    before = torch.tensor([[0.2, 0.5, 0.9], [0.0, 0.0, 0.0]])
    after = torch.tensor([[0.4, 0.9, 0.1], [0.0, 1.0, 0.0]])
    correlation = torch.tensor([[1.0, 0.5, 0.0], [0.5, 0.0, 0.25], [0.0, 0.25, 1.0]])
    # first code: (1 - 0.5) 0.2^2 + (1 - 0.25) 0.8^2 = 0.02 + 0.48; second: only the edited attribute changes
    assert preservation_loss(before, after, correlation, k=1).item() == pytest.approx(0.5 / 2)


def test_reconstruction_loss() -> None:
    codes = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    edited = torch.tensor([[[2.0, 4.0], [3.0, 3.0]]])
    assert reconstruction_loss(edited, codes).item() == pytest.approx((1 + 4 + 0 + 1) / 4)


def test_total() -> None:
    losses = EditLosses(torch.tensor(0.3), torch.tensor(0.2), torch.tensor(0.04))
    assert losses.total(lambda_attr=1, lambda_rec=10).item() == pytest.approx(0.3 + 0.2 + 0.4)


def test_label_correlation() -> None:
    labels = torch.tensor([[1, 1, 0, -1], [1, 0, 1, -1], [0, 0, 1, -1], [0, 0, 1, -1], [1, -1, -1, -1]])
    correlation = label_correlation(labels)
    # on the four rows where both are known: covariance 1/4 - 1/2 1/4, variances 1/4 and 3/16
    assert correlation[0, 1].item() == pytest.approx(0.125 / math.sqrt(0.25 * 0.1875))
    assert correlation[1, 2].item() == pytest.approx(1.0)  # opposites: the absolute value
    assert correlation[0, 3].item() == 1.0  # no labels
    assert torch.equal(correlation, correlation.T)


def test_label_correlation_matches_corrcoef() -> None:
    labels = (torch.rand(200, 5, generator=torch.Generator().manual_seed(0)) > 0.4).long()
    labels[:, 1] |= labels[:, 0]
    assert torch.allclose(label_correlation(labels), torch.corrcoef(labels.T.float()).abs(), atol=1e-5)


def test_class_weights_balance_the_classes() -> None:
    labels = torch.tensor([[0, 1], [0, 1], [0, -1], [1, 1], [-1, 1]])
    weights = class_weights(labels)
    assert weights[:, 0].tolist() == pytest.approx([4 / 6, 4 / 2])
    assert weights[:, 1].tolist() == [0, 0]  # labels of one class only
    # at logits of 0 the cross-entropy of every label is log 2, so its weighted mean is too
    assert classifier_loss(torch.zeros(5, 2), labels, weights).item() == pytest.approx(math.log(2))
    # probability 3/4 of yes: (three times -log 1/4, with weight 2/3, plus once -log 3/4, with weight 2) / 4
    logits = torch.full((5, 2), math.log(3))
    assert classifier_loss(logits, labels, weights).item() == pytest.approx((2 * math.log(4) + 2 * math.log(4 / 3)) / 4)
