"""What a user may choose, with units and defaults. The command line and the Python API share it."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

Detail = Literal["keep", "replace"]
Blend = Literal["seamless", "feather"]
Faces = Literal["largest", "all"] | tuple[int, ...] | Path
Recipe = Literal["flow", "published"]
Precision = Literal["float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class TrackingOptions:
    """How faces are found and followed.

    Attributes:
        detector: which landmark detector: auto, face-alignment or dlib.
        faces: "largest" (one person a shot), "all", numbers of people as `facevid inspect` shows them, or a picture of
            the one person to edit.
        max_gap: longest miss, in seconds, that a track survives.
        smooth: sigma, in frames, of the Gaussian over time that codes are smoothed with, and that quads and landmarks
            are steadied in proportion to; 0 turns it all off.
        recipe: "flow" steadies along the face's own motion; "published" is what the method was published with, and
            knows no `smooth`.
    """

    detector: Literal["auto", "face-alignment", "dlib"] = "auto"
    faces: Faces = "largest"
    max_gap: float = 0.5
    smooth: float = 2.0
    recipe: Recipe = "flow"

    @property
    def code_sigma(self) -> float:
        """Sigma, in frames, of the Gaussian over codes; how an edit moves landmarks is averaged in proportion."""
        return 0.0 if self.recipe == "published" else self.smooth


@dataclass(frozen=True)
class ComputeOptions:
    """Where and how the networks run.

    Attributes:
        device: auto (CUDA where there is a device, else the CPU), cpu, cuda, or cuda:N.
        precision: number format of the networks.
        batch_size: faces encoded or generated at once.
    """

    device: str = "auto"
    precision: Precision = "float32"
    batch_size: int = 16


@dataclass(frozen=True)
class CompositingOptions:
    """How the edited face gets back into the frame.

    Attributes:
        detail: "keep" moves the plate's own pixels, "replace" puts the generated face there; None follows the model.
        blend: how a generated face is put there: "seamless" (Poisson cloning) or "feather" (the matte alone). Where
            detail is kept there is no seam: the face is the plate's own at its edge.
    """

    detail: Detail | None = None
    blend: Blend = "seamless"


@dataclass(frozen=True)
class EditOptions:
    """Everything `edit_video` may be told beside source, target and edits.

    Attributes:
        model: a name in the store, or a path; None is the bundled model.
        frames: first and last frame to edit, by the clip's own numbers (a sequence's, else from `start_number`); None
            is all. The others pass through, whatever the edits say.
        start_number: of a video's first frame, for `frames`, keyframes, layers, and a sequence made of it; None is 0.
        rate: frames a second of an image sequence; None is what OpenEXR files say, else 24. A video has its own times.
        layer: of OpenEXR files, which layer or part is the picture; None is their plain R, G, B.
        compare: where to write original, reconstruction and edit side by side.
        layers: folder to write every edited face to, as a picture to be laid over the plate.
        overwrite: replace an existing result.
        codec, crf, pix_fmt: of the result; None follows the source.
    """

    model: str | None = None
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    compute: ComputeOptions = field(default_factory=ComputeOptions)
    compositing: CompositingOptions = field(default_factory=CompositingOptions)
    frames: tuple[int, int] | None = None
    start_number: int | None = None
    rate: Fraction | None = None
    layer: str | None = None
    compare: Path | None = None
    layers: Path | None = None
    overwrite: bool = False
    codec: str | None = None
    crf: float | None = None
    pix_fmt: str | None = None
