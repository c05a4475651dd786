"""Losses between pictures and between features give values that were computed by hand."""

import pytest
import torch

from facevid.training.common.augmentation import apply_mask, quad_mask
from facevid.training.common.face_data import WHOLE_PICTURE
from facevid.training.common.picture_losses import feature_loss, gradient_loss, pixel_loss


def test_pixel_loss_uses_the_weights() -> None:
    a, b = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    b[..., :8] = 1.0  # the left half differs by 1, at every scale
    weights = torch.ones(1, 1, 16, 16)
    assert pixel_loss(a, b, weights).item() == pytest.approx(0.5)
    weights[..., :8] = 3.0
    assert pixel_loss(a, b, weights).item() == pytest.approx(0.75)


def test_pixels_outside_the_mask_have_no_effect() -> None:
    torch.manual_seed(0)
    a, b = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    mask = torch.zeros(2, 1, 16, 16)
    mask[..., 3:11, 3:11] = 1
    changed = torch.where(mask > 0, b, torch.rand(2, 3, 16, 16))
    for loss in (pixel_loss, gradient_loss):
        assert loss(a, b, mask).item() == pytest.approx(loss(a, changed, mask).item())
        assert loss(a, b, mask).item() > 0.1


def test_gradient_loss() -> None:
    a = torch.arange(4.0).expand(1, 3, 4, 4)  # horizontal gradient 1, vertical gradient 0
    assert gradient_loss(a, torch.zeros(1, 3, 4, 4), torch.ones(1, 1, 4, 4)).item() == pytest.approx(1.0)
    assert gradient_loss(a, a + 5, torch.ones(1, 1, 4, 4)).item() == 0


def test_feature_loss_is_normalised_by_the_features() -> None:
    a = [torch.full((1, 2, 2, 2), 3.0), torch.full((1, 2, 1, 1), 10.0)]
    b = [torch.full((1, 2, 2, 2), 2.0), torch.full((1, 2, 1, 1), 20.0)]
    assert feature_loss(a, b).item() == pytest.approx((1 / 2 + 10 / 20) / 2)


def test_quad_mask() -> None:
    square = torch.tensor([[[0.25, 0.25], [0.25, 0.75], [0.75, 0.75], [0.75, 0.25]]])
    mask = quad_mask(torch.cat([square, torch.tensor([WHOLE_PICTURE])]), 64)
    expected = torch.zeros(64, 64)
    expected[17:47, 17:47] = 1  # 16 to 48, without the rim
    assert torch.equal(mask[0, 0], expected)
    assert (mask[1] == 1).all()
    assert (apply_mask(torch.ones(2, 3, 64, 64), mask)[0, :, 0, 0] == -1).all()
