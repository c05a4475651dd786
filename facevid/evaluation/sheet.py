"""A figure of edits of one face: each attribute over a range of strengths, and all attributes one after another.

Every cell is one frame of a sequence that repeats the picture, with a keyframe on each frame: one run of `edit_video`
makes all cells, with the same result as an edit of the picture alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from facevid.edits.attribute_edit import MAX_STRENGTH
from facevid.errors import InputError, NoFaceError, UsageError
from facevid.evaluation.face_features import to_pictures
from facevid.faces.alignment import crop, ffhq_quad, quad_side
from facevid.faces.landmarks import choose_detector
from facevid.models import load_model
from facevid.networks import Generator, truncate
from facevid.options import ComputeOptions, EditOptions, TrackingOptions
from facevid.pipeline import edit_video
from facevid.utils.atomic_output import atomic_path, check_destination
from facevid.utils.device import choose_device
from facevid.utils.progress import Progress, no_progress
from facevid.video import open_clip

SUFFIXES = (".png", ".jpg", ".pdf")
"""Extensions of figures."""

DEFAULT_CELL_SIDE = 256
"""Side of a cell in pixels, unless the user chooses another."""

MAX_CELLS = 200
"""Maximum number of cells, so that the labels stay legible on a page."""

SQUARE_SCALE = 1.15
"""Side of the square that a cell shows, in sides of the FFHQ crop; shows the chin and the hairline."""

GAP = 6
"""Distance between cells in pixels."""

LABEL_HEIGHT = 22
"""Height of the label above each cell in pixels."""

FONT_SCALE = 0.65
"""Font size, in label heights."""

TRUNCATION = 0.7
"""Truncation of the random code of a synthetic face, as in the figures of StyleGAN2."""

AVERAGE_SAMPLES = 1000
"""Number of random codes whose mean is the centre of the truncation."""


@dataclass(frozen=True)
class StrengthRange:
    """Strengths of one attribute, evenly spaced from the first to the last."""

    attribute: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One row of the figure: a label and a picture (S, S, 3), uint8 RGB, for each cell."""

    cells: tuple[tuple[str, NDArray[np.uint8]], ...]


def parse_range(text: str) -> StrengthRange:
    """Parse NAME=FROM:TO:COUNT, such as smile=-1:1:5, or NAME=VALUE for one cell. Raises UsageError."""
    number = r"[+-]?\d{1,3}(?:\.\d{1,6})?"
    match = re.fullmatch(rf"\s*([^=\s]+)=({number})(?::({number}):(\d{{1,3}}))?\s*", text)
    if match is None:
        raise UsageError(f'"{text}" is not of the form NAME=FROM:TO:COUNT, such as smile=-1:1:5')
    first, last, count = float(match[2]), float(match[3] or match[2]), int(match[4] or 1)
    if max(abs(first), abs(last)) > MAX_STRENGTH:
        raise UsageError(f'"{text}": strengths range from -{MAX_STRENGTH:g} to {MAX_STRENGTH:g}')
    if count < 1 or (count == 1 and first != last):
        raise UsageError(f'"{text}": give at least 2 cells for a range')
    return StrengthRange(match[1], tuple(float(value) for value in np.linspace(first, last, count)))


