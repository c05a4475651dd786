"""The losses of the latent classifier and the latent transformer (Yao et al., ICCV 2021, section 3.2).

C is the latent classifier, k the attribute to edit, w a code and w' = w + alpha T_k(w) the edited one.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from facevid.training.common.labels import NO, UNKNOWN, YES


@dataclass(frozen=True)
class EditLosses:
    """The three parts of equation 2, each a scalar."""

    cls: Tensor
    attr: Tensor
    rec: Tensor

    def total(self, lambda_attr: float, lambda_rec: float) -> Tensor:
        """Equation 2: L = L_cls + lambda_attr L_attr + lambda_rec L_rec."""
        return self.cls + lambda_attr * self.attr + lambda_rec * self.rec


def target_loss(logits: Tensor, target: Tensor) -> Tensor:
    """L_cls of equation 3: the cross-entropy of C(w')_k, logits (N,), against the target, 0 or 1 (N,)."""
    return F.binary_cross_entropy_with_logits(logits, target)


def preservation_loss(before: Tensor, after: Tensor, correlation: Tensor, k: int) -> Tensor:
    """L_attr of equation 4: the sum over i != k of (1 - gamma_ik) (p_i - C(w')_i)^2, averaged over the codes.

    Args:
        before: p, the probabilities of w, (N, A).
        after: the probabilities of w', (N, A).
        correlation: gamma, (A, A), as from `label_correlation`.
        k: the attribute that is edited.
    """
    weights = 1 - correlation[k]
    weights = torch.where(torch.arange(len(weights), device=weights.device) == k, 0.0, weights)
    return ((before - after).square() * weights).sum(dim=1).mean()


def reconstruction_loss(edited: Tensor, codes: Tensor) -> Tensor:
    """L_rec of equation 5: |w' - w|^2, as the mean over the numbers of a code: lambda_rec then suits any code."""
    return (edited - codes).square().mean()


def label_correlation(labels: Tensor) -> Tensor:
    """Measure gamma of equation 4: the absolute correlation of each two attributes, float32 (A, A).

    A pair is measured on the rows where both are known. Attributes that are known nowhere get 1 with every other:
    nothing can be said of what a classifier answers there, so equation 4 leaves them out.

    Args:
        labels: (N, A), YES, NO or UNKNOWN.
    """
    known = (labels != UNKNOWN).double()
    values = (labels == YES).double()
    count = (known.T @ known).clamp(min=1)
    mean = (values.T @ known) / count
    both = (values.T @ values) / count
    variance = mean * (1 - mean)  # of a yes or no
    deviation = (variance * variance.T).sqrt()
    correlation = torch.where(deviation > 1e-9, (both - mean * mean.T) / deviation.clamp(min=1e-9), 0.0).abs()
    unseen = known.sum(dim=0) == 0
    correlation[unseen] = 1.0
    correlation[:, unseen] = 1.0
    return correlation.clamp(max=1.0).float()


def class_weights(labels: Tensor) -> Tensor:
    """Weigh no and yes of each attribute so that both count the same: float32 (2, A), 1 / (2 frequency).

    An attribute of which only one class is known gets 0: it cannot be learned.

    Args:
        labels: (N, A), YES, NO or UNKNOWN.
    """
    counts = torch.stack([(labels == NO).sum(dim=0), (labels == YES).sum(dim=0)]).float()
    weights = counts.sum(dim=0) / (2 * counts.clamp(min=1))
    return torch.where((counts > 0).all(dim=0), weights, 0.0)


def classifier_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the cross-entropy of logits (N, A) against the known ones of labels (N, A), classes weighed (2, A)."""
    weight = torch.where(labels == YES, weights[1], weights[0]) * (labels != UNKNOWN)
    entropy = F.binary_cross_entropy_with_logits(logits, (labels == YES).float(), weight=weight, reduction="sum")
    return entropy / weight.sum().clamp(min=1e-8)
