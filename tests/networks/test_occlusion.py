"""The occlusion network."""

import torch
import torch.nn.functional as F

from facevid.networks import OcclusionNetwork, OcclusionNetworkSizes, occlusion_network_sizes, shapes_of
from facevid.networks.occlusion import INPUT_SIDE, OUTPUT_SIDE, VERTICAL_SHIFT, occlusion_probability

SIZES = OcclusionNetworkSizes((8, 12, 16, 20))


def test_sizes_are_inferred_from_shapes() -> None:
    assert occlusion_network_sizes(shapes_of(OcclusionNetwork(SIZES).state_dict())) == SIZES


@torch.no_grad()
def test_logits_have_the_output_size_and_depend_on_position() -> None:
    network = OcclusionNetwork(SIZES).eval()
    logits = network(torch.zeros(2, 3, INPUT_SIDE, INPUT_SIDE))
    assert logits.shape == (2, 1, OUTPUT_SIDE, OUTPUT_SIDE)
    assert logits[0, 0, 20:44, 20:44].std() > 0  # although the input is constant


class RedChannel(OcclusionNetwork):
    """Returns the red channel as the logits."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(pictures[:, :1], INPUT_SIDE // OUTPUT_SIDE)


@torch.no_grad()
def test_augmented_crop_is_aligned_with_the_plain_crop() -> None:
    pictures = torch.rand(2, 3, INPUT_SIDE, INPUT_SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    network = RedChannel(SIZES)
    probability = occlusion_probability(network, pictures)
    inner = slice(VERTICAL_SHIFT, -VERTICAL_SHIFT)
    assert torch.allclose(probability[:, inner], network(pictures).sigmoid()[:, 0, inner])
