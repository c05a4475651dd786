"""Convert decoded or edited frames to the pixel format, colours and orientation of the encoder."""

from av import VideoFormat, VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter

from facevid.video.color.depth import can_rescale, rescale
from facevid.video.color.linear import INTEGER_FORMATS, to_float_format, to_linear, to_srgb_curve
from facevid.video.color.pixels import is_float
from facevid.video.color.rgb import SWSCALE_FLAGS, colour_model, swscale_matrix, to_rgb16
from facevid.video.encoding.encoder_plan import EncoderPlan
from facevid.video.filters import filtered
from facevid.video.orientation import turn_upright


class Conversion:
    """Converts frames to the crop, pixel format, colours and orientation of a plan. Not thread-safe."""

    def __init__(self, plan: EncoderPlan) -> None:
        self._plan = plan
        self._reformatter = VideoReformatter()

    def convert(self, native: VideoFrame) -> VideoFrame:
        """Return the converted frame; the same object if nothing changes."""
        pix_fmt, orientation, crop = self._plan.pix_fmt, self._plan.orientation, self._plan.crop
        if self._plan.drops_icc_profile:
            native = filtered(native, [("sidedata", "mode=delete:type=ICC_PROFILE")])
        if crop is not None:
            native = filtered(native, [("crop", f"{crop[2]}:{crop[3]}:{crop[0]}:{crop[1]}:exact=1")])
        if orientation is None:
            return self._in_format(native, pix_fmt)
        # Rotate after the conversion, which uses the stored chroma location; 4:2:2 cannot be rotated.
        upright = turn_upright(self._in_format(native, pix_fmt.replace("422", "444")), orientation)
        return self._in_format(upright, pix_fmt)

    def _in_format(self, native: VideoFrame, pix_fmt: str) -> VideoFrame:
        if is_float(native.format.name):
            if is_float(pix_fmt):
                return to_float_format(native, pix_fmt)
            native = to_srgb_curve(native, self._plan.gamut_matrix)
        if native.format.name == pix_fmt and not self._changes_matrix(native):
            return native
        if is_float(pix_fmt):
            wide = pix_fmt.replace("f16", "f32")
            return to_float_format(
                to_linear(self._reformatted(native, INTEGER_FORMATS[wide], ColorRange.JPEG)), pix_fmt
            )
        return self._reformatted(native, pix_fmt, self._plan.colour.colour_range)

    def _changes_matrix(self, native: VideoFrame) -> bool:
        model = colour_model(native)
        return model.layout.kind == "yuv" and swscale_matrix(self._plan.colour.matrix) not in (None, model.swscale)

    def _reformatted(self, native: VideoFrame, pix_fmt: str, colour_range: int) -> VideoFrame:
        plan = self._plan
        target = VideoFormat(pix_fmt)
        if target.is_rgb and target.components[0].bits > 8 and colour_model(native).layout.kind == "yuv":
            native = to_rgb16(native)
        model = colour_model(native)
        full = colour_range == ColorRange.JPEG or (colour_range == 0 and model.full_range)
        if full and model.full_range and can_rescale(native.format.name, pix_fmt):
            return rescale(native, pix_fmt)
        result = self._reformatter.reformat(
            native,
            format=pix_fmt,
            src_colorspace=model.swscale,
            dst_colorspace=swscale_matrix(plan.colour.matrix) or model.swscale,
            src_color_range=ColorRange.JPEG if model.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            interpolation=SWSCALE_FLAGS,
            threads=1,
        )
        result.colorspace = plan.colour.matrix  # otherwise untagged frames would be written with the guessed matrix
        return result
