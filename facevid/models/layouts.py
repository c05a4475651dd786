"""Layouts of the published weights files: the kind of a file is detected from its keys, and the file is split."""

import argparse
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from facevid.edits.attributes import CELEBA, Attribute, attribute_in, attribute_of
from facevid.errors import ModelError
from facevid.models.weights import METADATA, read_weights

NetworkKind = Literal["generator", "encoder", "appearance", "occlusion", "classifier", "tuned"]
"""Kinds of networks. "appearance" (an appearance model), "occlusion", and "tuned" (the difference that tuning adds to a
generator) exist in facevid's own layouts only."""

EditorKind = Literal["transformer", "shared", "direction", "ganspace"]
"""Kinds of editors; "shared" (one latent transformer for several attributes) exists in facevid's own layout only."""

AVERAGE = "latent_avg"
"""Key of the average code, (L, D) with an encoder and (D,) with a generator."""

ATTRIBUTES = "attributes"
"""Key of a shared transformer's attributes, int64 (A,), indices among CelebA's."""

DIRECTION = "direction"
"""Key of a direction's tensor, (1 or L, D)."""

FEATURE_STYLE = "feature-style"
"""Type of the Feature-Style encoder, whose tensors differ from those of the W+ encoders of `ENCODER_TYPES`."""

FEATURE_STYLE_KEY = "content_layer.1.weight"
"""Tensor that only the Feature-Style encoder has."""

ENCODER_TYPES = {"GradualStyleEncoder": "psp", "Encoder4Editing": "e4e"}
"""Values of `opts.encoder_type` for the two W+ encoders, which cannot be distinguished by their tensors."""

_KINDS: dict[str, NetworkKind | EditorKind] = {
    "dense.0.weight": "transformer",
    "analysis.0.weight": "shared",
    "to_hidden.weight": "occlusion",
    "shape.basis": "appearance",
    "fcs.0.weight": "classifier",
    "input.input": "generator",
    "input_layer.0.weight": "encoder",
    FEATURE_STYLE_KEY: "encoder",
    DIRECTION: "direction",
    "comp": "ganspace",
}
"""Kind of a network or editor, by a tensor that only this kind has."""

_MAX_LAYERS = 64
"""Largest plausible number of layers of a code; StyleGAN2 at 1024 px has 18."""

_MAX_WIDTH = 4096
"""Largest plausible width of a code; StyleGAN2 has 512."""

_FLAT_ROW = 512
"""Width of one layer in the directions published with the Feature-Style encoder, of flattened codes, (1, 18 x 512)."""

_FLAT_STEP = 15.0
"""Full strength of these directions, in their own lengths: the step of the program that they were published with."""


@dataclass(frozen=True)
class Part:
    """One network or editor, with its tensors under their published names.

    Attributes:
        kind: what it is.
        tensors: state dict; that of an encoder or a generator may also contain `latent_avg`.
        source: file that it was read from.
        encoder: "psp", "e4e" or "feature-style" for an encoder.
        attribute: attribute of a transformer or direction, None if unknown.
    """

    kind: NetworkKind | EditorKind
    tensors: dict[str, Tensor] = field(repr=False)
    source: Path
    encoder: str | None = None
    attribute: Attribute | None = None


def read_parts(path: Path) -> list[Part]:
    """Read a published weights file, or a file of a bundle, and split it into parts.

    Raises:
        ModelError: the file cannot be read safely, or contains no known network.
    """
    content = read_weights(path)
    if isinstance(content, Tensor):
        tensors = {DIRECTION: _direction(path, content)}
        return [Part("direction", tensors, path, attribute=_direction_attribute(path))]
    if not isinstance(content, dict):
        raise ModelError(f"{path}: contains neither tensors nor a state dict; use a published file")
    if isinstance(content.get("state_dict"), dict):
        return _encoder_file(path, _tensors(content["state_dict"]), content.get(AVERAGE), content.get("opts"))
    if isinstance(content.get("g_ema"), dict):
        average = content.get(AVERAGE)
        extra = {AVERAGE: average.flatten()} if isinstance(average, Tensor) else {}
        return [Part("generator", _tensors(content["g_ema"]) | extra, path)]
    return _flat_file(path, _tensors(content), content.get(METADATA))


