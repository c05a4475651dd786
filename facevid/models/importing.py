"""Importing published weights files, in any combination, as one bundle in the store."""

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import torch
from msgspec import structs
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from facevid.edits.attributes import attribute_of
from facevid.errors import ModelError, OutputError, UsageError
from facevid.models.assemble import assemble, code_shape, default_settings
from facevid.models.bundle import (
    BaseRecord,
    Bundle,
    EditorRecord,
    FileRecord,
    NetworkRecord,
    base_folder,
    read_bundle,
    read_bundle_parts,
    record_file,
    write_bundle,
)
from facevid.models.layouts import AVERAGE, Part, read_parts, shared_attributes, with_average
from facevid.models.model import Settings
from facevid.models.store import BUNDLE_FILE, folder_of, locate, stored_names
from facevid.options import Detail

MAX_FLOAT16 = 65504.0
"""Largest finite number in float16."""

REPLACING_KINDS = {"generator", "encoder", "appearance", "occlusion"}
"""Kinds of parts that replace the part of the same kind in other files, if their file contains nothing else."""

NAMED_KINDS = ("transformer", "direction")
"""Kinds of parts of which a model may have one for each attribute."""


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import.

    Attributes:
        attributes: attributes of the transformers and directions, in the order of their files: either of all of them,
            or only of those whose file name contains none.
        edit_layers: layers that transformers edit, None for the encoder's default.
        detail: see `Settings`; None for its default.
        licence: licence of the weights, as text.
        half: store matrices and filters in float16, which halves the size; vectors stay float32.
        overwrite: replace a model of the same name.
    """

    attributes: tuple[str, ...] = ()
    edit_layers: range | None = None
    detail: Detail | None = None
    licence: str | None = None
    half: bool = False
    overwrite: bool = False


def import_model(files: Sequence[Path | str], name: str, options: ImportOptions | None = None) -> Path:
    """Import published weights files as one model of the store.

    The kind of each file is detected from its contents. The bundle is created completely or not at all.

    Args:
        files: weights files. One may be a model of the store, to which the others are added; its settings are kept
            unless `options` change them. A file with only a generator, encoder, appearance model or occlusion network
            replaces that network in the other files. A transformer or direction replaces the model's one for its
            attribute, a shared transformer those of its attributes. A Feature-Style encoder takes the average code of
            the other files.
        name: name of the model in the store.
        options: how to import, None for the defaults.

    Returns:
        The bundle's folder.

    Raises:
        UsageError: the name is invalid or taken, or a transformer's attribute is not known.
        ModelError: a file is damaged, unsafe or of an unknown kind, or the files do not fit each other.
        OutputError: the store cannot be written.
    """
    options = options or ImportOptions()
    folder = folder_of(name)
    if folder.exists() and not options.overwrite:
        raise UsageError(f"{folder}: a model of this name exists; choose another --name, or add --overwrite")
    paths = [locate(str(file)) for file in files]
    bundles = [read_bundle(path) for path in paths if path.is_dir()]
    parts = _read_all_parts(paths, options.attributes)
    settings = _settings(parts, options, bundles[0].settings if bundles else None)
    with _staged(folder) as staging:
        sources = [source for bundle in bundles for source in bundle.sources]
        sources += [record_file(path) for path in paths if path.is_file()]
        write_bundle(staging, _write(staging, parts, settings, tuple(sources), options.half))
    return folder


def write_tuned(name: str, base: str, difference: Mapping[str, Tensor], extra: Mapping[str, bytes]) -> Path:
    """Write the difference of a tuned generator from its base, in float16, as a model. Replaces a model of that name.

    Args:
        name: name of the model in the store.
        base: name in the store, or path, of the base: a bundle with a generator.
        difference: tensors that tuning has added to those of the generator, by name.
        extra: contents of other files of the bundle, by name.

    Returns:
        The bundle's folder.

    Raises:
        OutputError: the store cannot be written.
    """
    folder, base_path = folder_of(name), locate(base)
    bundle = read_bundle(base_path)
    generator = next(part for part in bundle.parts if part.kind == "generator")
    reference = base if base in stored_names() else str(base_path.resolve())
    with _staged(folder) as staging:
        path = staging / "tuned.safetensors"
        _save_part(path, Part("tuned", dict(difference), path), half=True)
        for file, content in extra.items():
            (staging / file).write_bytes(content)
        record = NetworkRecord(**structs.asdict(record_file(path)), kind="tuned")
        base_record = BaseRecord(name=reference, sha256=generator.sha256)
        write_bundle(staging, structs.replace(bundle, networks=(record,), editors=(), sources=(), base=base_record))
    return folder


def _settings(parts: list[Part], options: ImportOptions, existing: Settings | None) -> Settings:
    """Return the settings of the new model: those of an existing model, else the defaults, changed by the options."""
    layers, _ = code_shape(parts)
    settings = existing or default_settings(parts, layers)
    edit_layers = options.edit_layers or settings.edit_layers
    if edit_layers.stop > layers:
        raise UsageError(
            f"--edit-layers {edit_layers.start}-{edit_layers.stop - 1}: the model has only layers 0-{layers - 1}"
        )
    return replace(
        settings,
        edit_layers=edit_layers,
        detail=options.detail or settings.detail,
        licence=options.licence or settings.licence,
    )


def _read_all_parts(paths: list[Path], names: tuple[str, ...]) -> list[Part]:
    """Read the parts of all files and models, without those that other files replace.

    Args:
        paths: weights files, and folders of models.
        names: attributes of the transformers and directions, see `ImportOptions`.

    Raises:
        UsageError: an attribute is unknown, or there are two parts of one kind.
        ModelError: a file is damaged, unsafe or of an unknown kind.
    """
    per_file = [read_bundle_parts(path, read_bundle(path)) if path.is_dir() else read_parts(path) for path in paths]
    replaced_kinds = {parts[0].kind for parts in per_file if len(parts) == 1} & REPLACING_KINDS
    parts = [part for parts in per_file for part in parts if len(parts) == 1 or part.kind not in replaced_kinds]
    folders = {path for path in paths if path.is_dir()}
    folders |= {base for path in folders if (base := base_folder(read_bundle(path))) is not None}
    parts = [with_average(part, chain.from_iterable(per_file)) if part.kind == "encoder" else part for part in parts]
    parts = _without_replaced_editors(_name_editors(parts, names), folders)
    _check_duplicates(parts)
    return parts


def _check_duplicates(parts: list[Part]) -> None:
    """Raise UsageError if there are two networks of one kind, or two editors of one kind and attribute."""
    by_key: dict[tuple[str, str], Part] = {}
    for part in parts:
        key = _part_key(part)
        if key in by_key:
            label = f"{part.kind} {part.attribute.everyday}" if part.attribute else part.kind
            raise UsageError(f"{part.source}: a second {label} besides {by_key[key].source}; leave one of them out")
        by_key[key] = part


def _without_replaced_editors(parts: list[Part], folders: set[Path]) -> list[Part]:
    """Drop the editors of the models in `folders` that an editor in a separate file replaces.

    A shared transformer replaces another one, and the transformers of its attributes.
    """
    in_files = {_part_key(part) for part in parts if part.source.parent not in folders and part.kind in NAMED_KINDS}
    for part in parts:
        if part.kind == "shared" and part.source.parent not in folders:
            in_files |= {_part_key(part), *(("transformer", attribute.name) for attribute in shared_attributes(part))}
    return [part for part in parts if part.source.parent not in folders or _part_key(part) not in in_files]


def _part_key(part: Part) -> tuple[str, str]:
    return part.kind, part.attribute.name if part.attribute else ""


def _name_editors(parts: list[Part], names: tuple[str, ...]) -> list[Part]:
    """Assign the names of --as to all editors, or if there are fewer names, to those without an attribute."""
    editors = [part for part in parts if part.kind in NAMED_KINDS]
    unnamed = [part for part in editors if part.attribute is None]
    to_name = editors if len(names) == len(editors) else unnamed
    if unnamed and not names:
        raise UsageError(f"{unnamed[0].source}: its attribute is not known; give it, for example --as smile")
    if len(names) != len(to_name):
        raise UsageError(f"{len(names)} --as for {len(editors)} transformers and directions; give one for each")
    name_of = dict(zip((id(part) for part in to_name), names, strict=True))
    return [replace(part, attribute=attribute_of(name_of[id(part)])) if id(part) in name_of else part for part in parts]


def _write(folder: Path, parts: list[Part], settings: Settings, sources: tuple[FileRecord, ...], half: bool) -> Bundle:
    """Check the parts by building the model, then write each to its own file."""
    model = assemble(folder.name, parts, settings, "cpu", "float32")
    records = []
    for part in parts:
        label = f"{part.kind}-{part.attribute.everyday}" if part.attribute else part.kind
        path = folder / f"{label}.safetensors"
        _save_part(path, part, half)
        records.append(_record(path, part))
    return Bundle(
        resolution=model.generator.sizes.resolution if model.generator else None,
        crop_size=model.encoder.sizes.input_size if model.encoder else None,
        layers=model.layers,
        width=model.width,
        alignment=settings.alignment,
        detail=settings.detail,
        edit_layers=(settings.edit_layers.start, settings.edit_layers.stop - 1),
        licence=settings.licence,
        networks=tuple(record for record in records if isinstance(record, NetworkRecord)),
        editors=tuple(record for record in records if isinstance(record, EditorRecord)),
        sources=sources,
    )


def _record(path: Path, part: Part) -> NetworkRecord | EditorRecord:
    """Describe a part and the file that contains it."""
    file, attribute = structs.asdict(record_file(path)), part.attribute
    match part.kind:
        case "transformer" | "shared" | "direction" | "ganspace":
            name, index, sign = (attribute.name, attribute.index, attribute.sign) if attribute else (None, None, None)
            names = tuple(each.name for each in shared_attributes(part)) if part.kind == "shared" else None
            return EditorRecord(**file, kind=part.kind, name=name, index=index, sign=sign, names=names)
        case _:
            return NetworkRecord(**file, kind=part.kind, encoder=part.encoder)


def _save_part(path: Path, part: Part, half: bool) -> None:
    tensors = {name: _to_store(part, name, tensor, half) for name, tensor in part.tensors.items()}
    metadata = {"encoder": part.encoder} if part.encoder else None
    save_file(tensors, path, metadata)
    path.chmod(path.parent.stat().st_mode & 0o666)  # safetensors creates files that only their owner can read


def _to_store(part: Part, name: str, tensor: Tensor, half: bool) -> Tensor:
    """Convert a tensor to the number format that it is stored in. Raises ModelError if it is not finite."""
    if not tensor.is_floating_point():
        return tensor.contiguous()
    tensor = tensor.float().contiguous()
    low, high = torch.aminmax(tensor) if tensor.numel() else (tensor.sum(), tensor.sum())
    if not torch.isfinite(low) or not torch.isfinite(high):
        raise ModelError(f"{part.source}: tensor {name} contains numbers that are not finite; use the published file")
    fits = half and tensor.ndim >= 2 and name != AVERAGE and max(-float(low), float(high)) <= MAX_FLOAT16
    return tensor.half() if fits else tensor


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside the final one, and move it there if no exception is raised."""
    staging = folder.parent / f".{folder.name}-{uuid.uuid4().hex[:8]}"
    try:
        staging.mkdir(parents=True)
        yield staging
        _move_into_place(staging, folder)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{folder}: cannot be written ({error}); check the disk space and permissions") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move_into_place(staging: Path, folder: Path) -> None:
    if not (staging / BUNDLE_FILE).is_file():
        raise OutputError(f"{folder}: the import did not finish; try again")
    if folder.exists():
        old = folder.parent / f".{folder.name}-{uuid.uuid4().hex[:8]}"
        folder.rename(old)
        staging.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(folder)
