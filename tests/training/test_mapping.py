"""One space for all layers changes no picture; the mapping network draws what it was shown."""

import copy

import torch

from facevid.networks import Encoder, EncoderSizes, Generator, GeneratorSizes
from facevid.training.mapping import share_space, train_mapping

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
    generator = Generator(SIZES)
    sides = torch.randint(2, (2000, 1)) * 2.0 - 1
    w = torch.cat([2 * sides, torch.randn(2000, SIZES.width - 1) * 0.3], dim=1)  # two clusters
    train_mapping(generator, w, torch.Generator().manual_seed(0))
    with torch.no_grad():
        drawn = generator.map(torch.randn(2000, SIZES.width))
    assert (drawn[:, 0].abs() - 2).abs().median() < 0.3
    assert 0.4 < (drawn[:, 0] > 0).float().mean() < 0.6
    assert (drawn[:, 1:].std(dim=0) - 0.3).abs().max() < 0.1