def shared_attributes(part: Part) -> tuple[Attribute, ...]:
    """Return the attributes of a shared transformer.

    Raises:
        ModelError: they are not indices of CelebA's attributes, or one of them occurs twice.
    """
    tensor = part.tensors.get(ATTRIBUTES)
    indices = tensor.tolist() if tensor is not None and tensor.dtype == torch.int64 and tensor.ndim == 1 else []
    if not indices or len(set(indices)) != len(indices) or not set(indices) <= set(range(len(CELEBA))):
        raise ModelError(f"{part.source}: its attributes are not valid; train it again, or use the file as it was")
    return tuple(Attribute(CELEBA[index]) for index in indices)


def plain_name(path: Path) -> str:
    """Return a file's name without extensions, as words joined by dashes: `tnet_31.pth.tar` gives `tnet-31`."""
    return re.sub(r"[^a-z0-9]+", "-", path.name.lower().split(".")[0]).strip("-")


def _transformer_attribute(path: Path) -> Attribute | None:
    """Parse the attribute from the file name `tnet_<CelebA index>`; the published files do not contain it."""
    match = re.match(r"tnet_(\d{1,2})(?!\d)", path.name)
    return Attribute(CELEBA[int(match[1])]) if match and int(match[1]) < len(CELEBA) else None


def _direction_attribute(path: Path) -> Attribute:
    return attribute_in(path.name) or attribute_of(plain_name(path))


def _tensors(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}


def _flat_file(path: Path, tensors: dict[str, Tensor], metadata: Any) -> list[Part]:
    """Split a file whose state dict is not nested."""
    if any(key.startswith("encoder.") for key in tensors):
        return _encoder_file(path, tensors, tensors.pop(AVERAGE, None), metadata)
    kind = next((kind for key, kind in _KINDS.items() if key in tensors), None)
    match kind:
        case "transformer":
            return [Part(kind, tensors, path, attribute=_transformer_attribute(path))]
        case "encoder":
            encoder_type = FEATURE_STYLE if FEATURE_STYLE_KEY in tensors else (metadata or {}).get("encoder")
            return [Part(kind, tensors, path, encoder=encoder_type)]
        case "direction":
            direction = {DIRECTION: _direction(path, tensors[DIRECTION])}
            return [Part(kind, direction, path, attribute=_direction_attribute(path))]
        case "ganspace" if "std" in tensors:
            components = {"comp": _components(path, tensors), "std": tensors["std"].flatten()}
            return [Part(kind, components, path)]
        case "shared" | "occlusion" | "appearance" | "classifier" | "generator":
            return [Part(kind, tensors, path)]
    keys = ", ".join(list(tensors)[:3]) or "no tensors"
    raise ModelError(f"{path}: not a known network (it contains {keys}); use a published file")


def _encoder_file(path: Path, tensors: dict[str, Tensor], average: Any, options: Any) -> list[Part]:
    """Split a pSp or e4e checkpoint into its encoder and its generator."""
    settings = vars(options) if isinstance(options, argparse.Namespace) else options or {}
    encoder_type = settings.get("encoder_type") if isinstance(settings, dict) else None
    if encoder_type not in ENCODER_TYPES:
        known = " and ".join(ENCODER_TYPES)
        raise ModelError(f"{path}: unsupported encoder_type {encoder_type}; use a checkpoint of a W+ encoder, {known}")
    encoder = {key.removeprefix("encoder."): value for key, value in tensors.items() if key.startswith("encoder.")}
    decoder = {key.removeprefix("decoder."): value for key, value in tensors.items() if key.startswith("decoder.")}
    unknown = [key for key in tensors if not key.startswith(("encoder.", "decoder."))]
    if unknown or not encoder:
        problem = f"unknown tensor {unknown[0]}" if unknown else "no encoder"
        raise ModelError(f"{path}: not a valid encoder checkpoint ({problem}); use a published file")
    if settings.get("start_from_latent_avg", True):
        encoder[AVERAGE] = _average(path, average, encoder)
    parts = [Part("encoder", encoder, path, encoder=ENCODER_TYPES[encoder_type])]
    return [*parts, Part("generator", decoder, path)] if decoder else parts


