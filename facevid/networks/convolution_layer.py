"""A convolution with batch normalisation and ReLU, of which the small networks of this project are made."""

from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_Network = TypeVar("_Network", bound=nn.Module)


def convolution_layer(inputs: int, width: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Create a layer of `width` channels whose output has the input's size divided by `stride`."""
    convolution = nn.Conv2d(inputs, width, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def fused(network: _Network) -> _Network:
    """Fold the normalisation of a trained network into its convolutions, in place, and return it for evaluation."""
    network.eval().requires_grad_(False)
    for layer in network.modules():
        children = list(layer.children()) if isinstance(layer, nn.Sequential) else []
        match children:
            case [nn.Conv2d() as convolution, nn.BatchNorm2d() as normalisation, _]:
                setattr(layer, "0", fuse_conv_bn_eval(convolution, normalisation))
                setattr(layer, "1", nn.Identity())
    return network
