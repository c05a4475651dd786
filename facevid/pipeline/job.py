"""The workspace of an edit, and the key of everything that its segments depend on."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from facevid.analysis.analysis import VERSION
from facevid.edits.edit_file import FaceEdits
from facevid.models.store import locate
from facevid.options import EditOptions, EngineOptions
from facevid.utils.cache import file_key
from facevid.utils.workspace import Workspace
from facevid.video import ClipInfo
from facevid.video.writer.writer import result_folder


def job_workspace(
    target: Path, info: ClipInfo, edits: Sequence[FaceEdits], options: EditOptions, mattes: Sequence[Path] = ()
) -> Workspace:
    """Return the workspace of an edit.

    It lies beside the result, where all workers can write. Its segments are valid only for the same source, edits,
    options, mattes, model and version of facevid, but for any number of workers, engine and signature. Each range of
    `write_frames` has a workspace of its own, so that several ranges can be rendered at the same time.

    Args:
        target: the result.
        info: properties of the source.
        edits: edits of its faces.
        options: all other settings.
        mattes: files of the mattes.

    Raises:
        ModelError: the model does not exist.
    """
    relevant = dataclasses.replace(
        options, overwrite=False, sign=None, engine=EngineOptions(segment=options.engine.segment)
    )
    files = [*info.files, *mattes, *_model_files(options.model), *_paths((relevant, [*edits]))]
    depends_on = {
        "version": version("facevid"),
        "analysis": VERSION,
        "edits": repr([*edits]),
        "options": repr(relevant),
        "target": str(target.resolve()),
        "files": _digest(files),
    }
    folder = result_folder(target, info) if options.preview_frame is None else target.parent
    return Workspace(target, folder, depends_on, options.part)


def _model_files(name: str | None) -> list[Path]:
    path = locate(name)
    return sorted(path.rglob("*")) if path.is_dir() else [path]


def _paths(value: object) -> Iterator[Path]:
    """Yield the paths of existing files in options, such as a reference picture."""
    if isinstance(value, Path):
        if value.is_file():
            yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _paths(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _paths(each)


def _digest(files: Sequence[Path]) -> str:
    keys: list[Any] = [file_key(path) for path in files if path.is_file()]
    return hashlib.sha256(repr(keys).encode()).hexdigest()