def write_sheet(
    source: Path,
    out: Path,
    ranges: Sequence[StrengthRange],
    *,
    frame: int | None = None,
    model: str | None = None,
    compute: ComputeOptions = ComputeOptions(),  # noqa: B008 -- immutable
    cell: int = DEFAULT_CELL_SIDE,
    in_sequence: bool = True,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> None:
    """Write a figure of the largest face of a picture, or of one frame of a video or sequence.

    Args:
        source: a still, a video or an image sequence.
        out: a .png, .jpg or .pdf.
        ranges: one row each.
        frame: frame number, as in `EditOptions.frames`; None is the first frame. Ignored for a still.
        model: a name in the store, or a path; None is the bundled model.
        compute: device, precision and batch size.
        cell: side of a cell in pixels.
        in_sequence: begin each row with the source; with two or more ranges, a last row applies them one after another
            at their last strengths.
        overwrite: replace an existing `out`.
        progress: reports each stage.

    Raises:
        UsageError, InputError, NoFaceError, ModelError, OutputError: as `edit_video`.
    """
    check_destination(out, source, SUFFIXES, overwrite)
    cell_strengths = _strengths(ranges, in_sequence)
    picture = _picture(source, frame)
    options = EditOptions(model, TrackingOptions(smooth=0), compute)
    edited = _edited(picture, ranges, cell_strengths, options, progress)
    quad = _quad(picture, source)
    rows, columns = _square(quad, picture.shape)
    size = (cell, cell)
    cells = [cv2.resize(each[rows, columns], size, interpolation=cv2.INTER_AREA) for each in (picture, *edited)]
    leading = [("source", cells[0]), *_reconstruction(picture, quad, model, compute, cell)] if in_sequence else []
    _save(_grid(_rows(ranges, leading, cells[1:], in_sequence), cell), out)


def write_synthetic_sheet(
    seed: int,
    out: Path,
    ranges: Sequence[StrengthRange],
    *,
    model: str | None,
    compute: ComputeOptions = ComputeOptions(),  # noqa: B008 -- immutable
    cell: int = DEFAULT_CELL_SIDE,
    overwrite: bool = False,
) -> None:
    """Write a figure of a synthetic face, which the model generates from a random code.

    Nothing is composited: each cell is generated from the edited code.

    Args:
        seed: of the random numbers.
        model: a model with a StyleGAN2 generator, whose mapping network is trained.

    The other arguments are those of `write_sheet`.

    Raises:
        UsageError: the model generates no faces, or the edits are invalid.
        ModelError, OutputError: as `edit_video`.
    """
    check_destination(out, None, SUFFIXES, overwrite)
    cell_strengths = _strengths(ranges, in_sequence=True)
    loaded = load_model(model, choose_device(compute.device), compute.precision)
    if loaded.generator is None:
        raise UsageError(
            f"--seed: the model {loaded.name} has no generator to draw a synthetic face; give a picture as IN, or a "
            "StyleGAN2 model with --model"
        )
    code = _random_code(loaded.generator, seed, loaded.device)
    codes = torch.cat([code, *(loaded.edit(code, strengths) for strengths in cell_strengths)])
    size = (cell, cell)
    cells = [
        np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_AREA), np.uint8)
        for each in torch.split(codes, compute.batch_size)
        for face in to_pictures(loaded.generate(each))
    ]
    _save(_grid(_rows(ranges, [(f"seed {seed}", cells[0])], cells[1:], in_sequence=True), cell), out)


@torch.no_grad()
def _random_code(generator: Generator, seed: int, device: torch.device) -> Tensor:
    """Return a random code (1, L, D), truncated."""
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(1 + AVERAGE_SAMPLES, generator.sizes.width, generator=random).to(device)
    w = generator.map(z)
    code = truncate(w[:1], w[1:].mean(dim=0), TRUNCATION)
    return code[:, None].expand(-1, generator.sizes.layers, -1).clone()


def _strengths(ranges: Sequence[StrengthRange], in_sequence: bool) -> list[dict[str, float]]:
    """List the strengths of each edited cell: the rows one after another, then those of the sequence, if it is drawn.

    Raises:
        UsageError: there are none, or more than `MAX_CELLS`.
    """
    if not ranges:
        raise UsageError("no attribute given: add at least one --attr, such as --attr smile=-1:1:5")
    cell_strengths = [{each.attribute: value} for each in ranges for value in each.values]
    if in_sequence and len(ranges) > 1:
        cell_strengths += [
            {each.attribute: each.values[-1] for each in ranges[: count + 1]} for count in range(len(ranges))
        ]
    if len(cell_strengths) > MAX_CELLS:
        raise UsageError(f"{len(cell_strengths)} cells are more than {MAX_CELLS}: give fewer strengths")
    return cell_strengths


def _picture(source: Path, number: int | None) -> NDArray[np.uint8]:
    clip = open_clip(source)
    is_first = number is None or clip.info.is_still
    for frame in clip.frames():
        if is_first or frame.index + clip.info.first_number == number:
            return frame.rgb()
    raise InputError(f"{source} has no frame {number}; choose another --frame")


