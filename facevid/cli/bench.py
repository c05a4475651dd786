"""`facevid bench`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from facevid.benchmark import (
    SIZES,
    Benchmark,
    FullSize,
    LoadTime,
    StageSpeed,
    WholeEdit,
    measure_full_size,
    run_benchmark,
)
from facevid.cli.shared_options import (
    PathType,
    device_option,
    json_option,
    model_option,
    precision_option,
    verbose_option,
)
from facevid.cli.terminal import add_row, print_line, print_table
from facevid.errors import UsageError
from facevid.options import ComputeOptions


@click.command()
@click.argument("clip", required=False, type=PathType())
@model_option
@device_option
@precision_option
@click.option(
    "--size",
    type=click.Choice([str(size) for size in SIZES]),
    help="Time StyleGAN2 networks with the published widths and random weights, at this side of the generated face, "
    "instead of a model.",
)
@click.option(
    "--full-size",
    is_flag=True,
    help="Also import and load random weights of the published size; needs 3 GB of disk space and 3 GB of memory.",
)
@json_option
@verbose_option
def command(
    *,
    clip: Path | None,
    model: str | None,
    device: str,
    precision: Any,
    size: str | None,
    full_size: bool,
    as_json: bool,
) -> None:
    """Time every stage of an edit on the first frames of CLIP, which must show a face, and whole edits of it.

    A whole edit is compared with its floor, measured in the same run: decoding once, landmarks once, and encoding.
    Without CLIP, a synthetic clip is used and what needs a face is skipped. Times are medians over a few rounds; on a
    busy machine, shares and ratios are more reliable than times.

    \b
      facevid bench
      facevid bench shot.mp4 --model ffhq --device cuda --precision float16
      facevid bench --size 1024 --precision bfloat16
    """
    if size and model:
        raise UsageError(f"--size {size} replaces the model; leave out --model {model}")
    with Console(stderr=True).status("timing"):
        result = run_benchmark(clip, model, ComputeOptions(device, precision), size=int(size) if size else None)
        full = measure_full_size() if full_size else None
    if as_json:
        click.echo(json.dumps(_as_json(result, full), indent=2))
    else:
        _print(result, full)


def _as_json(result: Benchmark, full: FullSize | None) -> dict[str, Any]:
    stages = [
        asdict(speed) | {"milliseconds": speed.milliseconds, "per_second": speed.per_second} for speed in result.stages
    ]
    source = str(result.source) if result.source else None
    whole = asdict(result.whole) | {"floor_seconds": result.whole.floor_seconds} if result.whole else None
    parts = {"source": source, "stages": stages, "whole": whole, "full_size": asdict(full) if full else None}
    return asdict(result) | parts


def _print(result: Benchmark, full: FullSize | None) -> None:
    table = Table("stage", box=None)
    for heading in ("items", "ms each", "a second", "share", "GFLOP/s", "of roof"):
        table.add_column(heading, justify="right")
    for speed in result.stages:
        add_row(table, *_cells(speed))
    lines = [
        f"{result.source or 'synthetic clip'}: {result.width} x {result.height}, "
        f"median of {result.rounds} rounds; shares count each stage once, but an edit decodes the clip several times",
        f"{result.model} on {result.device} in {result.precision}; "
        + (f"detector {result.detector}" if result.detector else "no face; give a CLIP to time the other stages"),
        f"roof: {result.product_gflops:,.1f} GFLOP/s in a matrix product of size {result.product_size}",
        f"peak memory of the stages: {result.peak_bytes / 1e6:,.0f} MB",
    ]
    if result.loading:
        lines.append(f"loading {result.model}: {_loading(result.loading)}")
    if full:
        lines += [
            f"full size: {full.encoder_parameters / 1e6:,.0f} M encoder parameters; a checkpoint of "
            f"{full.checkpoint_bytes / 1e6:,.1f} MB imported in {full.import_seconds:.1f} s, "
            f"peak memory {full.import_peak_bytes / 1e6:,.0f} MB",
            f"loading it: {_loading(full.loading)}",
        ]
    lines.append("files were in the page cache; the first load from a cold disk takes longer")
    print_table(table)
    if result.whole:
        print_table(_whole_table(result.whole))
        lines.append(
            f"whole edit: {' '.join(result.whole.edits)} of {result.whole.frames} frames, without the start of Python; "
            f"peak memory {result.whole.peak_bytes / 1e6:,.0f} MB"
        )
    for line in lines:
        print_line(line)


def _whole_table(whole: WholeEdit) -> Table:
    table = Table("whole edit", box=None)
    for heading in ("ms a frame", "a second", "of floor"):
        table.add_column(heading, justify="right")
    floor, cached_floor = whole.floor_seconds, whole.decode_seconds + whole.encode_seconds
    rows = [
        ("decode once", whole.decode_seconds, None),
        ("landmarks once", whole.landmarks_seconds, None),
        ("encode once", whole.encode_seconds, None),
        ("floor", floor, None),
        ("edit", whole.first_seconds, whole.first_ratio),
        ("floor, cached", cached_floor, None),
        ("second edit", whole.second_seconds, whole.second_ratio),
    ]
    for name, seconds, ratio in rows:
        cells = (f"{1000 * seconds / whole.frames:,.2f}", f"{whole.frames / seconds:,.1f}")
        add_row(table, name, *cells, "" if ratio is None else f"{ratio:.2f}")
    return table


def _cells(speed: StageSpeed) -> list[str]:
    return [
        speed.stage,
        str(speed.items),
        f"{speed.milliseconds:,.2f}",
        f"{speed.per_second:,.1f}",
        f"{speed.share:.1%}",
        "" if speed.gflops is None else f"{speed.gflops:,.1f}",
        "" if speed.roof_share is None else f"{speed.roof_share:.1%}",
    ]


def _loading(time: LoadTime) -> str:
    return (
        f"{time.load_seconds:.3f} s, {time.ratio:.1f} times as long as reading its "
        f"{time.bytes / 1e6:,.1f} MB ({time.read_seconds:.3f} s)"
    )
