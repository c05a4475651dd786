"""Bundles: a folder with the description of a model, `bundle.json`, and its weights as safetensors files."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from facevid.edits.attributes import Attribute
from facevid.errors import ModelError, reason
from facevid.models.layouts import Part
from facevid.models.model import Settings
from facevid.models.store import BUNDLE_FILE
from facevid.models.weights import METADATA, read_weights

SCHEMA = 1
"""Version of `bundle.json`."""

LONGEST_NAME = 255
"""Maximum length of a file name in bytes, a limit of file systems."""

NETWORKS = ("generator", "encoder", "appearance", "occlusion", "classifier")
"""Kinds of parts under the key `networks` of `bundle.json`."""

EDITORS = ("transformer", "direction", "ganspace")
"""Kinds of parts under the key `attributes` of `bundle.json`."""


@dataclass(frozen=True)
class FileRecord:
    """A file's name, size in bytes and SHA-256 in hexadecimal."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PartRecord:
    """A part of a bundle: its kind, and the file that contains it."""

    kind: str
    record: FileRecord
    encoder: str | None = None
    attribute: Attribute | None = None


@dataclass(frozen=True)
class Bundle:
    """The contents of `bundle.json`.

    Attributes:
        resolution: side of a generated face in pixels, None without a generator.
        crop_size: side of the encoder's input in pixels, None without a pSp or e4e encoder.
        layers: number of layers of a code.
        width: numbers in each layer of a code.
        settings: defaults and licence of the model.
        parts: networks and editors.
        sources: published files that the bundle was imported from.
    """

    resolution: int | None
    crop_size: int | None
    layers: int
    width: int
    settings: Settings
    parts: tuple[PartRecord, ...]
    sources: tuple[FileRecord, ...]


def record_file(path: Path) -> FileRecord:
    """Return the name, size and hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRecord(path.name, path.stat().st_size, digest)


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write `bundle.json`."""
    settings = bundle.settings
    content = {
        "schema": SCHEMA,
        "resolution": bundle.resolution,
        "crop_size": bundle.crop_size,
        "layers": bundle.layers,
        "width": bundle.width,
        "alignment": settings.alignment,
        "detail": settings.detail,
        "edit_layers": [settings.edit_layers.start, settings.edit_layers.stop - 1],
        "licence": settings.licence,
        "networks": [
            {"kind": part.kind} | ({"encoder": part.encoder} if part.encoder else {}) | asdict(part.record)
            for part in bundle.parts
            if part.kind in NETWORKS
        ],
        "attributes": [_editor_entry(part) for part in bundle.parts if part.kind in EDITORS],
        "sources": [asdict(source) for source in bundle.sources],
    }
    (folder / BUNDLE_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_bundle(folder: Path) -> Bundle:
    """Read and check `bundle.json`.

    Raises:
        ModelError: it is missing, damaged, of another schema version, or names files outside its folder.
    """
    path = folder / BUNDLE_FILE
    if folder.is_file():
        raise ModelError(f"{folder}: a file, not an imported model; import it first (facevid models import)")
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: not a regular file; import the weights again")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise ModelError(
                f"{path}: schema version {content['schema']}, but this version of facevid reads {SCHEMA}; "
                "import the weights again"
            )
        return _parse(content)
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: not a model, {BUNDLE_FILE} is missing; import the weights again") from error
    except ModelError:
        raise
    except Exception as error:  # a damaged or hand-made file can fail in any way
        raise ModelError(
            f"{path}: damaged ({type(error).__name__}: {reason(error)}); import the weights again"
        ) from error


def read_bundle_parts(folder: Path, bundle: Bundle) -> list[Part]:
    """Open a bundle's weights, memory-mapped. Raises ModelError if a file is missing or its hash differs."""
    return [_read_part(folder, part) for part in bundle.parts]


def _editor_entry(part: PartRecord) -> dict[str, Any]:
    entry: dict[str, Any] = {"method": part.kind}
    if part.attribute is not None:
        attribute = part.attribute
        entry |= {"name": attribute.name, "index": attribute.index, "sign": attribute.sign}
    return entry | asdict(part.record)


def _parse(content: dict[str, Any]) -> Bundle:
    layers, width = _size(content["layers"]), _size(content["width"])
    first, last = (int(layer) for layer in content["edit_layers"])
    if not 0 <= first <= last < layers:
        raise ValueError(f"edit_layers are {first}-{last} of {layers}")
    if content["detail"] not in ("keep", "replace") or content["alignment"] != "ffhq":
        raise ValueError(f"detail is {content['detail']}, alignment {content['alignment']}")
    settings = Settings(range(first, last + 1), content["detail"], content["alignment"], str(content["licence"]))
    networks = [_part(entry["kind"], NETWORKS, entry) for entry in content["networks"]]
    editors = [_part(entry["method"], EDITORS, entry) for entry in content["attributes"]]
    return Bundle(
        resolution=None if content["resolution"] is None else _size(content["resolution"]),
        crop_size=None if content["crop_size"] is None else _size(content["crop_size"]),
        layers=layers,
        width=width,
        settings=settings,
        parts=(*networks, *editors),
        sources=tuple(_file(entry) for entry in content["sources"]),
    )


def _size(value: Any) -> int:
    if not isinstance(value, int) or not 1 <= value <= 16384:
        raise ValueError(f"{value!r} is not a valid size")
    return value


def _part(kind: str, kinds: tuple[str, ...], entry: dict[str, Any]) -> PartRecord:
    if kind not in kinds:
        raise ValueError(f"unknown kind {kind!r}")
    attribute = None
    if kind in ("transformer", "direction"):
        if entry["sign"] not in (-1, 1):
            raise ValueError(f"sign is {entry['sign']!r}")
        attribute = Attribute(str(entry["name"]), entry["sign"])
    return PartRecord(kind, _file(entry), entry.get("encoder"), attribute)


def _file(entry: dict[str, Any]) -> FileRecord:
    name = str(entry["file"])
    if Path(name).name != name or name.startswith(".") or "\\" in name or len(os.fsencode(name)) > LONGEST_NAME:
        raise ValueError(f"{name!r} is not a plain file name")
    return FileRecord(name, int(entry["bytes"]), str(entry["sha256"]))


def _read_part(folder: Path, part: PartRecord) -> Part:
    path = folder / part.record.file
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"{path}: a link to a file outside the model's folder; import the weights again")
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: not a regular file; import the weights again")
        changed = record_file(path) != part.record
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: circular links
        raise ModelError(f"{path}: cannot be read ({reason(error)}); import the weights again") from error
    if changed:
        raise ModelError(f"{path}: changed since it was imported (its SHA-256 differs); import the weights again")
    content = read_weights(path)
    if not isinstance(content, dict) or METADATA not in content:
        raise ModelError(f"{path}: not a safetensors file; import the weights again")
    tensors = {key: value for key, value in content.items() if key != METADATA}
    return Part(part.kind, tensors, path, part.encoder, part.attribute)
