"""The occlusion network."""

import torch

from facevid.networks import OcclusionNetwork, OcclusionNetworkSizes, occlusion_network_sizes, shapes_of
from facevid.networks.occlusion import INPUT_SIDE, OUTPUT_SIDE

SIZES = OcclusionNetworkSizes((8, 12, 16, 20))


def test_its_sizes_are_read_off_its_tensors():
    assert occlusion_network_sizes(shapes_of(OcclusionNetwork(SIZES).state_dict())) == SIZES


@torch.no_grad()
def test_it_tells_of_every_pixel_and_knows_where_it_is():
    network = OcclusionNetwork(SIZES).eval()
    told = network(torch.zeros(2, 3, INPUT_SIDE, INPUT_SIDE))
    assert told.shape == (2, 1, OUTPUT_SIDE, OUTPUT_SIDE)
    assert told[0, 0, 20:44, 20:44].std() > 0  # of a picture that is the same everywhere
