"""Hyperparameters of all training on pictures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PictureTrainingConfig:
    """Hyperparameters shared by all training on pictures.

    Attributes:
        sets: name of each picture set, and the fraction of each batch that is sampled from it; missing sets are
            skipped.
        batch_size: pictures per step.
        warm_up: number of steps over which the learning rates rise from 0.
        cool_down: fraction of the steps, at the end, over which the learning rates decay linearly to 0. To extend a
            run, resume with more steps from a checkpoint that was saved before the decay.
        momentum: first beta of Adam.
        ema: half-life of the moving averages of the weights, in steps.
        clip: largest norm of the gradient of all networks together.
    """

    sets: tuple[tuple[str, float], ...] = (("ffhq128", 0.65), ("utk128", 0.25), ("congress256", 0.1))
    batch_size: int = 16
    warm_up: int = 50
    cool_down: float = 0.8
    momentum: float = 0.9
    ema: float = 100.0
    clip: float = 1.0


@dataclass(frozen=True)
class FaceTrainingConfig(PictureTrainingConfig):
    """Hyperparameters of the augmentation of FFHQ crops.

    Attributes:
        masked: fraction of whole pictures that are masked to a random quadrilateral, like partly black pictures.
        shift: largest shift of the affine jitter, as a fraction of the side.
        turn: largest rotation of the affine jitter, in degrees.
        scale: largest relative change of size of the affine jitter.
        brightness: largest offset of the colour jitter; pictures are in [-1, 1].
        contrast: largest relative change of contrast of the colour jitter.
        saturation: largest relative change of saturation of the colour jitter.
    """

    masked: float = 0.1
    shift: float = 0.02
    turn: float = 3.0
    scale: float = 0.04
    brightness: float = 0.06
    contrast: float = 0.1
    saturation: float = 0.1


@dataclass(frozen=True)
class FaceModelConfig(FaceTrainingConfig):
    """Hyperparameters of `facevid train model`: a generator and an encoder, trained as an autoencoder.

    Attributes:
        channels: number of channels of the generator at 4, 8, 16, ... px; their count determines the resolution.
        width: length of the code of one layer.
        encoder_input: side of the encoder's input in pixels.
        encoder_stem: number of channels of the encoder's first layer.
        encoder_stages: number of channels and blocks of each stage of the encoder; each stage halves the side.
        generator_rate: learning rate of Adam for the generator.
        encoder_rate: learning rate of Adam for the encoder and the attribute classifier.
        code_noise: standard deviation of the noise added to codes before decoding, which smooths the code space.

        pixel: weight of the L1 loss between pictures, over four resolutions.
        gradient: weight of the L1 loss between the gradients of pictures.
        identity: weight of the distance between dlib's face descriptors of a picture and its reconstruction.
        perceptual: weight of the L1 loss between features of dlib's descriptor network.
        judged: fraction of each batch that `identity` and `perceptual` use; they take a third of the time.
        outside: weight of pixels outside the face.
        face: weight of pixels inside the face.
        feature_spots: additional weight of pixels at the eyes and the mouth.
        attribute: weight of the cross-entropy of a linear classifier on the code, which makes attributes linear
            in code space.
        size: weight of the mean square of the codes, which keeps them close to 0.
    """

    channels: tuple[int, ...] = (128, 128, 128, 96, 48, 24)
    width: int = 128
    encoder_input: int = 64
    encoder_stem: int = 24
    encoder_stages: tuple[tuple[int, int], ...] = ((24, 1), (48, 2), (96, 3), (128, 2))
    generator_rate: float = 7e-4
    encoder_rate: float = 4e-4
    code_noise: float = 0.06

    pixel: float = 6.0
    gradient: float = 4.0
    identity: float = 0.7
    perceptual: float = 0.6
    judged: float = 1.0
    outside: float = 0.25
    face: float = 1.0
    feature_spots: float = 1.5
    attribute: float = 0.02
    size: float = 1e-3


@dataclass(frozen=True)
class OcclusionConfig(FaceTrainingConfig):
    """Hyperparameters of `facevid train occlusion`; the defaults are those of the bundled occlusion network.

    Attributes:
        widths: see `OcclusionNetworkSizes`.
        rate: learning rate of Adam.
        occluded: fraction of faces that get a synthetic occluder.
        boosts: faces that are sampled more often, so that the network does not mistake them for occluded ones:
            CelebA's attribute, whether it is present, and the factor.
        outside: weight of pixels outside the face.
        entropy: weight of the cross-entropy of each pixel.
        overlap: weight of the Dice loss of each picture.
    """

    sets: tuple[tuple[str, float], ...] = (("portraits512", 0.4), ("congress256", 0.6))
    momentum: float = 0.9
    cool_down: float = 0.9

    masked: float = 0.0
    shift: float = 0.03
    turn: float = 6.0
    scale: float = 0.08

    widths: tuple[int, int, int, int] = (16, 28, 44, 56)
    rate: float = 3e-3
    occluded: float = 0.65
    boosts: tuple[tuple[str, bool, float], ...] = (("No_Beard", False, 2.0),)
    outside: float = 0.25
    entropy: float = 1.0
    overlap: float = 0.2


@dataclass(frozen=True)
class LandmarkConfig(PictureTrainingConfig):
    """Hyperparameters of `facevid train landmarks`; the defaults are those of the bundled landmark network.

    Attributes:
        batch_size: crops per step, two of each face.
        rate: learning rate of Adam.
        precise: weight of points on eyelids and lips, relative to the other points.
        points: weight of the distance between the points and those of the teacher.
        agreement: weight of the distance between the points in the two crops of a face.
        confidence: weight of the cross-entropy of the confidence.
    """

    sets: tuple[tuple[str, float], ...] = (("portraits512", 0.2), ("congress256", 0.8))
    batch_size: int = 48
    warm_up: int = 200
    cool_down: float = 0.9
    ema: float = 300.0

    rate: float = 2.5e-3
    precise: float = 2.5
    points: float = 30.0
    agreement: float = 4.0
    confidence: float = 0.6
