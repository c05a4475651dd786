"""Writing one picture to a file of its own, with what its source's file says beside the samples."""

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame

from facevid.video.color.pixels import planes_of
from facevid.video.images.heif import heif_notes
from facevid.video.images.image_file import FORMATS, open_picture, sample_of
from facevid.video.images.metadata import carry_notes, embed_notes
from facevid.video.images.rewriting import new_spec, rewrite_picture, write_picture_file
from facevid.video.images.source import frame_in
from facevid.video.info import ClipInfo
from facevid.video.writer.conversion import Conversion
from facevid.video.writer.encoder import PictureEncoder
from facevid.video.writer.plan import EncoderPlan


def write_picture(
    made: Path, native: VideoFrame, plan: EncoderPlan, *, product: Path, source: ClipInfo, file: Path | None
) -> None:
    """Write a picture as `plan` has it to `made`; `product` is the file named in messages.

    `file` is the source's own picture file, where there is one. If `plan.carries`, its notes are kept; of an OpenEXR or
    TIFF file that becomes another, all but the picture. Raises OutputError, and InputError where `file` cannot be read.
    """
    file = file if plan.carries else None
    if made.suffix.lower() not in FORMATS:
        _encode(made, native, plan, product)
    elif file is not None and source.codec == plan.encoder:
        whole = open_picture(file, source.layer)
        rewrite_picture(whole, Conversion(plan).convert(native), frame_in(whole, source), made, product)
    else:
        _write_new(made, Conversion(plan).convert(native), plan, product, source)
    if file is not None:
        carry_notes(file, made, product)
        if source.codec == "tiff":
            embed_notes(None, open_picture(file).profile, made, product)
        elif source.codec == "heif":
            embed_notes(*heif_notes(file), made, product)


def _encode(made: Path, native: VideoFrame, plan: EncoderPlan, product: Path) -> None:
    encoder = PictureEncoder(made, product, plan)
    try:
        encoder.write(native)
        encoder.finish()
    finally:
        encoder.abandon()


def _write_new(made: Path, native: VideoFrame, plan: EncoderPlan, product: Path, source: ClipInfo) -> None:
    colours, alpha = planes_of(native)
    names = ("Y",) if len(colours) == 1 else ("R", "G", "B")
    planes = colours if alpha is None else [*colours, alpha]
    window = oiio.ROI(0, native.width, 0, native.height)
    spec = new_spec(window, (*names, "A")[: len(planes)], sample_of(planes[0]))
    spec.attribute("PixelAspectRatio", float(plan.sample_aspect_ratio or 1))
    if plan.encoder == "exr" and plan.rate:
        rate = plan.rate.numerator, plan.rate.denominator
        spec.attribute("framesPerSecond", oiio.TypeRational, rate)
    if plan.encoder == "tiff" and source.codec != "exr":
        spec.attribute("oiio:UnassociatedAlpha", 1)  # of these sources, OpenEXR alone has colours multiplied by alpha
    write_picture_file(made, product, spec, np.dstack(planes))
