"""Make the task of each shot from the command line of `facevid batch`, `shot.toml` files and tables."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from facevid.batch.shot_options import OptionKind, Options, Value, merge, read_shot_file, read_table
from facevid.batch.shot_record import Inputs
from facevid.batch.shots import Shot, find_shots
from facevid.cli import edit
from facevid.cli.shared_options import PathType
from facevid.edits.attribute_edit import AttributeEdit
from facevid.edits.edit_file import FaceEdits
from facevid.errors import InputError, UsageError, printable, reason
from facevid.options import EditOptions, SigningOptions
from facevid.utils.cache import file_key
from facevid.video.sequence import find_sequence, sequence_name

if TYPE_CHECKING:
    from facevid.batch.shot_state import ShotTask

Edits = Sequence[AttributeEdit] | Sequence[FaceEdits]
"""The values of --attr, or the entries of an edit file."""

SHOT_PLACEHOLDER = "{shot}"
"""Placeholder in options that is replaced by the shot's label."""

OUTPUT_OPTIONS = ("compare", "layers")
"""Options that name an output of one shot; their values must contain {shot}."""

BATCH_ONLY_OPTIONS = ("overwrite", "json", "quiet", "verbose", "help")
"""Options of `facevid edit` that apply to a whole batch."""

OPTIONS_WITHOUT_EFFECT = (
    *BATCH_ONLY_OPTIONS,
    *("device", "batch-size", "workers", "engine", "address", "segment", "threads"),
)
"""Options that do not change a result: a shot is not edited again when they change."""


def make_tasks(
    folder: Path,
    results: Path,
    arguments: Sequence[str],
    table: Path | None,
    *,
    overwrite: bool,
    copy_without_face: bool,
) -> list["ShotTask"]:
    """Find the shots and parse the options of each, before any is edited.

    Args:
        folder: folder of shots.
        results: folder of the results.
        arguments: options of `facevid edit`, for all shots.
        table: CSV file of the shots to edit and their options; None for all shots.
        overwrite: as `ShotTask.overwrite`.
        copy_without_face: as `ShotTask.copy_without_face`.

    Raises:
        click.UsageError, UsageError: an option is invalid, or several shots have the same output.
        InputError: the folder has no shots, or a file of options cannot be read.
        ModelError: there is no such model.
    """
    from facevid.batch.shot_state import ShotTask  # imports torch

    kinds, general = _option_kinds(), _split_options(arguments)
    shots = find_shots(folder, results)
    rows = read_table(table, shots, kinds) if table else {shot.name: Options() for shot in shots}
    chosen = [shot for shot in shots if shot.name in rows]
    for name in OUTPUT_OPTIONS:
        if name in general and SHOT_PLACEHOLDER not in str(general[name]) and len(chosen) > 1:
            raise UsageError(
                f"--{name} {general[name]}: all shots would write to it; put {SHOT_PLACEHOLDER} into the name"
            )
    models = _Models()
    tasks = []
    for shot in chosen:
        options = merge(general, read_shot_file(shot.source.parent, kinds), rows[shot.name])
        texts = {name: _insert_label(value, shot.label) for name, value in options.items()}
        parsed = _parse(shot, texts)
        edits = _with_absolute_pictures(parsed.edits)
        inputs = Inputs(
            source="",  # read when the shot is edited
            source_path="",
            edits=hashlib.sha256(repr([_content(each) for each in edits]).encode()).hexdigest(),
            options=_effective_options(texts, parsed.values),
            files=_named_files(parsed),
            model=printable(parsed.options.model or "bundled"),
            model_hash=models.hash(parsed.options.model),
            version=version("facevid"),
        )
        paths = _with_absolute_paths(parsed.options)
        tasks.append(ShotTask(shot, _absolute(results), edits, paths, inputs, overwrite, copy_without_face))
    return _without_outputs_of_others(tasks)


class _Models:
    """Hashes of models, each read once."""

    def __init__(self) -> None:
        self._hashes: dict[str | None, str] = {}

    def hash(self, name: str | None) -> str:
        """Hash a bundle's description, which holds the hashes of its weights, or the only file of another model."""
        from facevid.models.store import BUNDLE_FILE, locate

        if name not in self._hashes:
            path = locate(name)
            self._hashes[name] = _hash_file(path / BUNDLE_FILE if path.is_dir() else path)
        return self._hashes[name]


def _split_options(arguments: Sequence[str]) -> Options:
    """Split options of `facevid edit` into names and texts, without checking the texts."""
    context = click.Context(edit.command, info_name="facevid edit", parent=click.get_current_context())
    try:
        raw, _, _ = edit.command.make_parser(context).parse_args([*arguments])
    except click.UsageError as error:
        error.ctx = click.get_current_context()  # its usage is that of `facevid batch`
        raise
    if isinstance(raw.get("source"), str):  # the first argument that is not an option
        raise UsageError(f'unexpected argument "{raw["source"]}"; give one folder SHOTS and one folder OUT')
    values = {name: raw.get(option.name or "") for name, option in _edit_options().items()}
    texts = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return {name: value for name, value in texts.items() if isinstance(value, str | bool | tuple)}


def _edit_options() -> dict[str, click.Option]:
    """Return the options of `facevid edit` by their long names without dashes."""
    options = [param for param in edit.command.params if isinstance(param, click.Option)]
    return {max(option.opts, key=len).lstrip("-"): option for option in options}


def _option_kinds() -> dict[str, OptionKind]:
    """Return what each option of a shot takes."""
    return {
        name: OptionKind(option.multiple or option.nargs > 1, option.is_flag, isinstance(option.type, PathType))
        for name, option in _edit_options().items()
        if name not in BATCH_ONLY_OPTIONS
    }


