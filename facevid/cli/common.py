"""What several commands share."""

import errno
import math
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from facevid.edits.edit_file import parse_frames
from facevid.errors import UsageError
from facevid.options import ComputeOptions, TrackingOptions

MAX_RATE = 1000

LARGEST_COUNT = 10**9
"""Of frames, steps, epochs: no work is larger, and numbers beyond do not fit the integers of other libraries."""

LARGEST_BATCH = 1 << 16
"""Of pictures or codes at once: no device's memory holds more."""


class PathType(click.Path):
    """A path that the system can look up; whether something is there is for the command to say."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the option's text."""
        if not os.fspath(value):
            self.fail("an empty name", param, ctx)
        try:
            os.lstat(value)
        except ValueError as error:
            self.fail(f'"{value}" is no path: {error}', param, ctx)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                self.fail(f'"{value}": the path, or a name in it, is too long; choose a shorter one', param, ctx)
        return super().convert(value, param, ctx)


class NumberType(click.FloatRange):
    """A finite number between two bounds, or without."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the option's text."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f'"{value}" is no finite number', param, ctx)
        return number


class FacesType(click.ParamType[Any]):
    """`largest`, `all`, numbers of people such as `0,2`, or a picture of one person."""

    name = "faces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the option's text."""
        if value in ("largest", "all") or isinstance(value, tuple):
            return value
        if re.fullmatch(r"\d{1,9}(,\d{1,9})*", value):
            return tuple(dict.fromkeys(int(number) for number in value.split(",")))
        if not PathType().convert(value, param, ctx).is_file():
            self.fail(f'"{value}" is neither largest, all, numbers such as 0,2, nor a picture that exists', param, ctx)
        return Path(value)


class FramesType(click.ParamType[Any]):
    """`A-B`, the first and the last frame, or one frame."""

    name = "frames"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the option's text."""
        if isinstance(value, tuple):
            return value
        try:
            return parse_frames(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class RateType(click.ParamType[Any]):
    """Frames a second: `25`, `24000/1001`; 23.976024 is taken for the latter."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the option's text."""
        rate = Fraction(0)
        if isinstance(value, Fraction):
            rate = value
        elif re.fullmatch(r"\d{1,4}(\.\d{0,12})?|\d{1,9}/[1-9]\d{0,8}", value):  # Fraction() would take 1e-999999999
            rate = Fraction(value).limit_denominator(1001)
        if not 0 < rate <= MAX_RATE:
            self.fail(f'"{value}" is no number of frames a second such as 25 or 24000/1001', param, ctx)
        return rate


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
    "--model", metavar="NAME", help="A model's name in the store, or a path.  [default: the bundled model]"
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
    type=NumberType(0, 100),
    default=TrackingOptions.smooth,
    show_default=True,
    metavar="SIGMA",
    help="How long faces are steadied over time: sigma in frames of the Gaussian over codes; 0 is off.",
)
device_option = click.option(
    "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:1, ..."
)
rate_option = click.option(
    "--rate",
    type=RateType(),
    metavar="FPS",
    help="Frames a second of an image sequence: 25, 24000/1001.  [default: what OpenEXR files say, else 24]",
)
layer_option = click.option(
    "--layer",
    metavar="NAME",
    help="Layer, or part, of OpenEXR files that is the picture.  [default: their plain R, G, B]",
)
start_number_option = click.option(
    "--start-number",
    type=click.IntRange(0, LARGEST_COUNT),
    metavar="N",
    help="Number of a video's first frame, wherever frames are numbered; a sequence has its own.  [default: 0]",
)
overwrite_option = click.option("-y", "--overwrite", is_flag=True, help="Replace results where they exist.")
precision_option = click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    default=ComputeOptions.precision,
    show_default=True,
    help="Number format of the networks.",
)
