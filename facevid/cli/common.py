"""What several commands share."""

import re
from typing import Any

import click

from facevid.options import ComputeOptions, TrackingOptions


class FacesType(click.ParamType[Any]):
    """`largest`, `all`, or numbers of tracks: `0,2`."""

    name = "faces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the option's text."""
        if value in ("largest", "all") or isinstance(value, tuple):
            return value
        try:
            return tuple(dict.fromkeys(int(number) for number in value.split(",")))
        except ValueError:
            self.fail(f'"{value}" is neither largest nor all nor a list of numbers such as 0,2', param, ctx)


class FramesType(click.ParamType[Any]):
    """`A-B`, the first and the last frame, or one frame."""

    name = "frames"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the option's text."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", value)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            self.fail(f'"{value}" is no range of frames such as 1001-1100', param, ctx)
        return first, last


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if ctx.obj is not None:
        ctx.obj["verbose"] = value


verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Show a traceback when something fails.",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
model_option = click.option(
    "--model", metavar="NAME", help="A model's name in the store, or a path.  [default: the carried model]"
)
detector_option = click.option(
    "--detector",
    type=click.Choice(["auto", "face-alignment", "dlib"]),
    default="auto",
    show_default=True,
    help="Landmark detector; auto is face-alignment where its weights are, else dlib.",
)
smooth_option = click.option(
    "--smooth",
    type=click.FloatRange(0, 100),
    default=TrackingOptions.smooth,
    show_default=True,
    metavar="SIGMA",
    help="How long faces are steadied over time: sigma in frames of the Gaussian over codes; 0 is off.",
)
device_option = click.option(
    "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:1, ..."
)
overwrite_option = click.option("-y", "--overwrite", is_flag=True, help="Replace results where they exist.")
precision_option = click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    default=ComputeOptions.precision,
    show_default=True,
    help="Number format of the networks.",
)
