"""Options and parameter types shared by several commands."""

import errno
import gc
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from facevid.edits.edit_file import parse_frames
from facevid.errors import UsageError, combined
from facevid.options import ComputeOptions, EngineName, EngineOptions, TrackingOptions

MAX_RATE_FPS = 1000
"""Highest frame rate of an image sequence, in frames per second; a larger number is a typing error."""

MAX_COUNT = 10**9
"""Largest number of frames, steps or epochs: larger ones overflow the 32-bit integers of other libraries."""

MAX_WORKERS = 100_000
"""Upper bound of --workers: more than any cluster has."""

MAX_BATCH_SIZE = 1 << 16
"""Largest batch, in pictures or codes: more than any device's memory holds."""


@contextmanager
def slow_imports() -> Iterator[None]:
    """Pause the collection of reference cycles during imports, and exclude what was imported from it.

    PyTorch's modules make a million objects that all live as long as the process: looking for unused ones among them
    takes a quarter of the time of the import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class ThoroughCommand(click.Command):
    """A command that reports all invalid options and arguments of a command line at once."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; see `click.Command.parse_args`."""
        try:
            return super().parse_args(ctx, list(args))
        except (click.UsageError, UsageError):
            mistakes = self._mistakes(ctx, args)
            if len(mistakes) < 2:
                raise
        raise combined(mistakes)

    def _mistakes(self, ctx: click.Context, args: list[str]) -> list[UsageError]:
        values, rest, _ = self.make_parser(ctx).parse_args(list(args))
        mistakes = []
        for param in self.get_params(ctx):
            try:
                param.handle_parse_result(ctx, values, list(rest))
            except click.UsageError as error:
                mistakes.append(UsageError(error.format_message().rstrip(".")))
            except UsageError as error:
                mistakes.append(error)
        return mistakes


class PathType(click.Path):
    """A syntactically valid path. Whether the file exists is checked by the command."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the argument's text to a Path."""
        if not os.fspath(value):
            self.fail("the file name is empty", param, ctx)
        try:
            os.lstat(value)
        except ValueError as error:
            self.fail(f'"{value}" is not a valid path: {error}', param, ctx)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                self.fail(f'"{value}": the path or a name in it is too long; use a shorter one', param, ctx)
        return super().convert(value, param, ctx)


class NumberType(click.FloatRange):
    """A finite number, optionally with a lower and an upper bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the option's text to a float."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f'"{value}" is not a finite number', param, ctx)
        return number


class FacesType(click.ParamType[Any]):
    """`largest`, `all`, person numbers such as `0,2`, or a picture file of one person."""

    name = "faces"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the option's text to `facevid.options.Faces`."""
        if value in ("largest", "all") or isinstance(value, tuple):
            return value
        if re.fullmatch(r"\d{1,9}(,\d{1,9})*", value):
            return tuple(dict.fromkeys(int(number) for number in value.split(",")))
        if not PathType().convert(value, param, ctx).is_file():
            self.fail(f'"{value}": use largest, all, person numbers such as 0,2, or an existing picture', param, ctx)
        return Path(value)


class FramesType(click.ParamType[Any]):
    """A range of frames `A-B`, both included, or one frame."""

    name = "frames"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the option's text to the first and the last frame."""
        if isinstance(value, tuple):
            return value
        try:
            return parse_frames(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class PartType(click.ParamType[Any]):
    """Part `I/N` of a list: part I of N, counted from 1."""

    name = "part"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the option's text to the number of the part and the number of parts."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", str(value))
        part, count = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= part <= count:
            self.fail(f'"{value}" is not a part such as 1/8, the first of eight', param, ctx)
        return part, count


class RateType(click.ParamType[Any]):
    """A frame rate such as `25` or `24000/1001`. Decimals such as 23.976024 become the nearest such fraction."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the option's text to a Fraction, in frames per second."""
        rate = Fraction(0)
        if isinstance(value, Fraction):
            rate = value
        elif re.fullmatch(r"\d{1,4}(\.\d{0,12})?|\d{1,9}/[1-9]\d{0,8}", value):  # excludes 1e-999999999, slow to parse
            rate = Fraction(value).limit_denominator(1001)
        if not 0 < rate <= MAX_RATE_FPS:
            self.fail(f'"{value}" is not a frame rate such as 25 or 24000/1001', param, ctx)
        return rate


def store_verbosity(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """Store the value of -v for `main`, and return it."""
    if value and ctx.obj is not None:  # the options of a shot in a batch are parsed too, and must not reset it
        ctx.obj["verbose"] = True
    return value


verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=store_verbosity,
    help="Print a traceback on errors.",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print no progress and no summary.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
model_option = click.option(
    "--model", metavar="NAME", help="Name of an imported model, or a path.  [default: the bundled model]"
)
detector_option = click.option(
    "--detector",
    type=click.Choice(["auto", "face-alignment", "bundled", "dlib"]),
    default="auto",
    show_default=True,
    help="Landmark detector; auto is face-alignment if its weights are installed, else bundled, facevid's own.",
)
smooth_option = click.option(
    "--smooth",
    type=NumberType(0, 100),
    default=TrackingOptions.smooth,
    show_default=True,
    metavar="SIGMA",
    help="Strength of temporal smoothing: sigma, in frames, of the Gaussian filter over codes; 0 turns it off.",
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Device of the networks: auto, cpu, cuda, cuda:1.",
)
rate_option = click.option(
    "--rate",
    type=RateType(),
    metavar="FPS",
    help="Frame rate of an image sequence, such as 25 or 24000/1001.  [default: from its metadata, else 24]",
)
layer_option = click.option(
    "--layer",
    metavar="NAME",
    help="Layer or part of OpenEXR files that contains the picture.  [default: the unnamed R, G, B channels]",
)
start_number_option = click.option(
    "--start-number",
    type=click.IntRange(0, MAX_COUNT),
    metavar="N",
    help="Frame number of a video's first frame; image sequences have their own numbers.  [default: 0]",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default=EngineOptions.engine,
    show_default=True,
    help="Where the work runs: processes of this machine, or a Ray cluster, with inputs and results on shared storage.",
)
address_option = click.option(
    "--address", metavar="HOST:PORT", help="Address of the Ray cluster.  [default: auto, the one of this machine]"
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    metavar="N",
    help="Segments to work on at the same time.  [default: 1; with Ray, as many as the cluster has cores or GPUs]",
)
segment_option = click.option(
    "--segment",
    type=NumberType(1e-3, 1e6),
    default=EngineOptions.segment,
    show_default=True,
    metavar="SECONDS",
    help="Length of a segment: what one worker does at a time, and the most that an interruption loses.",
)
overwrite_option = click.option("-y", "--overwrite", is_flag=True, help="Replace existing results.")
precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "float16", "bfloat16"]),
    default=ComputeOptions.precision,
    show_default=True,
    help="Number format of the networks; auto is the fastest on this device.",
)


def choose_engine(engine: EngineName, workers: int | None, address: str | None, segment: float) -> EngineOptions:
    """Return the settings of the options above. Raises UsageError for an address without Ray."""
    if address is not None and engine != "ray":
        raise UsageError("--address is for Ray clusters; add --engine ray")
    return EngineOptions(engine, workers, address, segment)


def layer_range(text: str | None) -> range | None:
    """Parse a range of layers `A-B`, both included. Raises UsageError if it is invalid."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    layers = range(int(match[1]), int(match[2]) + 1) if match else range(0)
    if not layers:
        raise UsageError(f'--edit-layers "{text}" is not a range of layers; write FIRST-LAST, for example 0-10')
    return layers
