"""Writing one picture to a file of its own, with what its source's file says beside the samples."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame

from facevid.video.conversion import Conversion
from facevid.video.encoder import PictureEncoder
from facevid.video.exr import new_spec, open_exr, rewrite_exr, write_exr
from facevid.video.exr_source import frame_in
from facevid.video.info import ClipInfo
from facevid.video.linear import planes_of
from facevid.video.notes import carry_notes
from facevid.video.plan import EncoderPlan


def write_picture(
    made: Path, native: VideoFrame, plan: EncoderPlan, *, product: Path, source: ClipInfo, file: Path | None
) -> None:
    """Write a picture as `plan` has it to `made`; `product` is the file named in messages.

    `file` is the source's own picture file, where there is one. If `plan.carries`, its notes are kept, and all of an
    OpenEXR file that becomes another but the picture. Raises OutputError, and InputError where `file` cannot be read.
    """
    if plan.encoder == "exr":
        native = Conversion(plan).convert(native)
        if file is not None and source.codec == "exr" and plan.carries:
            layers = open_exr(file, source.layer)
            rewrite_exr(layers, native, frame_in(layers, source), made, product)
        else:
            _write_new_exr(made, product, native, plan)
        return
    encoder = PictureEncoder(made, product, plan)
    try:
        encoder.write(native)
        encoder.finish()
    finally:
        encoder.abandon()
    if file is not None and plan.carries:
        carry_notes(file, made, product)


def _write_new_exr(made: Path, product: Path, native: VideoFrame, plan: EncoderPlan) -> None:
    colours, alpha = planes_of(native)
    names = ("Y",) if len(colours) == 1 else ("R", "G", "B")
    window = oiio.ROI(0, native.width, 0, native.height)
    planes = colours if alpha is None else [*colours, alpha]
    kind = "half" if "f16" in native.format.name else "float"
    spec = new_spec(window, window, (*names, "A")[: len(planes)], kind)
    spec.attribute("PixelAspectRatio", float(plan.sample_aspect_ratio or 1))
    if plan.rate:
        spec.attribute("framesPerSecond", oiio.TypeRational, _pair(plan.rate))
    write_exr(made, product, spec, np.dstack(planes))


def _pair(rate: Fraction) -> tuple[int, int]:
    return rate.numerator, rate.denominator
