"""The landmark network: its interface, its sizes, and the bundled weights."""

import pytest
import torch
from safetensors.torch import load_file

from facevid.faces.mesh.detector import WEIGHTS_FILE
from facevid.networks.landmarks import (
    INPUT_SIDE,
    POINT_COUNT,
    LandmarkNetwork,
    LandmarkNetworkSizes,
    landmark_network_sizes,
)
from facevid.networks.shapes import shapes_of

SMALL = LandmarkNetworkSizes(widths=(4, 6, 8, 12), summary=3, shape=10)


def test_network_returns_points_and_confidences() -> None:
    points, confidence = LandmarkNetwork(SMALL).eval()(torch.rand(2, 3, INPUT_SIDE, INPUT_SIDE))
    assert points.shape == (2, POINT_COUNT, 2)
    assert confidence.shape == (2,)


def test_points_stay_precise_in_bfloat16() -> None:
    network = LandmarkNetwork(SMALL).eval()
    crops = torch.rand(1, 3, INPUT_SIDE, INPUT_SIDE)
    with torch.autocast("cpu", torch.bfloat16):
        points, confidence = network(crops)
    assert points.dtype == confidence.dtype == torch.float32


def test_sizes_are_inferred_from_a_state_dict() -> None:
    state = LandmarkNetwork(SMALL).state_dict()
    assert landmark_network_sizes(shapes_of(state)) == SMALL
    del state["summary.weight"]
    with pytest.raises(ValueError, match=r"summary\.weight"):
        landmark_network_sizes(shapes_of(state))


def test_bundled_weights_are_small() -> None:
    state = load_file(WEIGHTS_FILE)
    assert WEIGHTS_FILE.stat().st_size <= 2_000_000
    assert landmark_network_sizes(shapes_of(state)) == LandmarkNetworkSizes()
    assert {tensor.dtype for tensor in state.values()} == {torch.float16, torch.int64}
