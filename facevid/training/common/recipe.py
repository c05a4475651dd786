"""Every number of the trainings on pictures, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PictureRecipe:
    """What all trainings on pictures share.

    Attributes:
        sets: names of the picture sets, and the share of each batch that is drawn from each; sets that are not there
            are left out.
        batch_size: pictures a step.
        warm_up: steps over which the learning rates rise from 0.
        cool_down: last share of the steps, over which they fall to 0 in a line. A run is lengthened by asking for
            more steps from an earlier checkpoint: before the fall, all lengths are alike.
        momentum: Adam's first beta.
        ema: steps over which the averages of the networks forget half.
        clip: longest gradient of all networks together.

        masked: share of whole pictures of which the encoder sees only a quadrilateral, as in sets with tight pictures.
        shift, turn, scale: of the affine jitter: shares of the side, degrees, share.
        brightness, contrast, saturation: of the colour jitter, shares.
    """

    sets: tuple[tuple[str, float], ...] = (("ffhq128", 0.65), ("utk128", 0.25), ("congress256", 0.1))
    batch_size: int = 16
    warm_up: int = 50
    cool_down: float = 0.8
    momentum: float = 0.9
    ema: float = 100.0
    clip: float = 1.0

    masked: float = 0.1
    shift: float = 0.02
    turn: float = 3.0
    scale: float = 0.04
    brightness: float = 0.06
    contrast: float = 0.1
    saturation: float = 0.1


@dataclass(frozen=True)
class Recipe(PictureRecipe):
    """How `facevid train model` makes a generator and an encoder; the defaults are of the bundled model's last run.

    Attributes:
        channels: of the generator at 4, 8, 16, ... px, which also says its resolution.
        width: of a code.
        encoder_input: side of the encoder's input in pixels.
        encoder_stem, encoder_stages: width of its first layer; (width, blocks) of its stages, each halving the side.
        generator_rate, encoder_rate: learning rates of Adam.
        code_noise: deviation of the noise added to codes before they are decoded, so that neighbours look alike.

        pixel, gradient: weights of the L1 losses of pictures over four scales, and of their derivatives.
        identity: weight of the distance of dlib's descriptors of picture and reconstruction.
        perceptual: weight of the L1 distance of that network's features.
        judged: share of each batch that these two are measured on; they take a third of the time.
        outside, face, feature_spots: weights of pixels outside the face's oval, inside it, and at eyes and mouth.
        attribute: weight of the cross-entropy of a linear classifier on the code, so that attributes lie along lines.
        size: weight of the codes' mean square, which keeps them near 0.
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
class OcclusionRecipe(PictureRecipe):
    """How `facevid train occlusion` makes an occlusion network; the defaults are of the bundled model's.

    Attributes:
        widths: see `OcclusionNetworkSizes`.
        rate: learning rate of Adam.
        occluded: share of faces that something is drawn before.
        boosts: attributes of faces that are drawn more often, and how many times: they are not to pass for occluders.
        outside: weight of pixels outside the face's oval.
        entropy: weight of the cross-entropy, pixel by pixel.
        overlap: weight of what the Dice coefficient of each picture lacks of 1.
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