def with_average(encoder: Part, others: Iterable[Part]) -> Part:
    """Add the average code to a Feature-Style encoder, whose published file does not contain it.

    Args:
        encoder: the encoder. One of another type, or with an average code, is returned as it is.
        others: parts of other files, of which the first one with an average code is used; encoders come first.
    """
    if encoder.encoder != FEATURE_STYLE or AVERAGE in encoder.tensors:
        return encoder
    sources = sorted((part for part in others if AVERAGE in part.tensors), key=lambda part: part.kind != "encoder")
    if not sources:
        return encoder
    average = sources[0].tensors[AVERAGE]
    if average.ndim == 1:
        layers = sum(re.fullmatch(r"styles\.\d+\.weight", key) is not None for key in encoder.tensors)
        average = average.expand(layers, -1)
    return replace(encoder, tensors=encoder.tensors | {AVERAGE: average})


def _average(path: Path, average: Any, encoder: dict[str, Tensor]) -> Tensor:
    layers = sum(key.startswith("styles.") and key.endswith(".linear.weight") for key in encoder)
    if not isinstance(average, Tensor) or average.ndim not in (1, 2, 3) or average.shape[-1] > _MAX_WIDTH:
        raise ModelError(f"{path}: latent_avg, the average code, is missing or has a wrong shape; use a published file")
    rows = average.reshape(-1, average.shape[-1])
    if rows.shape[0] not in (1, layers):
        raise ModelError(
            f"{path}: latent_avg has {rows.shape[0]} layers, but the encoder {layers}; use a published file"
        )
    return rows.expand(layers, -1)


def _direction(path: Path, tensor: Tensor) -> Tensor:
    """Return a direction as (1, D) or (L, D), from (D,), (1, D), (L, D), (1, L, D) or a flattened (1, L x 512)."""
    shape = tuple(tensor.shape)
    if len(shape) == 2 and shape[0] == 1 and shape[1] > _MAX_WIDTH and shape[1] % _FLAT_ROW == 0:
        return _direction(path, _FLAT_STEP * tensor.reshape(-1, _FLAT_ROW))
    valid_rank = len(shape) in (1, 2) or (len(shape) == 3 and shape[0] == 1)
    if not valid_rank or not tensor.is_floating_point() or not 2 <= shape[-1] <= _MAX_WIDTH:
        raise ModelError(
            f"{path}: not a direction ({tensor.dtype} of shape {shape}); "
            "use a floating-point array of shape (1, D), (L, D), (1, L, D) or (1, L x 512)"
        )
    rows = tensor.reshape(-1, shape[-1])
    if not 1 <= rows.shape[0] <= _MAX_LAYERS:
        raise ModelError(f"{path}: a direction of {rows.shape[0]} layers, not 1 to {_MAX_LAYERS}; use a published file")
    if not torch.isfinite(rows).all():
        raise ModelError(f"{path}: the direction contains numbers that are not finite; export it again")
    return rows


def _components(path: Path, tensors: dict[str, Tensor]) -> Tensor:
    """Return GANSpace's components as (K, 1 or L, D)."""
    components, count = tensors["comp"], tensors["std"].numel()
    if components.ndim not in (2, 3) or components.shape[0] != count or not 1 <= count <= _MAX_WIDTH:
        shape = tuple(components.shape)
        raise ModelError(
            f"{path}: components of shape {shape} do not match {count} standard deviations; export them again"
        )
    return components.reshape(count, -1, components.shape[-1])
