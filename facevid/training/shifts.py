"""Codes shifted along attributes, as an edit will shift them, while encoder and generator still learn."""

import torch
from torch import Tensor, nn

REACH = (0.5, 1.5)
"""Least and greatest length of a shift, in distances between the means of the two classes."""
FORGET = 0.99


class AttributeShifts(nn.Module):
    """Keeps the mean code of each attribute's two classes over the latest steps, and shifts codes along the difference.

    Buffers:
        means: float32 (2, 40, L, D), of no and of yes.
        seen: bool (2, 40), whether a class was met at all.
    """

    means: Tensor
    seen: Tensor

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(2, 40, layers, width))
        self.register_buffer("seen", torch.zeros(2, 40, dtype=torch.bool))

    @torch.no_grad()
    def see(self, codes: Tensor, labels: Tensor) -> None:
        """Take in codes (N, L, D) and their labels (N, 40): 1 yes, 0 no, -1 unknown."""
        for value in (0, 1):
            members = (labels == value).float()
            counts = members.sum(dim=0)
            means = torch.einsum("nk,nld->kld", members, codes) / counts.clamp(min=1)[:, None, None]
            keep = torch.where(self.seen[value], FORGET**counts, torch.zeros_like(counts))
            keep = torch.where(counts > 0, keep, torch.ones_like(keep))
            self.means[value].lerp_(means, (1 - keep)[:, None, None])
            self.seen[value] |= counts > 0

    @torch.no_grad()
    def shifted(self, codes: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Shift each code by an attribute drawn for it: to the class it is not in, or to either if that is unknown."""
        known = self.seen.all(dim=0).nonzero().flatten()
        if not len(known):
            return codes
        count, device = len(codes), codes.device
        drawn = known[torch.randint(len(known), (count,), device=device, generator=generator)]
        label = labels[torch.arange(count, device=device), drawn]
        coin = torch.randint(2, (count,), device=device, generator=generator) * 2 - 1
        sign = torch.where(label < 0, coin, 1 - 2 * label)
        low, high = REACH
        reach = low + (high - low) * torch.rand(count, device=device, generator=generator)
        difference = (self.means[1] - self.means[0])[drawn]
        return codes + (sign * reach)[:, None, None] * difference
