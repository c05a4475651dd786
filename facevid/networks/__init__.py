"""Networks as plain PyTorch modules: tensors in, tensors out. No files, no options, no attribute names.

Parameters and buffers have the same names as in the published files, so a published state dict loads with
`strict=True`. Each network has a frozen dataclass with its sizes, and a function that infers the sizes from the tensor
shapes of a state dict.
"""

from facevid.networks.appearance_model import AppearanceModel, AppearanceModelSizes, appearance_model_sizes
from facevid.networks.encoder import Encoder, EncoderSizes, encoder_sizes
from facevid.networks.feature_style_encoder import (
    FeatureStyleEncoder,
    FeatureStyleEncoderSizes,
    feature_style_encoder_sizes,
)
from facevid.networks.latent_classifier import LatentClassifier, LatentClassifierSizes, latent_classifier_sizes
from facevid.networks.latent_transformer import LatentTransformer, LatentTransformerSizes, latent_transformer_sizes
from facevid.networks.occlusion import OcclusionNetwork, OcclusionNetworkSizes, occlusion_network_sizes
from facevid.networks.shapes import Shapes, shapes_of
from facevid.networks.shared_transformer import SharedTransformer, SharedTransformerSizes, shared_transformer_sizes
from facevid.networks.stylegan2 import Generator, GeneratorSizes, generator_sizes, truncate

__all__ = [
    "AppearanceModel",
    "AppearanceModelSizes",
    "Encoder",
    "EncoderSizes",
    "FeatureStyleEncoder",
    "FeatureStyleEncoderSizes",
    "Generator",
    "GeneratorSizes",
    "LatentClassifier",
    "LatentClassifierSizes",
    "LatentTransformer",
    "LatentTransformerSizes",
    "OcclusionNetwork",
    "OcclusionNetworkSizes",
    "Shapes",
    "SharedTransformer",
    "SharedTransformerSizes",
    "appearance_model_sizes",
    "encoder_sizes",
    "feature_style_encoder_sizes",
    "generator_sizes",
    "latent_classifier_sizes",
    "latent_transformer_sizes",
    "occlusion_network_sizes",
    "shapes_of",
    "shared_transformer_sizes",
    "truncate",
]
