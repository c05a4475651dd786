"""Convolutions with normalisation, and their fusion."""

import pytest
import torch

from facevid.networks import OcclusionNetwork, OcclusionNetworkSizes
from facevid.networks.convolution_layer import convolution_layer, fused
from facevid.networks.landmarks import LandmarkNetwork, LandmarkNetworkSizes

SIDE = 128
"""Side of the input of both networks, in pixels."""


@pytest.mark.parametrize(("kernel", "stride", "side"), [(3, 1, 16), (3, 2, 8), (5, 2, 8)])
def test_the_stride_divides_the_size(kernel: int, stride: int, side: int) -> None:
    assert convolution_layer(2, 7, kernel, stride)(torch.zeros(1, 2, 16, 16)).shape == (1, 7, side, side)


@pytest.mark.parametrize("kind", ["landmarks", "occlusion"])
def test_fusion_keeps_the_result(kind: str) -> None:
    network: torch.nn.Module = (
        LandmarkNetwork(LandmarkNetworkSizes((4, 8, 12, 16), summary=3, shape=10))
        if kind == "landmarks"
        else OcclusionNetwork(OcclusionNetworkSizes((4, 8, 12, 16)))
    )
    crops = torch.rand(8, 3, SIDE, SIDE)
    for _ in range(3):
        network(crops)
    expected = network.eval()(crops)
    results = fused(network)(crops)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    for result, wanted in zip(results, expected, strict=True):
        assert torch.allclose(result, wanted, atol=1e-4)
