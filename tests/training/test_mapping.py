"""The common code space does not change pictures; the mapping network learns the distribution of w."""

import copy

import torch

from facevid.networks import Encoder, EncoderSizes, Generator, GeneratorSizes
from facevid.training.face_model.mapping import share_space, train_mapping

SIZES = GeneratorSizes((6, 6, 4, 4), 8, mapping=4)


def test_share_space_preserves_pictures_and_one_w_approximates_each_face() -> None:
    torch.manual_seed(0)
    generator = Generator(SIZES).eval()
    encoder = Encoder(EncoderSizes(32, 4, ((4, 1), (6, 1), (8, 1)), SIZES.layers, SIZES.width, e4e=False)).eval()
    faces = torch.randn(200, 3, 32, 32) * torch.rand(200, 1, 1, 1) + torch.randn(200, 3, 1, 1)
    before = copy.deepcopy(generator)
    with torch.no_grad():
        codes = encoder(faces)
        w = share_space(encoder, generator, codes)
        new_codes = encoder(faces)
        assert torch.allclose(generator(new_codes), before(codes), atol=1e-3)
        deviation = before(codes).std(dim=0).mean()
        error = generator(w[:, None].expand(-1, SIZES.layers, -1)) - before(codes)
        assert error.std(dim=0).mean() < 0.5 * deviation
    assert torch.allclose(w.T @ w / len(w), torch.eye(SIZES.width), atol=1e-3)


def test_mapping_network_learns_the_given_distribution() -> None:
    torch.manual_seed(0)
    generator = Generator(GeneratorSizes((4, 4), 32))
    z = torch.randn(2000, 32)
    assert deviation_from_normal(generator.map(z)) > 0.5, "the untrained network must not pass"
    train_mapping(generator, torch.randn(4000, 32), torch.Generator().manual_seed(0))
    assert deviation_from_normal(generator.map(z)) < 0.3


def deviation_from_normal(w: torch.Tensor) -> float:
    """Return the mean error of means and covariances, compared with a standard normal distribution."""
    w = w.detach()
    covariance = torch.cov(w.T) - torch.eye(w.shape[1])
    return float(torch.cat([w.mean(dim=0), covariance.diagonal()]).abs().mean() + covariance.abs().mean())
