"""Import: from any mix of published files to one bundle in the store."""

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from facevid.edits.attributes import attribute_of
from facevid.errors import ModelError, OutputError, UsageError
from facevid.models.assemble import assemble, code_shape, default_settings
from facevid.models.bundle import (
    Bundle,
    FileRecord,
    PartRecord,
    read_bundle,
    read_bundle_parts,
    record_file,
    write_bundle,
)
from facevid.models.layouts import AVERAGE, Part, read_parts
from facevid.models.model import Settings
from facevid.models.store import BUNDLE_FILE, folder_of, locate
from facevid.options import Detail

HALF_MAX = 65504.0
REPLACING = {"generator", "appearance", "occlusion"}
"""What a file of its own replaces."""
EDITORS = ("transformer", "direction")
"""Kinds of parts of which a model has one for each attribute."""


@dataclass(frozen=True)
class ImportOptions:
    """How to import.

    Attributes:
        attributes: names for the transformers and directions, in the order of their files: for all of them, or for
            those whose file's name tells none.
        edit_layers: layers that transformers move, None for the rule that suits the encoder.
        detail: see `Settings`; None for its default.
        licence: the weights' terms, in words.
        half: keep matrices and filters in float16, which halves the size; vectors stay float32.
        overwrite: replace a model of the same name.
    """

    attributes: tuple[str, ...] = ()
    edit_layers: range | None = None
    detail: Detail | None = None
    licence: str | None = None
    half: bool = False
    overwrite: bool = False


def import_model(files: Sequence[Path | str], name: str, options: ImportOptions | None = None) -> Path:
    """Import published files, told apart by content, as the model `name` of the store; return its folder.

    The bundle appears whole or not at all. One of the files may be a model of the store, to which the others are added,
    and whose settings stay where none are given. A file of a generator or an occlusion network alone replaces
    that inside an encoder's file or a model, and an editor that of its kind and attribute inside a model.

    Raises:
        UsageError: the name is taken or no name; a transformer's attribute is not known.
        ModelError: a file is damaged, unsafe or of no known kind, or files do not fit each other.
        OutputError: the store cannot be written.
    """
    options = options or ImportOptions()
    folder = folder_of(name)
    if folder.exists() and not options.overwrite:
        raise UsageError(f"{folder}: a model of this name is there; choose another --name, or add --overwrite")
    paths = [locate(str(file)) for file in files]
    bundles = [read_bundle(path) for path in paths if path.is_dir()]
    parts = _gather(paths, options.attributes)
    settings = _settings(parts, options, bundles[0].settings if bundles else None)
    with _staged(folder) as staging:
        sources = [source for bundle in bundles for source in bundle.sources]
        sources += [record_file(path) for path in paths if path.is_file()]
        write_bundle(staging, _write(staging, parts, settings, tuple(sources), options.half))
    return folder


def _settings(parts: list[Part], options: ImportOptions, known: Settings | None) -> Settings:
    layers, _ = code_shape(parts)
    if known is None:
        known = default_settings(parts, layers)
    edit_layers = options.edit_layers or known.edit_layers
    if edit_layers.stop > layers:
        raise UsageError(f"edit layers {edit_layers.start}-{edit_layers.stop - 1}: the model has 0-{layers - 1}")
    return replace(
        known,
        edit_layers=edit_layers,
        detail=options.detail or known.detail,
        licence=options.licence or known.licence,
    )


def _gather(paths: list[Path], names: tuple[str, ...]) -> list[Part]:
    per_file = [read_bundle_parts(path, read_bundle(path)) if path.is_dir() else read_parts(path) for path in paths]
    alone = {parts[0].kind for parts in per_file if len(parts) == 1} & REPLACING
    parts = [p for parts in per_file for p in parts if not (len(parts) > 1 and p.kind in alone)]
    folders = {path for path in paths if path.is_dir()}
    parts = _newest_editors(_name_editors(parts, names), folders)
    seen: dict[tuple[str, str], Part] = {}
    for part in parts:
        key = _key(part)
        if key in seen:
            what = f"{part.kind} {part.attribute.everyday}" if part.attribute else part.kind
            raise UsageError(f"{part.source}: a second {what} beside {seen[key].source}; leave one of them out")
        seen[key] = part
    return parts


