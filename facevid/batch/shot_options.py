"""Options of single shots: the file `shot.toml` beside a shot, and the CSV table of `--table`.

Options have their names on the command line, without dashes. A `shot.toml` applies to all shots in its folder:

    attr = ["smile=+0.6", "age=-0.3"]
    face = [0, 2]
    frames = "1001-1100"

or it is an edit file as `--edits` takes it, with entries [[face]]. A table has a line for each shot to edit:

    shot,attr,frames,face
    day1/a010,smile=+0.6 age=-0.3,1001-1100,"0,2"
"""

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facevid.batch.shots import Shot
from facevid.errors import InputError, UsageError, reason

SHOT_FILE = "shot.toml"
"""Name of the file of options beside a shot."""

SHOT_COLUMN = "shot"
"""Column of a table with the name of the shot."""

MAX_FILE_BYTES = 1 << 24
"""Maximum size of a file of options, in bytes: enough for a table of a hundred thousand shots."""

Value = str | bool | tuple[str, ...]
"""Value of an option as text; True or False of a flag; several values of a repeated option."""

Options = dict[str, Value]
"""Options by their names on the command line, without dashes."""


@dataclass(frozen=True)
class OptionKind:
    """Kind of value that an option of the command line takes.

    Attributes:
        repeats: whether it takes several values.
        is_flag: whether it takes no value.
        is_path: whether its value is the path of a file or folder.
    """

    repeats: bool = False
    is_flag: bool = False
    is_path: bool = False


_SINGLE_VALUE = OptionKind()


def read_shot_file(folder: Path, kinds: Mapping[str, OptionKind]) -> Options:
    """Read `shot.toml` in a folder; return no options if there is none. Paths are relative to the folder.

    Raises:
        InputError: the file cannot be read.
        UsageError: the file is not TOML, or has an unknown key or a wrong kind of value.
    """
    path = folder / SHOT_FILE
    text = _read(path) if path.exists() else ""
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {reason(error)}; correct that line") from error
    faces = content.get("face")
    if isinstance(faces, list) and any(isinstance(entry, dict) for entry in faces):
        return {"edits": str(path)}  # it is an edit file, with entries [[face]]
    return {name: _option(name, value, kinds, path) for name, value in content.items()}


def read_table(path: Path, shots: Sequence[Shot], kinds: Mapping[str, OptionKind]) -> dict[Path, Options]:
    """Read a CSV table; return the options of each shot, by its name. Paths are relative to the folder of the table.

    Raises:
        InputError: the file cannot be read.
        UsageError: it has no column `shot`, an unknown column or shot, or lists a shot twice.
    """
    lines = _read(path).splitlines()
    has_semicolons = bool(lines) and ";" in lines[0] and "," not in lines[0]  # as spreadsheets write in many countries
    separator = ";" if has_semicolons else ","
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path} is not a valid CSV file: {reason(error)}; save it again as CSV") from error
    header = [name.strip() for name in rows[0]] if rows else []
    if SHOT_COLUMN not in header:
        raise UsageError(f"{path} has no column {SHOT_COLUMN}; its first line must be such as shot,attr,frames,face")
    table: dict[Path, Options] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=False) if cell.strip()}
        if len(row) > len(header):
            raise UsageError(f"{path}, line {number}: more cells than columns; put quotes around cells with commas")
        if cells:
            shot = _find_shot(cells.pop(SHOT_COLUMN, ""), shots, f"{path}, line {number}")
            if shot in table:
                raise UsageError(f"{path}, line {number}: {shot} is listed twice; keep one line for each shot")
            values = {
                name: cell.split() if kinds.get(name, _SINGLE_VALUE).repeats else cell for name, cell in cells.items()
            }
            table[shot] = {name: _option(name, value, kinds, path) for name, value in values.items()}
    return table


def merge(general: Options, *specific: Options) -> Options:
    """Replace options by those of one shot. `edits` also replaces `attr` and `face`, and `attr` replaces `edits`."""
    merged = dict(general)
    for options in specific:
        excluded = {"attr", "face"} if "edits" in options else {"edits"} if "attr" in options else set()
        merged = {name: value for name, value in merged.items() if name not in excluded} | options
    return merged


def _option(name: str, value: Any, kinds: Mapping[str, OptionKind], path: Path) -> Value:
    """Check an option in the file `path`, and make paths relative to the file absolute."""
    kind = kinds.get(name)
    if kind is None:
        raise UsageError(f'{path}: unknown option "{name}"; use {", ".join(kinds)}')
    if kind.is_flag:
        if str(value).lower() not in ("true", "false"):
            raise UsageError(f"{path}: {name} must be true or false")
        return str(value).lower() == "true"
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in values):
        raise UsageError(f"{path}: {name} must be a text, a number, or a list of these")
    texts = tuple(_absolute(name, str(each), kind, path.parent) for each in values)
    return texts if kind.repeats else ",".join(texts)


def _absolute(name: str, text: str, kind: OptionKind, folder: Path) -> str:
    """Make the path in an option absolute: a file or folder, a picture of a person, or a curve of strengths."""
    attribute, _, rest = text.partition("=") if name == "attr" else ("", "", text)
    try:
        is_file = (folder / rest).is_file()
    except (OSError, ValueError):  # the text is not a path
        return text
    if not kind.is_path and not (is_file and name in ("face", "attr")):
        return text
    return f"{attribute}={folder / rest}" if name == "attr" else str(folder / rest)


def _find_shot(name: str, shots: Sequence[Shot], origin: str) -> Path:
    """Find a shot by its name, or by its label if only one shot has it."""
    found = [shot.name for shot in shots if str(shot.name) == name] or [s.name for s in shots if s.label == name]
    if not found:
        raise UsageError(
            f'{origin}: there is no shot "{name}"; write its name as below SHOTS, such as {shots[0].label}'
        )
    if len(found) > 1:
        raise UsageError(f'{origin}: "{name}" can be {" or ".join(map(str, found))}; write the whole name')
    return found[0]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise UsageError(
                f"{path} is larger than {MAX_FILE_BYTES >> 20} MB, so it is not a file of options; check its name"
            )
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error).lower()}; check its name and permissions") from error