def _insert_label(value: Value, label: str) -> Value:
    if isinstance(value, tuple):
        return tuple(each.replace(SHOT_PLACEHOLDER, label) for each in value)
    return value.replace(SHOT_PLACEHOLDER, label) if isinstance(value, str) else value


def _parse(shot: Shot, options: Options) -> edit.EditArguments:
    """Parse the options of a shot as a command line of `facevid edit`; errors name the shot."""
    arguments = []
    for name, value in options.items():
        option = _edit_options()[name]
        if isinstance(value, tuple) and option.nargs > 1:
            arguments += [f"--{name}", *value]
        elif isinstance(value, bool):
            arguments += [option.opts[-1]] if value else option.secondary_opts[-1:]
        else:
            arguments += [f"--{name}={each}" for each in (value if isinstance(value, tuple) else (value,))]
    try:
        parsed = edit.parse_arguments([*arguments, "--", str(shot.source), str(shot.target)])
        if parsed.options.write_frames or parsed.options.preview_frame is not None:
            raise UsageError("--write-frames and --preview-frame write a part of one shot; use facevid edit for it")
        return parsed
    except click.UsageError as error:
        raise UsageError(f"{shot.name}: {error.format_message()}") from error
    except UsageError as error:
        raise UsageError(f"{shot.name}: {error}") from error


def _content(edits: AttributeEdit | FaceEdits) -> AttributeEdit | FaceEdits:
    """Return edits without the names of files: a picture is one of the named files."""
    if isinstance(edits, AttributeEdit):
        return edits
    return replace(edits, origin="", faces="largest" if isinstance(edits.faces, Path) else edits.faces)


def _effective_options(texts: Options, values: dict[str, Any]) -> dict[str, str | list[str]]:
    """Return all options that can change a result, also those that were not given, as text."""
    effective: dict[str, str | list[str]] = {}
    for name, option in _edit_options().items():
        value, text = values.get(option.name or ""), texts.get(name)
        if name in OPTIONS_WITHOUT_EFFECT or name == "model" or value is None or value == () or value is False:
            continue
        if isinstance(value, Path) and name not in OUTPUT_OPTIONS:
            effective[name] = printable(value.name)  # its content is hashed
        elif name == "sign":
            effective[name] = [printable(path.name) for path in value]
        elif isinstance(text, tuple):
            effective[name] = [printable(each) for each in text]
        else:
            effective[name] = printable(str(value if text is None else text))
    return effective


def _named_files(parsed: edit.EditArguments) -> dict[str, str]:
    """Hash the files that options and edits name, by what names them."""
    names = {option.name: name for name, option in _edit_options().items()}
    paths = {
        f"--{names[name]} {value.name}": value
        for name, value in parsed.values.items()
        if isinstance(value, Path) and name in names and names[name] not in OUTPUT_OPTIONS
    }
    if parsed.options.sign:
        certificate = parsed.options.sign.certificate
        paths[f"--sign {certificate.name}"] = certificate
    pictures = [each.faces for each in parsed.edits if isinstance(each, FaceEdits) and isinstance(each.faces, Path)]
    paths |= {f"{picture.name} in the edit file": picture for picture in pictures}
    return {printable(text): _hash_files(path) for text, path in paths.items()}


def _hash_files(path: Path) -> str:
    """Hash the content of a file, or the keys of the files of an image sequence."""
    if sequence_name(path) is None and not path.is_dir():
        return _hash_file(path)
    keys = [file_key(each) for each in find_sequence(path).paths()]
    return hashlib.sha256(repr(keys).encode()).hexdigest()


def _hash_file(path: Path) -> str:
    """Hash the content of a file. Raises InputError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error).lower()}; check its name and permissions") from error


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 -- Path.absolute keeps `..`


def _with_absolute_pictures(edits: Edits) -> Edits:
    """Make the paths of pictures of people absolute, for workers on other machines."""
    made = [
        replace(each, faces=_absolute(each.faces))
        if isinstance(each, FaceEdits) and isinstance(each.faces, Path)
        else each
        for each in edits
    ]
    return cast(Edits, made)


def _with_absolute_paths(options: EditOptions) -> EditOptions:
    """Make all paths absolute, for workers on other machines."""
    changes: dict[str, Any] = {
        name: _absolute(value) for name, value in vars(options).items() if isinstance(value, Path)
    }
    if options.model is not None and Path(options.model).exists():
        changes["model"] = str(_absolute(Path(options.model)))
    if isinstance(options.tracking.faces, Path):
        changes["tracking"] = replace(options.tracking, faces=_absolute(options.tracking.faces))
    if options.sign is not None:
        changes["sign"] = SigningOptions(_absolute(options.sign.certificate), _absolute(options.sign.key))
    mask, holdout = (path and _absolute(path) for path in (options.compositing.mask, options.compositing.holdout))
    changes["compositing"] = replace(options.compositing, mask=mask, holdout=holdout)
    return replace(options, **changes)


def _without_outputs_of_others(tasks: list["ShotTask"]) -> list["ShotTask"]:
    """Leave out clips that are comparisons of other shots.

    Raises:
        UsageError: two shots have the same output, or one is written over another.
    """
    writers: dict[str, str] = {}
    for task in tasks:
        for path in task.outputs.values():
            other = writers.setdefault(os.path.realpath(path), str(task.shot.name))
            if other != str(task.shot.name):
                raise UsageError(f"{task.shot.name} and {other} would both be written to {path}; rename one of them")
    remaining = [task for task in tasks if os.path.realpath(task.shot.source) not in writers]
    for task in tasks:
        if task not in remaining and os.path.realpath(task.shot.source) == os.path.realpath(task.shot.target):
            raise UsageError(f"{task.shot.target} is a shot; choose another folder for the results")
    return remaining
