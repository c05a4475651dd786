"""`facevid preview`."""

import webbrowser
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from facevid.cli.progress_bars import StageProgress
from facevid.cli.shared_options import (
    PathType,
    detector_option,
    device_option,
    layer_option,
    model_option,
    quiet_option,
    rate_option,
    smooth_option,
    start_number_option,
    verbose_option,
)
from facevid.cli.terminal import print_line
from facevid.errors import OutputError, reason
from facevid.options import ComputeOptions, TrackingOptions

MAX_PORT = 65535
"""Largest port number."""


@click.command()
@click.argument("source", metavar="IN", type=PathType())
@click.option(
    "--port", type=click.IntRange(0, MAX_PORT), default=0, metavar="N", help="Port of the page.  [default: a free one]"
)
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.  [default: browser]")
@model_option
@start_number_option
@rate_option
@layer_option
@detector_option
@smooth_option
@device_option
@quiet_option
@verbose_option
def command(
    source: Path,
    *,
    port: int,
    browser: bool,
    model: str | None,
    start_number: int | None,
    rate: Fraction | None,
    layer: str | None,
    detector: Any,
    smooth: float,
    device: str,
    quiet: bool,
) -> None:
    """Choose strengths by eye: a page with the frames of IN, a slider for each attribute, and the command for it.

    The page is served to this machine only, at http://127.0.0.1, until Ctrl-C. The first start analyses IN, and keeps
    the result for the next one. Pictures are reduced to 1280 pixels.

    \b
    Examples:
      facevid preview in.mp4
      facevid preview plate.####.exr --no-browser --port 8000   # on a remote machine, with ssh -L 8000:127.0.0.1:8000
    """
    from facevid.analysis.analysis import Analysis
    from facevid.faces.landmarks import choose_detector
    from facevid.models.load import load_model
    from facevid.preview.server import PreviewServer
    from facevid.preview.session import PreviewSession
    from facevid.utils.device import choose_device
    from facevid.video import open_clip

    clip = open_clip(source, rate, start_number, layer)
    chosen_device, progress = choose_device(device), StageProgress(quiet)
    loaded = load_model(model, chosen_device)
    choice = choose_detector(detector, chosen_device)
    tracking_options = TrackingOptions(detector, smooth=smooth)
    # The session does not keep the analysis, which holds frames in memory.
    analysis = Analysis(clip, choice.detector, tracking_options, progress)
    session = PreviewSession(clip, analysis, loaded, ComputeOptions(device), progress)
    del analysis
    arguments = {"--model": model, "--start-number": start_number, "--rate": rate, "--layer": layer}
    arguments |= {"--detector": None if detector == "auto" else detector}
    arguments |= {"--smooth": None if smooth == TrackingOptions.smooth else f"{smooth:g}"}
    options = [word for name, value in arguments.items() if value is not None for word in (name, str(value))]
    try:
        server = PreviewServer(session, source, options, port)
    except OSError as error:
        raise OutputError(f"port {port} cannot be opened: {reason(error).lower()}; choose another --port") from error
    print_line(server.address)
    if browser:
        webbrowser.open(server.address)
    server.serve()
