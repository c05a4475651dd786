"""A plot of the comparison of editors, as SVG: one row of panels for each attribute."""

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from facevid.evaluation.editor_comparison import CurvePoint
from facevid.utils.atomic_output import atomic_path

COLOURS = {"transformer": "#1f6fb4", "direction": "#d9822b", "ganspace": "#5a9e4b"}
"""Colour of the curve of each method."""

MEASURES = {"preserved": "other attributes", "identity": "identity"}
"""What each measure of `CurvePoint` is called in the title of its panel."""

SIDE = 2.7
"""Side of a panel with its labels, in inches."""


def write_plot(path: Path, points: Sequence[CurvePoint]) -> None:
    """Plot the preservation of attributes (left) and identity (right) over the fraction of changed codes.

    Raises:
        OutputError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    attributes = list(dict.fromkeys(point.attribute for point in points))
    figure = Figure((len(MEASURES) * SIDE, len(attributes) * SIDE), layout="constrained")
    rows = figure.subplots(len(attributes), len(MEASURES), sharex=True, sharey=True, squeeze=False)
    curves: dict[str, Line2D] = {}
    for attribute, row in zip(attributes, rows, strict=True):
        for (measure, name), axes in zip(MEASURES.items(), row, strict=True):
            axes.set(xlim=(0, 1), ylim=(0, 1.02))
            axes.set_title(f"{attribute}: {name} kept", fontsize="medium")
            for method, colour in COLOURS.items():
                selected = [point for point in points if (point.attribute, point.method) == (attribute, method)]
                curve = sorted(((point.changed, getattr(point, measure)) for point in selected), key=itemgetter(0))
                if curve:
                    x, y = zip((0.0, 1.0), *curve, strict=True)
                    name_in_svg = f"{attribute}-{measure}-{method}"
                    (curves[method],) = axes.plot(x, y, ".-", color=colour, gid=name_in_svg, clip_on=False)
    figure.supxlabel("share changed", fontsize="medium")
    figure.legend(curves.values(), curves.keys(), loc="outside upper left", ncols=len(COLOURS), frameon=False)
    # Text stays text, and equal points give an equal file.
    with atomic_path(path) as temporary, rc_context({"svg.fonttype": "none", "svg.hashsalt": "facevid"}):
        figure.savefig(temporary, format="svg", metadata={"Date": None})
