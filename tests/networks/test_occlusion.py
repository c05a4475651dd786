"""The occlusion network."""

import torch
import torch.nn.functional as F

from facevid.networks import OcclusionNetwork, OcclusionNetworkSizes, occlusion_network_sizes, shapes_of
from facevid.networks.occlusion import INPUT_SIDE, OUTPUT_SIDE, RAISED, occlusion_probability

SIZES = OcclusionNetworkSizes((8, 12, 16, 20))


def test_its_sizes_are_read_off_its_tensors():
    assert occlusion_network_sizes(shapes_of(OcclusionNetwork(SIZES).state_dict())) == SIZES


@torch.no_grad()
def test_it_tells_of_every_pixel_and_knows_where_it_is():
    network = OcclusionNetwork(SIZES).eval()
    told = network(torch.zeros(2, 3, INPUT_SIDE, INPUT_SIDE))
    assert told.shape == (2, 1, OUTPUT_SIDE, OUTPUT_SIDE)
    assert told[0, 0, 20:44, 20:44].std() > 0  # of a picture that is the same everywhere


class Brightness(OcclusionNetwork):
    """Takes for hidden what is bright."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the red."""
        return F.avg_pool2d(pictures[:, :1], INPUT_SIDE // OUTPUT_SIDE)


@torch.no_grad()
def test_both_looks_are_at_the_same_place():
    pictures = torch.rand(2, 3, INPUT_SIDE, INPUT_SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    brightness = Brightness(SIZES)
    told = occlusion_probability(brightness, pictures)
    inner = slice(RAISED, -RAISED)
    assert torch.allclose(told[:, inner], brightness(pictures).sigmoid()[:, 0, inner])
