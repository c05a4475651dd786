"""One space for all layers changes no picture; the mapping network draws what it was shown."""

import copy

import torch

from facevid.networks import Encoder, EncoderSizes, Generator, GeneratorSizes
from facevid.training.face_model.mapping import share_space, train_mapping

SIZES = GeneratorSizes((6, 6, 4, 4), 8, mapping=4)


def test_pictures_stay_and_one_w_makes_the_nearest_face():
    torch.manual_seed(0)
    generator = Generator(SIZES).eval()
    encoder = Encoder(EncoderSizes(32, 4, ((4, 1), (6, 1), (8, 1)), SIZES.layers, SIZES.width, e4e=False)).eval()
    faces = torch.randn(200, 3, 32, 32) * torch.rand(200, 1, 1, 1) + torch.randn(200, 3, 1, 1)
    before = copy.deepcopy(generator)
    with torch.no_grad():
        codes = encoder(faces)
        w = share_space(encoder, generator, codes)
        changed = encoder(faces)
        assert torch.allclose(generator(changed), before(codes), atol=1e-3)
        spread = before(codes).std(dim=0).mean()
        near = generator(w[:, None].expand(-1, SIZES.layers, -1)) - before(codes)
        assert near.std(dim=0).mean() < 0.5 * spread
    assert torch.allclose(w.T @ w / len(w), torch.eye(SIZES.width), atol=1e-3)


def test_the_mapping_network_draws_what_it_was_shown():
    torch.manual_seed(0)
    generator = Generator(GeneratorSizes((4, 4), 32))
    z = torch.randn(2000, 32)
    assert strangeness(generator.map(z)) > 0.5, "a network that was not trained draws something else"
    train_mapping(generator, torch.randn(4000, 32), torch.Generator().manual_seed(0))
    assert strangeness(generator.map(z)) < 0.3


def strangeness(w: torch.Tensor) -> float:
    """Return how far means and covariances are, on average, from those of a standard normal distribution."""
    w = w.detach()
    covariance = torch.cov(w.T) - torch.eye(w.shape[1])
    return float(torch.cat([w.mean(dim=0), covariance.diagonal()]).abs().mean() + covariance.abs().mean())
