"""Completion records: the inputs and the files of a result. A result is complete if the state in its record is "done".

The record of `RESULTS/day1/a010.mov` is `RESULTS/.facevid/day1/a010.mov.json`, an object:

    schema_version  1; increases when the meaning of a field changes; other versions are not read
    state           "started" before the shot is edited, "done" after all its files are in place
    process         host and process that edit or edited it
    inputs          everything that the result depends on, see `Inputs`
    outputs         for each output ("result", "compare", "layers") its path and the size and time of each file
    summary         see `Summary`; null before the shot is done
"""

import hashlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from facevid.errors import OutputError, printable, reason
from facevid.utils.atomic_output import MAX_NAME_BYTES, sync_file
from facevid.utils.cache import hash_samples

RECORDS_FOLDER = ".facevid"
"""Folder of the records, in the folder of the results."""

MAX_SAMPLED_FILES = 16
"""Number of files of a sequence whose content is sampled. Sizes and times of all files are compared."""

MAX_RECORD_BYTES = 1 << 26
"""Maximum size of a record, in bytes; a tenth of it suffices for a sequence of 100,000 frames."""

FileTable = dict[str, tuple[int, int]]
"""Size in bytes, and time of change in whole seconds, of files by their names."""


@dataclass(frozen=True)
class Inputs:
    """Everything that a result depends on.

    Attributes:
        source: hash of names, sizes, times and samples of the source's files.
        source_path: absolute path of the source on the machine that made the result; for information, and to recognise
            results of another folder of shots.
        edits: hash of the parsed edits.
        options: options by their names on the command line, as text. The edits are there for information only.
        files: hash of the content of each file that an option names, by option and name: `--edits faces.toml`.
        model: name of the model.
        model_hash: SHA-256 of the model's description, which holds the hashes of its weights; or of its only file.
        version: version of facevid.
    """

    source: str
    source_path: str
    edits: str
    options: Mapping[str, str | Sequence[str]]
    files: Mapping[str, str]
    model: str
    model_hash: str
    version: str

    def differences(self, before: "Inputs") -> list[str]:
        """List what has changed since `before`, each in a few words."""
        texts = ["the source changed"] if self.source != before.source else []
        if self.edits != before.edits:
            old, new = (_edits_text(inputs.options) for inputs in (before, self))
            texts.append(f"{new} (was {old})" if new != old else "the edits changed")
        for name in sorted({*self.options, *before.options} - EDIT_OPTIONS):
            old, new = (_option_text(name, inputs.options.get(name)) for inputs in (before, self))
            if new != old:
                texts.append(f"{new} (was {old})")
        for name in sorted({*self.files, *before.files}):
            if self.files.get(name) != before.files.get(name):
                texts.append(f"{name} changed")
        if (self.model, self.model_hash) != (before.model, before.model_hash):
            names = {before.model, self.model}
            texts.append(
                f"the model {self.model} changed" if len(names) == 1 else f"model {self.model}, not {before.model}"
            )
        if self.version != before.version:
            texts.append(f"made by facevid {before.version}, this is {self.version}")
        return texts


EDIT_OPTIONS = frozenset({"attr", "edits"})
"""Options that hold the edits. `Inputs.edits` is compared instead, for which smile=+1 and smile=1 are equal."""


@dataclass(frozen=True)
class Output:
    """One output of a shot.

    Attributes:
        path: relative to the folder of the results.
        files: its files.
    """

    path: str
    files: FileTable


@dataclass(frozen=True)
class Summary:
    """Summary of an edit, for logs.

    Attributes:
        frames: number of frames written.
        edited: number of frames in which a face was edited.
        faces: number of edited faces, summed over all frames.
        copied: whether the shot was copied without an edit, as it has no face.
        detector: the landmark detector; empty if the shot was copied.
        warnings: losses in the result, and settings that are probably mistakes.
        seconds: duration of the edit, in seconds.
    """

    frames: int
    edited: int = 0
    faces: int = 0
    copied: bool = False
    detector: str = ""
    warnings: Sequence[str] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Record:
    """The content of a record; see the module's docstring."""

    state: Literal["started", "done"]
    inputs: Inputs
    outputs: dict[str, Output] = field(default_factory=dict)
    summary: Summary | None = None
    process: str = field(default_factory=lambda: f"{socket.gethostname()}, process {os.getpid()}")
    schema_version: Literal[1] = 1


def record_path(results: Path, target: Path) -> Path:
    """Return the path of the record of `target`, a file or a pattern below the folder `results`."""
    name = target.name
    if len(os.fsencode(f"{name}.json.new")) > MAX_NAME_BYTES:
        name = (
            name[: MAX_NAME_BYTES // 8] + hashlib.sha256(os.fsencode(name)).hexdigest()
        )  # a character has 4 bytes at most
    return results / RECORDS_FOLDER / target.parent.relative_to(results) / f"{name}.json"


def read_record(path: Path) -> Record | None:
    """Read a record; None if it is missing, damaged, or of another version."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_RECORD_BYTES), type=Record)
    except (OSError, ValueError, RecursionError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Write a record atomically, and wait until it is on the disk.

    Raises:
        OutputError: the record cannot be written.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(msgspec.json.encode(record))
            sync_file(file)
        new.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); free some space") from error


def file_table(paths: Sequence[Path]) -> FileTable:
    """Return size and time of those of the files that exist."""
    table: FileTable = {}
    for path in paths:
        if path.is_file():
            status = path.stat()
            table[printable(path.name)] = status.st_size, int(status.st_mtime)
    return table


def source_hash(paths: Sequence[Path]) -> str:
    """Hash names, sizes and times of all files, and samples of the content of some of them. Raises OSError."""
    digest = hashlib.sha256()
    for path in paths:
        status = path.stat()
        digest.update(repr((path.name, status.st_size, status.st_mtime_ns)).encode())
    step = max(len(paths) // MAX_SAMPLED_FILES, 1)
    for path in [*paths[::step], paths[-1]]:
        digest.update(hash_samples(path).encode())
    return digest.hexdigest()


def _edits_text(options: Mapping[str, str | Sequence[str]]) -> str:
    return " ".join(_option_text(name, options[name]) for name in sorted(EDIT_OPTIONS) if options.get(name))


def _option_text(name: str, value: str | Sequence[str] | None) -> str:
    """Write an option as on a command line."""
    if value is None:
        return f"no --{name}"
    values = [value] if isinstance(value, str) else value
    return printable(" ".join(f"--{name} {each}" for each in values))
