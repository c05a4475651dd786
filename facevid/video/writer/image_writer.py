"""Write one frame to an image file, with the metadata of the source's image file."""

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame

from facevid.provenance.statement import Provenance
from facevid.video.color.pixels import colour_and_alpha_views
from facevid.video.encoding.conversion import Conversion
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.encoding.frame_encoder import FrameEncoder
from facevid.video.images.heif import heif_metadata
from facevid.video.images.image_clip import frame_roi
from facevid.video.images.metadata import copy_metadata, embed_metadata, embed_provenance
from facevid.video.images.oiio_file import OIIO_FORMATS, open_image
from facevid.video.images.oiio_pixels import oiio_type
from facevid.video.images.oiio_writer import add_provenance_to_exr, new_spec, rewrite_image, write_image_file
from facevid.video.info import ClipInfo


def save_image(
    path: Path,
    native: VideoFrame,
    plan: EncoderPlan,
    *,
    product: Path,
    source: ClipInfo,
    file: Path | None,
    provenance: Provenance | None = None,
) -> None:
    """Write a frame to an image file.

    With `plan.copies_metadata`, the metadata of `file` is copied. If both are OpenEXR or both TIFF, all other content
    (channels, parts, pages, windows) is copied as well.

    Args:
        path: the file to write.
        native: the frame, in stored orientation.
        plan: encoder settings.
        product: the final path, named in messages.
        source: properties of the source.
        file: the source's image file of this frame; None if the source is a video.
        provenance: stated in the image's XMP packet, which is otherwise that of `file`; None states nothing.

    Raises:
        OutputError: the image cannot be written.
        InputError: `file` cannot be read.
    """
    file = file if plan.copies_metadata else None
    if path.suffix.lower() not in OIIO_FORMATS:
        _encode(path, native, plan, product)
    elif file is not None and source.codec == plan.encoder:
        image = open_image(file, source.layer)
        rewrite_image(
            image, Conversion(plan).convert(native), frame_roi(image, source), path, product, provenance=provenance
        )
    else:
        _write_new(path, Conversion(plan).convert(native), plan, product=product, source=source, provenance=provenance)
    if file is not None:
        copy_metadata(file, path, product)
        if source.codec == "tiff":
            embed_metadata(None, open_image(file).icc_profile, path, product)
        elif source.codec == "heif":
            embed_metadata(*heif_metadata(file), path, product)
    if provenance is not None:
        embed_provenance(provenance, path, product, (plan.width, plan.height))


def _encode(path: Path, native: VideoFrame, plan: EncoderPlan, product: Path) -> None:
    encoder = FrameEncoder(path, product, plan)
    try:
        encoder.write(native)
        encoder.finish()
    finally:
        encoder.abandon()


def _write_new(
    path: Path,
    native: VideoFrame,
    plan: EncoderPlan,
    *,
    product: Path,
    source: ClipInfo,
    provenance: Provenance | None,
) -> None:
    """Write an OpenEXR or TIFF file that has no counterpart in the source."""
    colours, alpha = colour_and_alpha_views(native)
    names = ("Y",) if len(colours) == 1 else ("R", "G", "B")
    planes = colours if alpha is None else [*colours, alpha]
    window = oiio.ROI(0, native.width, 0, native.height)
    spec = new_spec(window, (*names, "A")[: len(planes)], oiio_type(planes[0]))
    spec.attribute("PixelAspectRatio", float(plan.sample_aspect_ratio or 1))
    if plan.encoder == "exr" and plan.rate:
        rate = plan.rate.numerator, plan.rate.denominator
        spec.attribute("framesPerSecond", oiio.TypeRational, rate)
    if plan.encoder == "exr" and provenance is not None:
        add_provenance_to_exr(spec, provenance)
    if plan.encoder == "tiff" and source.codec != "exr":
        spec.attribute("oiio:UnassociatedAlpha", 1)  # only OpenEXR sources have premultiplied alpha
    write_image_file(path, product, spec, np.dstack(planes))
