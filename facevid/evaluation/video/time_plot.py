"""A plot of the measures of an edit over time."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from facevid.evaluation.video.edit_measures import EditEvaluation
from facevid.utils.atomic_output import atomic_path

SUFFIXES = (".png", ".svg", ".pdf")
"""Extensions of plots."""

PANELS = (
    ("flicker", "flicker added\n(of 255)"),
    ("shake", "shake\n(1/1000 of the crop)"),
    ("lips_edited", "lip gap\n(dashed: source)"),
    ("identity_similarity", "identity to\nthe source (cosine)"),
    ("tl_id", "TL-ID"),
    ("psnr_outside", "PSNR outside\nthe faces (dB)"),
)
"""Attribute of `OverTime`, and label, of each panel."""

WIDTH = 9.0
"""Width of the plot in inches."""

PANEL_HEIGHT = 1.6
"""Height of a panel in inches."""


def write_time_plot(path: Path, evaluation: EditEvaluation, title: str) -> None:
    """Plot each measure over time, with a curve for each track.

    Args:
        path: a .png, .svg or .pdf.
        evaluation: the measures.
        title: printed above the plot.

    Raises:
        OutputError: the file cannot be written.
    """
    figure = Figure(figsize=(WIDTH, PANEL_HEIGHT * len(PANELS)), layout="constrained")
    axes = figure.subplots(len(PANELS), 1, sharex=True)
    for axis, (name, label) in zip(axes, PANELS, strict=True):
        axis.set_ylabel(label, fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
        for number, track in enumerate(evaluation.tracks):
            over_time, colour = track.over_time, f"C{track.person % 10}"
            is_first = all(each.person != track.person for each in evaluation.tracks[:number])
            axis.plot(
                over_time.time,
                np.asarray(getattr(over_time, name)),
                color=colour,
                linewidth=1,
                label=f"person {track.person}" if is_first else None,
            )
            if name == "lips_edited":
                axis.plot(over_time.time, over_time.lips_source, color=colour, linewidth=1, linestyle="--")
    axes[0].set_title(title, fontsize=9)
    axes[0].legend(fontsize=8, loc="upper right")
    axes[-1].set_xlabel("seconds", fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=120)
