"""Telling the published files apart by their keys and shapes, and taking them to pieces."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facevid.edits.attributes import CELEBA, Attribute, attribute_in, attribute_of
from facevid.errors import ModelError
from facevid.models.weights import METADATA, read_weights

AVERAGE = "latent_avg"
"""The key of the average code, (L, D) beside an encoder and (D,) beside a generator."""
DIRECTION = "direction"
ENCODER_TYPES = {"GradualStyleEncoder": "psp", "Encoder4Editing": "e4e"}
"""What `opts.encoder_type` calls the two encoders that write W+; nothing else tells them apart."""
_MAX_LAYERS, _MAX_WIDTH = 64, 4096


@dataclass(frozen=True)
class Part:
    """One network, or one direction, with its tensors as the published file names them.

    Attributes:
        kind: "generator", "encoder", "classifier", "transformer", "direction" or "ganspace"; or of facevid's own,
            "appearance" (an appearance model) or "occlusion" (an occlusion network).
        tensors: state dict; an encoder's and a generator's may hold `latent_avg` too.
        source: the file it was read from.
        encoder: "psp" or "e4e", for an encoder.
        attribute: what a transformer or a direction moves; None where nothing says.
    """

    kind: str
    tensors: dict[str, Tensor] = field(repr=False)
    source: Path
    encoder: str | None = None
    attribute: Attribute | None = None


def read_parts(path: Path) -> list[Part]:
    """Read a published file, or one of a bundle's, and say what it holds.

    Raises:
        ModelError: it cannot be read safely, or holds none of the networks that are known.
    """
    content = read_weights(path)
    if isinstance(content, Tensor):
        tensors = {DIRECTION: _direction(path, content)}
        return [Part("direction", tensors, path, attribute=_direction_attribute(path))]
    if not isinstance(content, dict):
        raise ModelError(f"{path}: holds neither tensors nor a state dict; use a published file")
    if isinstance(content.get("state_dict"), dict):
        return _encoder_file(path, _tensors(content["state_dict"]), content.get(AVERAGE), content.get("opts"))
    if isinstance(content.get("g_ema"), dict):
        average = content.get(AVERAGE)
        extra = {AVERAGE: average.flatten()} if isinstance(average, Tensor) else {}
        return [Part("generator", _tensors(content["g_ema"]) | extra, path)]
    return _flat_file(path, _tensors(content), content.get(METADATA))


def plain_name(path: Path) -> str:
    """Return a file's name without its endings, as words: `tnet_31.pth.tar` gives `tnet-31`."""
    return re.sub(r"[^a-z0-9]+", "-", path.name.lower().split(".")[0]).strip("-")


def _transformer_attribute(path: Path) -> Attribute | None:
    """Take the attribute from the name `tnet_<CelebA index>`, the only place where the published files say it."""
    match = re.match(r"tnet_(\d{1,2})(?!\d)", path.name)
    return Attribute(CELEBA[int(match[1])]) if match and int(match[1]) < len(CELEBA) else None


def _direction_attribute(path: Path) -> Attribute:
    return attribute_in(path.name) or attribute_of(plain_name(path))


def _tensors(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}


def _flat_file(path: Path, tensors: dict[str, Tensor], metadata: Any) -> list[Part]:
    if any(key.startswith("encoder.") for key in tensors):
        return _encoder_file(path, tensors, tensors.pop(AVERAGE, None), metadata)
    if "dense.0.weight" in tensors:
        part = Part("transformer", tensors, path, attribute=_transformer_attribute(path))
    elif "to_hidden.weight" in tensors:
        part = Part("occlusion", tensors, path)
    elif "shape.basis" in tensors:
        part = Part("appearance", tensors, path)
    elif "fcs.0.weight" in tensors:
        part = Part("classifier", tensors, path)
    elif "input.input" in tensors:
        part = Part("generator", tensors, path)
    elif "input_layer.0.weight" in tensors:
        part = Part("encoder", tensors, path, encoder=(metadata or {}).get("encoder"))
    elif DIRECTION in tensors:
        direction = {DIRECTION: _direction(path, tensors[DIRECTION])}
        part = Part("direction", direction, path, attribute=_direction_attribute(path))
    elif {"comp", "std"} <= set(tensors):
        part = Part("ganspace", {"comp": _components(path, tensors), "std": tensors["std"].flatten()}, path)
    else:
        keys = ", ".join(list(tensors)[:3]) or "no tensors"
        raise ModelError(f"{path}: none of the known networks (it holds {keys}); use a published file")
    return [part]


