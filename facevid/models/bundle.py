"""Bundles: a folder with the description of a model, `bundle.json`, and its weights as safetensors files.

The structures below are the contents of `bundle.json`; msgspec checks the type and the range of each field.
"""

import hashlib
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from facevid.edits.attributes import Attribute
from facevid.errors import ModelError, reason
from facevid.models.layouts import EditorKind, NetworkKind, Part
from facevid.models.model import Settings
from facevid.models.store import BUNDLE_FILE, locate
from facevid.models.weights import METADATA, read_weights
from facevid.options import Detail

SCHEMA = 1
"""Version of `bundle.json`."""

Size = Annotated[int, Meta(ge=1, le=16384)]
"""A number of pixels, layers or components; bounded so that a damaged file cannot exhaust the memory."""


class FileRecord(Struct, frozen=True, kw_only=True):
    """A file's name, size in bytes and SHA-256 in hexadecimal."""

    file: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file or self.file.startswith(".") or "\\" in self.file:
            raise ValueError(f"{self.file!r} is not a plain file name")


class NetworkRecord(FileRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A network of a bundle: its file and kind, and for an encoder "psp", "e4e" or "feature-style"."""

    kind: NetworkKind
    encoder: str | None = None
    attribute: ClassVar[None] = None


class EditorRecord(FileRecord, frozen=True, kw_only=True, omit_defaults=True):
    """An editor of a bundle: its file and kind, and for a transformer or direction its attribute.

    `names`, the attributes of a shared transformer, are a copy of those in its file.

    `index`, the attribute's index in CelebA, is written for readers of the file and not read.
    """

    kind: EditorKind = msgspec.field(name="method")
    name: str | None = None
    index: int | None = None
    sign: int | None = None
    names: tuple[str, ...] | None = None
    encoder: ClassVar[None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in ("ganspace", "shared") and (self.name is None or self.sign not in (-1, 1)):
            raise ValueError(f"a {self.kind} needs a name, and a sign of 1 or -1")

    @property
    def attribute(self) -> Attribute | None:
        """Attribute of a transformer or direction."""
        return None if self.name is None or self.sign is None else Attribute(self.name, self.sign)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All attributes of the editor; none for components."""
        return tuple(map(Attribute, self.names or ())) if self.attribute is None else (self.attribute,)


class BaseRecord(Struct, frozen=True, kw_only=True):
    """The model that a tuned model differs from: its name, or its path, and the SHA-256 of its generator's file."""

    name: str
    sha256: str


class Bundle(Struct, frozen=True, kw_only=True):
    """The contents of `bundle.json`.

    Attributes:
        resolution: side of a generated face in pixels, None without a generator.
        crop_size: side of the encoder's input in pixels, None without an encoder.
        layers: number of layers of a code.
        width: numbers in each layer of a code.
        alignment: see `Settings`.
        detail: see `Settings`.
        edit_layers: first and last layer that latent transformers edit.
        licence: licence of the weights, as text.
        networks: all networks.
        editors: all editors.
        sources: published files that the bundle was imported from.
        base: for a model that is tuned to a shot, the model that all its other parts come from.
    """

    schema: int = SCHEMA
    resolution: Size | None
    crop_size: Size | None
    layers: Size
    width: Size
    alignment: Literal["ffhq"]
    detail: Detail
    edit_layers: tuple[int, int]
    licence: str
    networks: tuple[NetworkRecord, ...]
    editors: tuple[EditorRecord, ...] = msgspec.field(name="attributes")
    sources: tuple[FileRecord, ...]
    base: BaseRecord | UnsetType = UNSET

    def __post_init__(self) -> None:
        first, last = self.edit_layers
        if not 0 <= first <= last < self.layers:
            raise ValueError(f"edit_layers are {first}-{last} of {self.layers}")

    @property
    def settings(self) -> Settings:
        """Defaults and licence of the model."""
        first, last = self.edit_layers
        return Settings(range(first, last + 1), self.detail, self.alignment, self.licence)

    @property
    def parts(self) -> tuple[NetworkRecord | EditorRecord, ...]:
        """Networks and editors."""
        return self.networks + self.editors


class _Version(Struct):
    schema: int


def record_file(path: Path) -> FileRecord:
    """Return the name, size and hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRecord(file=path.name, bytes=path.stat().st_size, sha256=digest)


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write `bundle.json`."""
    (folder / BUNDLE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(bundle), indent=2) + b"\n")


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
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=_Version).schema
        if version != SCHEMA:
            raise ModelError(
                f"{path}: schema version {version}, but this version of facevid reads {SCHEMA}; "
                "import the weights again"
            )
        return msgspec.json.decode(content, type=Bundle)
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: not a model, {BUNDLE_FILE} is missing; import the weights again") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: damaged ({reason(error)}); import the weights again") from error


def read_bundle_parts(folder: Path, bundle: Bundle) -> list[Part]:
    """Open a bundle's weights, memory-mapped; those of a tuned model are added to its base.

    Raises:
        ModelError: a file is missing or its hash differs, or a tuned model's base is missing or another one.
    """
    parts = [_read_part(folder, part) for part in bundle.parts]
    return parts if isinstance(bundle.base, UnsetType) else _with_base(folder, parts, bundle.base)


def base_folder(bundle: Bundle) -> Path | None:
    """Return the folder of the base of a tuned model, else None. Raises ModelError if it does not exist."""
    return None if isinstance(bundle.base, UnsetType) else locate(bundle.base.name)


def _with_base(folder: Path, parts: list[Part], base: BaseRecord) -> list[Part]:
    """Return the parts of the base, with the difference added to the generator."""
    try:
        base_path = locate(base.name)
        bundle = read_bundle(base_path)
    except ModelError as error:
        raise ModelError(f"{folder}: tuned from the model {base.name}, which cannot be read: {error}") from error
    generator = next((part for part in bundle.parts if part.kind == "generator"), None)
    if generator is None or generator.sha256 != base.sha256 or not isinstance(bundle.base, UnsetType):
        raise ModelError(f"{folder}: the generator of {base.name} is not the one it was tuned from; tune it again")
    tuned = next((part for part in parts if part.kind == "tuned"), None)
    merged = [_read_part(base_path, part) for part in bundle.parts if part.kind != "generator"]
    original = _read_part(base_path, generator).tensors
    difference = tuned.tensors if tuned else {}
    if not difference or any(
        name not in original or original[name].shape != change.shape for name, change in difference.items()
    ):
        raise ModelError(f"{folder}: its tensors do not fit the generator of {base.name}; tune it again")
    tensors = original | {name: original[name].float() + change.float() for name, change in difference.items()}
    return [Part("generator", tensors, folder), *merged]


def _read_part(folder: Path, part: NetworkRecord | EditorRecord) -> Part:
    path = folder / part.file
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"{path}: a link to a file outside the model's folder; import the weights again")
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: not a regular file; import the weights again")
        found = record_file(path)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: circular links
        raise ModelError(f"{path}: cannot be read ({reason(error)}); import the weights again") from error
    if (found.bytes, found.sha256) != (part.bytes, part.sha256):
        raise ModelError(f"{path}: changed since it was imported (its SHA-256 differs); import the weights again")
    content = read_weights(path)
    if not isinstance(content, dict) or METADATA not in content:
        raise ModelError(f"{path}: not a safetensors file; import the weights again")
    tensors = {key: value for key, value in content.items() if key != METADATA}
    return Part(part.kind, tensors, path, part.encoder, part.attribute)