def _edited(
    picture: NDArray[np.uint8],
    ranges: Sequence[StrengthRange],
    cell_strengths: Sequence[dict[str, float]],
    options: EditOptions,
    progress: Progress,
) -> list[NDArray[np.uint8]]:
    edits = []
    for attribute in dict.fromkeys(each.attribute for each in ranges):
        keys = ",".join(
            f"{strengths.get(attribute, 0.0):.6f}@{index}" for index, strengths in enumerate(cell_strengths)
        )
        edits.append(f"{attribute}={keys}")
    with TemporaryDirectory(prefix="facevid-sheet-") as folder:
        repeated = Path(folder) / "in"
        repeated.mkdir()
        encoded = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
        for index in range(len(cell_strengths)):
            (repeated / f"cell.{index:04d}.png").write_bytes(encoded)
        result = Path(folder) / "out" / "cell.%04d.png"
        result.parent.mkdir()
        edit_video(repeated / "cell.%04d.png", result, edits, options, progress)
        return [frame.rgb() for frame in open_clip(result).frames()]


def _quad(picture: NDArray[np.uint8], source: Path) -> NDArray[np.float64]:
    faces = choose_detector("auto", "cpu").detector.detect(picture)
    if not faces:
        raise NoFaceError(f"{source}: no face found in the picture; choose another picture, or another --frame")
    quads = [ffhq_quad(face.landmarks) for face in faces]
    return max(quads, key=lambda quad: float(np.linalg.norm(quad[3] - quad[0])))


def _square(quad: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return rows and columns of the upright square around the face, shifted to lie within the picture."""
    height, width = shape[:2]
    side = min(round(SQUARE_SCALE * float(quad_side(quad))), height, width)
    left, top = np.rint(quad.mean(axis=0) - side / 2).astype(int)
    left, top = min(max(left, 0), width - side), min(max(top, 0), height - side)
    return slice(top, top + side), slice(left, left + side)


def _reconstruction(
    picture: NDArray[np.uint8], quad: NDArray[np.float64], model: str | None, compute: ComputeOptions, cell: int
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Return the face reconstructed from its code; an empty list for models that cannot generate faces."""
    loaded = load_model(model, choose_device(compute.device), compute.precision)
    if loaded.generator is None or loaded.encoder is None:
        return []
    face = crop(picture, quad, loaded.crop_size)[None]
    codes = loaded.encode(face)
    (pixels,) = to_pictures(loaded.generate(codes, loaded.feature_residual(face, codes)))
    return [("reconstruction", cv2.resize(pixels, (cell, cell), interpolation=cv2.INTER_AREA).astype(np.uint8))]


def _rows(
    ranges: Sequence[StrengthRange],
    leading: list[tuple[str, NDArray[np.uint8]]],
    cells: Sequence[NDArray[np.uint8]],
    in_sequence: bool,
) -> list[Row]:
    remaining = iter(cells)
    rows = [
        Row((*leading, *((f"{each.attribute} {value:+g}" if value else "0", next(remaining)) for value in each.values)))
        for each in ranges
    ]
    if in_sequence and len(ranges) > 1:
        rows.append(
            Row((*leading, *((f"then {each.attribute} {each.values[-1]:+g}", next(remaining)) for each in ranges)))
        )
    return rows


def _grid(rows: Sequence[Row], cell: int) -> Image.Image:
    columns = max(len(row.cells) for row in rows)
    step = cell + GAP
    sheet = Image.new("RGB", (columns * step + GAP, len(rows) * (step + LABEL_HEIGHT) + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL_HEIGHT * FONT_SCALE)
    for line, row in enumerate(rows):
        for column, (label, picture) in enumerate(row.cells):
            left, top = GAP + column * step, GAP + line * (step + LABEL_HEIGHT)
            draw.text((left + cell / 2, top + LABEL_HEIGHT / 2), label, fill="black", font=font, anchor="mm")
            sheet.paste(Image.fromarray(picture), (left, top + LABEL_HEIGHT))
    return sheet


def _save(sheet: Image.Image, out: Path) -> None:
    with atomic_path(out) as temporary:
        sheet.save(temporary, quality=95)