def _encoder_file(path: Path, tensors: dict[str, Tensor], average: Any, options: Any) -> list[Part]:
    """Take a pSp or an e4e checkpoint to its encoder and its generator."""
    settings = vars(options) if isinstance(options, argparse.Namespace) else options or {}
    encoder_type = settings.get("encoder_type") if isinstance(settings, dict) else None
    if encoder_type not in ENCODER_TYPES:
        known = " and ".join(ENCODER_TYPES)
        raise ModelError(f"{path}: its encoder_type is {encoder_type}; only {known}, which write W+, are read")
    encoder = {key.removeprefix("encoder."): value for key, value in tensors.items() if key.startswith("encoder.")}
    decoder = {key.removeprefix("decoder."): value for key, value in tensors.items() if key.startswith("decoder.")}
    stray = [key for key in tensors if not key.startswith(("encoder.", "decoder."))]
    if stray or not encoder:
        raise ModelError(f"{path}: not a whole encoder checkpoint ({stray[:1] or 'no encoder'}); use a published file")
    if settings.get("start_from_latent_avg", True):
        encoder[AVERAGE] = _average(path, average, encoder)
    parts = [Part("encoder", encoder, path, encoder=ENCODER_TYPES[encoder_type])]
    return [*parts, Part("generator", decoder, path)] if decoder else parts


def _average(path: Path, average: Any, encoder: dict[str, Tensor]) -> Tensor:
    layers = sum(key.startswith("styles.") and key.endswith(".linear.weight") for key in encoder)
    if not isinstance(average, Tensor) or average.ndim not in (1, 2, 3) or average.shape[-1] > _MAX_WIDTH:
        raise ModelError(f"{path}: its average code (latent_avg) is missing or misshapen; use the published file")
    rows = average.reshape(-1, average.shape[-1])
    if rows.shape[0] not in (1, layers):
        raise ModelError(f"{path}: latent_avg has {rows.shape[0]} layers, its encoder {layers}; use the published file")
    return rows.expand(layers, -1)


def _direction(path: Path, tensor: Tensor) -> Tensor:
    """Return a direction as (1, D) or (L, D), from (D,), (1, D), (L, D) or (1, L, D)."""
    shape = tuple(tensor.shape)
    whole = len(shape) in (1, 2) or (len(shape) == 3 and shape[0] == 1)
    if not whole or not tensor.is_floating_point() or not 2 <= shape[-1] <= _MAX_WIDTH:
        raise ModelError(f"{path}: a {tensor.dtype} of shape {shape} is no direction; (1, D), (L, D), (1, L, D) are")
    rows = tensor.reshape(-1, shape[-1])
    if not 1 <= rows.shape[0] <= _MAX_LAYERS:
        raise ModelError(f"{path}: a direction of {rows.shape[0]} layers is not to be believed; use a published file")
    if not torch.isfinite(rows).all():
        raise ModelError(f"{path}: the direction holds numbers that are not finite; export it again")
    return rows


def _components(path: Path, tensors: dict[str, Tensor]) -> Tensor:
    """Return GANSpace's components as (K, 1 or L, D)."""
    components, count = tensors["comp"], tensors["std"].numel()
    if components.ndim not in (2, 3) or components.shape[0] != count or not 1 <= count <= _MAX_WIDTH:
        shape = tuple(components.shape)
        raise ModelError(f"{path}: components of shape {shape} and {count} deviations do not fit; export them again")
    return components.reshape(count, -1, components.shape[-1])
