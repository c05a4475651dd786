"""Losses of the latent classifier and the latent transformer (Yao et al., ICCV 2021, section 3.2).

Notation: C is the latent classifier, k the attribute to edit, w a code, w' = w + alpha T_k(w) the edited code.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.training.common.labels import NO, UNKNOWN, YES


@dataclass(frozen=True)
class EditLosses:
    """The three terms of equation 2, each a scalar tensor.

    Attributes:
        cls: classification loss, see `target_loss`.
        attr: attribute preservation loss, see `preservation_loss`.
        rec: reconstruction loss, see `reconstruction_loss`.
    """

    cls: Tensor
    attr: Tensor
    rec: Tensor

    def total(self, lambda_attr: float, lambda_rec: float) -> Tensor:
        """Return L = L_cls + lambda_attr L_attr + lambda_rec L_rec (equation 2)."""
        return self.cls + lambda_attr * self.attr + lambda_rec * self.rec


def target_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return L_cls (equation 3): the cross-entropy of the logits C(w')_k, (N,), and the targets, 0 or 1, (N,)."""
    return F.binary_cross_entropy_with_logits(logits, target)


def preservation_loss(before: Tensor, after: Tensor, correlation: Tensor, k: int) -> Tensor:
    """Return L_attr (equation 4): the sum over i != k of (1 - gamma_ik) (p_i - C(w')_i)^2, averaged over codes.

    Args:
        before: p, the attribute probabilities of w, (N, A).
        after: the attribute probabilities of w', (N, A).
        correlation: gamma, (A, A), from `label_correlation`.
        k: index of the edited attribute.
    """
    weights = 1 - correlation[k]
    weights = torch.where(torch.arange(len(weights), device=weights.device) == k, 0.0, weights)
    return ((before - after).square() * weights).sum(dim=1).mean()


def reconstruction_loss(edited: Tensor, codes: Tensor) -> Tensor:
    """Return L_rec (equation 5): |w' - w|^2, averaged over code dimensions so that lambda_rec suits any code size."""
    return (edited - codes).square().mean()


def label_correlation(labels: Tensor) -> Tensor:
    """Compute gamma of equation 4: the absolute correlation between each two attributes.

    Each pair is computed from the rows in which both attributes are known. An attribute without any label gets
    correlation 1 with all others, which removes it from equation 4: the classifier's output for it is meaningless.

    Args:
        labels: (N, A), YES, NO or UNKNOWN.

    Returns:
        float32 (A, A) in [0, 1], symmetric.
    """
    known = (labels != UNKNOWN).double()
    positive = (labels == YES).double()
    count = (known.T @ known).clamp(min=1)
    mean = (positive.T @ known) / count
    joint_mean = (positive.T @ positive) / count
    variance = mean * (1 - mean)  # of a Bernoulli variable
    deviation = (variance * variance.T).sqrt()
    covariance = joint_mean - mean * mean.T
    correlation = torch.where(deviation > 1e-9, covariance / deviation.clamp(min=1e-9), 0.0).abs()
    unlabelled = known.sum(dim=0) == 0
    correlation[unlabelled] = 1.0
    correlation[:, unlabelled] = 1.0
    return correlation.clamp(max=1.0).float()


def class_weights(labels: Tensor) -> Tensor:
    """Compute class weights that balance the negative and positive class of each attribute: 1 / (2 frequency).

    An attribute with labels of one class only gets weight 0: it cannot be learned.

    Args:
        labels: (N, A), YES, NO or UNKNOWN.

    Returns:
        float32 (2, A); row NO for the negative class, row YES for the positive class.
    """
    counts = torch.stack([(labels == NO).sum(dim=0), (labels == YES).sum(dim=0)]).float()
    weights = counts.sum(dim=0) / (2 * counts.clamp(min=1))
    return torch.where((counts > 0).all(dim=0), weights, 0.0)


def classifier_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted cross-entropy of the known labels.

    Args:
        logits: (N, A).
        labels: (N, A), YES, NO or UNKNOWN; unknown labels have no effect.
        weights: (2, A), from `class_weights`.
    """
    weight = torch.where(labels == YES, weights[1], weights[0]) * (labels != UNKNOWN)
    entropy = F.binary_cross_entropy_with_logits(logits, (labels == YES).float(), weight=weight, reduction="sum")
    return entropy / weight.sum().clamp(min=1e-8)