def _newest_editors(parts: list[Part], folders: set[Path]) -> list[Part]:
    """Leave out the editors of models, which lie in these folders, that a file brings anew."""
    brought = {_key(part) for part in parts if part.source.parent not in folders and part.kind in EDITORS}
    return [part for part in parts if part.source.parent not in folders or _key(part) not in brought]


def _key(part: Part) -> tuple[str, str]:
    return part.kind, part.attribute.name if part.attribute else ""


def _name_editors(parts: list[Part], names: tuple[str, ...]) -> list[Part]:
    editors = [part for part in parts if part.kind in EDITORS]
    unnamed = [part for part in editors if part.attribute is None]
    given = editors if len(names) == len(editors) else unnamed
    if unnamed and not names:
        raise UsageError(f"{unnamed[0].source}: holds no attribute's name; say which it moves, for example --as smile")
    if len(names) != len(given):
        raise UsageError(f"{len(names)} --as for {len(editors)} transformers and directions; give one for each")
    chosen = dict(zip((id(part) for part in given), names, strict=True))
    return [replace(part, attribute=attribute_of(chosen[id(part)])) if id(part) in chosen else part for part in parts]


def _write(folder: Path, parts: list[Part], settings: Settings, sources: tuple[FileRecord, ...], half: bool) -> Bundle:
    """Check the parts by building the model, then write each to a file of its own, one at a time."""
    model = assemble(folder.name, parts, settings, "cpu", "float32")
    records = []
    for part in parts:
        label = f"{part.kind}-{part.attribute.everyday}" if part.attribute else part.kind
        path = folder / f"{label}.safetensors"
        _save(path, part, half)
        records.append(PartRecord(part.kind, record_file(path), part.encoder, part.attribute))
    return Bundle(
        resolution=model.generator.sizes.resolution if model.generator else None,
        crop_size=model.encoder.sizes.input_size if model.encoder else None,
        layers=model.layers,
        width=model.width,
        settings=settings,
        parts=tuple(records),
        sources=sources,
    )


def _save(path: Path, part: Part, half: bool) -> None:
    tensors = {name: _stored(part, name, tensor, half) for name, tensor in part.tensors.items()}
    metadata = {"encoder": part.encoder} if part.encoder else None
    save_file(tensors, path, metadata)
    path.chmod(path.parent.stat().st_mode & 0o666)  # safetensors makes files that their owner alone can read


def _stored(part: Part, name: str, tensor: Tensor, half: bool) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.contiguous()
    tensor = tensor.float().contiguous()
    low, high = torch.aminmax(tensor) if tensor.numel() else (tensor.sum(), tensor.sum())
    if not torch.isfinite(low) or not torch.isfinite(high):
        raise ModelError(f"{part.source}: tensor {name} holds numbers that are not finite; use the published file")
    fits = half and tensor.ndim >= 2 and name != AVERAGE and max(-float(low), float(high)) <= HALF_MAX
    return tensor.half() if fits else tensor


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill beside the final one, and move it there when all went well."""
    staging = folder.parent / f".{folder.name}-{uuid.uuid4().hex[:8]}"
    try:
        staging.mkdir(parents=True)
        yield staging
        _swap(staging, folder)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{folder}: cannot be written ({error}); see to space and permissions") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, folder: Path) -> None:
    if not (staging / BUNDLE_FILE).is_file():
        raise OutputError(f"{folder}: the import did not finish; try again")
    if folder.exists():
        old = folder.parent / f".{folder.name}-{uuid.uuid4().hex[:8]}"
        folder.rename(old)
        staging.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(folder)
