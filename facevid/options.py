"""Settings of an edit, with units and defaults; shared by the command line and the Python API."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

Detail = Literal["keep", "replace"]
"""Keep the pixels of the plate and change them, or replace them by a generated face."""

Blend = Literal["seamless", "feather"]
"""Blend a generated face into the plate by Poisson cloning, or by its matte alone."""

Faces = Literal["largest", "all"] | tuple[int, ...] | Path
"""Which faces to edit: the largest, all, people by number, or the person in a picture."""

SmoothingMethod = Literal["flow", "published"]
"""Method of temporal smoothing."""

Precision = Literal["auto", "float32", "float16", "bfloat16"]
"""Number format of the networks; "auto" is the fastest one that the device has instructions for."""


EngineName = Literal["local", "ray"]
"""Where tasks run: processes of this machine, or a Ray cluster."""


@dataclass(frozen=True)
class TrackingOptions:
    """Settings of face detection, tracking and temporal smoothing.

    Attributes:
        detector: landmark detector: "auto", "face-alignment", "bundled" or "dlib".
        faces: the faces to edit: "largest" (one person in each shot), "all", the numbers of people as shown by
            `facevid inspect`, or a picture of the one person to edit.
        max_gap: longest time without a detection, in seconds, that a track bridges.
        smooth: standard deviation, in frames, of the Gaussian that smooths codes over time; quads and landmarks are
            smoothed in proportion to it. 0 turns all smoothing off.
        smoothing_method: "flow" follows the motion of the face; "published" is the method of the paper (Yao et al.,
            ICCV 2021) and ignores `smooth`.
    """

    detector: Literal["auto", "face-alignment", "bundled", "dlib"] = "auto"
    faces: Faces = "largest"
    max_gap: float = 0.5
    smooth: float = 2.0
    smoothing_method: SmoothingMethod = "flow"

    @property
    def code_sigma(self) -> float:
        """Standard deviation, in frames, of the Gaussian that smooths codes; 0 for no smoothing."""
        return 0.0 if self.smoothing_method == "published" else self.smooth


@dataclass(frozen=True)
class ComputeOptions:
    """Settings of the networks.

    Attributes:
        device: "auto" (the first CUDA device if there is one, else the CPU), "cpu", "cuda" or "cuda:N".
        precision: number format of the networks.
        batch_size: number of faces encoded or generated at once.
    """

    device: str = "auto"
    precision: Precision = "float32"
    batch_size: int = 16


@dataclass(frozen=True)
class CompositingOptions:
    """Settings of the compositing of edited faces.

    Attributes:
        detail: "keep" applies an appearance change to the pixels of the plate; "replace" replaces them by the
            generated face; None is the default of the model.
        blend: how a generated face is blended into the plate: "seamless" (Poisson cloning) or "feather" (the matte
            alone). It has no effect where detail is kept.
        mask: matte that limits all edits, a picture or a sequence with the frame numbers of the source; None limits
            nothing.
        holdout: matte that protects pixels from all edits; None protects nothing.
    """

    detail: Detail | None = None
    blend: Blend = "seamless"
    mask: Path | None = None
    holdout: Path | None = None


@dataclass(frozen=True)
class EngineOptions:
    """Where the work runs.

    Attributes:
        engine: "local" for processes of this machine, "ray" for a Ray cluster.
        workers: number of tasks at the same time; None is 1 for "local", and all cores or GPUs of a Ray cluster.
        address: `HOST:PORT` of the Ray cluster, or "auto"; None is "auto".
        segment: length of a segment in seconds: the part of a clip that is one task, and that is not repeated after an
            interruption.
    """

    engine: EngineName = "local"
    workers: int | None = None
    address: str | None = None
    segment: float = 10.0


@dataclass(frozen=True)
class SigningOptions:
    """Who signs a result.

    Attributes:
        certificate: PEM file of the signer's certificate, followed by those of the authorities that issued it.
        key: PEM file of the private key, without a password.
    """

    certificate: Path
    key: Path


@dataclass(frozen=True)
class EditOptions:
    """All settings of `edit_video` other than the source, the target and the edits.

    Attributes:
        model: name of a model in the store, or path of a bundle; None is the bundled model.
        frames: first and last frame to edit, by frame number (an image sequence's own numbers, else counted from
            `start_number`); None edits all frames. Other frames are written without an edit.
        fade: frames over which edits rise to full strength from the first frame of `frames` on, and fall before the
            last one.
        write_frames: numbers of the first and the last frame to write into an image sequence, whose other frames stay
            as they are; None writes all frames.
        preview_frame: number of the only frame to write, as an 8-bit picture; None writes the clip.
        start_number: number of the first frame of a video; it applies to `frames`, keyframes, layers and an image
            sequence written from the video. None is 0.
        rate: frame rate of an image sequence, in frames per second; None is the rate stored in OpenEXR files, else 24.
            Videos have their own timestamps.
        layer: layer or part of OpenEXR files to edit; None is the default R, G, B channels.
        compare: where to write a comparison of the original and the edit; None writes none.
        layers: folder for the edited faces as images to composite over the plate; None writes none.
        overwrite: replace existing outputs.
        codec: video codec of the output, as named by `--codec`; None follows the source.
        crf: constant rate factor of h264, h265 and av1; lower is better, 0 is lossless (h264, h265). None is visually
            lossless.
        pix_fmt: FFmpeg pixel format of the output; None follows the source.
        provenance: whether results with edited frames state in their metadata that they contain generated media, and
            the program and model.
        sign: how to sign the result with a C2PA manifest; None does not.
        engine: where the work runs, and the length of segments.
    """

    model: str | None = None
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    compute: ComputeOptions = field(default_factory=ComputeOptions)
    compositing: CompositingOptions = field(default_factory=CompositingOptions)
    frames: tuple[int, int] | None = None
    fade: int = 0
    write_frames: tuple[int, int] | None = None
    preview_frame: int | None = None
    start_number: int | None = None
    rate: Fraction | None = None
    layer: str | None = None
    compare: Path | None = None
    layers: Path | None = None
    overwrite: bool = False
    codec: str | None = None
    crf: float | None = None
    pix_fmt: str | None = None
    provenance: bool = True
    sign: SigningOptions | None = None
    engine: EngineOptions = field(default_factory=EngineOptions)

    @property
    def part(self) -> range | None:
        """Numbers of the frames to write; None for all."""
        return range(self.write_frames[0], self.write_frames[1] + 1) if self.write_frames else None
