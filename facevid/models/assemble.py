"""Assembling a face model from parts: network sizes follow from tensor shapes, and loading is strict."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from facevid.errors import ModelError, UsageError, reason
from facevid.faces.landmark_scheme import LANDMARK_COUNT
from facevid.models.editors import Components, DirectionEditor, NamedEditor, SharedTransformerEditor, TransformerEditor
from facevid.models.layouts import AVERAGE, DIRECTION, FEATURE_STYLE, Part, shared_attributes
from facevid.models.model import PRECISIONS, FaceModel, Settings
from facevid.networks import (
    AppearanceModel,
    Encoder,
    FeatureStyleEncoder,
    Generator,
    LatentClassifier,
    LatentTransformer,
    OcclusionNetwork,
    SharedTransformer,
    appearance_model_sizes,
    encoder_sizes,
    feature_style_encoder_sizes,
    generator_sizes,
    latent_classifier_sizes,
    latent_transformer_sizes,
    occlusion_network_sizes,
    shapes_of,
    shared_transformer_sizes,
)
from facevid.networks.appearance_model import PARTS
from facevid.networks.convolution_layer import fused
from facevid.networks.shapes import shape_at
from facevid.networks.state_dict import finite_float32, load_network
from facevid.networks.stylegan2 import FEATURE_CONVOLUTION
from facevid.utils.device import choose_device, fastest_precision

_Network = TypeVar("_Network", bound=nn.Module)

PUBLISHED_EDIT_LAYERS = 11
"""Number of layers of a pSp code that are edited, from layer 0 on: 0-10 of 18, as in the method's paper. Each layer
controls the same picture scale at any resolution of the generator, so this also holds for smaller generators. The
codes of a Feature-Style encoder drive the same generator, and their default is the same."""

FEATURE_STAGE = (FEATURE_CONVOLUTION - 1) // 2
"""Index, among the resolutions of a generator, of 16 px, where the features of a Feature-Style encoder enter."""

KINDS_WITHOUT_LAYERS = frozenset({"direction", "ganspace"})
"""Kinds of parts whose tensors may have one row for all layers, and so do not determine the number of layers."""


def assemble(name: str, parts: Sequence[Part], settings: Settings | None, device: str, precision: str) -> FaceModel:
    """Build a face model from parts.

    Args:
        name: name of the model, for messages.
        parts: at most one of each kind of network, and any number of editors.
        settings: None for the default settings of the encoder.
        device: as for `load_model`.
        precision: as for `load_model`.

    Raises:
        ModelError: a part is incomplete or has wrong shapes, or the parts do not fit each other.
        UsageError: the device or precision does not exist.
    """
    if precision not in (*PRECISIONS, "auto"):
        raise UsageError(f'unknown precision "{precision}"; use one of auto, {", ".join(PRECISIONS)}')
    torch_device = torch.device(choose_device(device))
    by_kind: dict[str, list[Part]] = {}
    for part in parts:
        by_kind.setdefault(part.kind, []).append(part)
    layers, width = code_shape(parts)
    settings = settings or default_settings(parts, layers)
    average = next((_average(p, layers, width) for p in by_kind.get("encoder", []) if AVERAGE in p.tensors), None)
    components = next(iter(by_kind.get("ganspace", [])), None)
    generator = _build_first(by_kind.get("generator"), _generator, torch_device)
    encoder = _build_first(by_kind.get("encoder"), _encoder, torch_device)
    if generator is not None and isinstance(encoder, FeatureStyleEncoder):
        _check_features(by_kind["encoder"][0], encoder, generator)
    if precision == "auto":
        precision = fastest_precision(device) if "generator" in by_kind else "float32"
    return FaceModel(
        name=name,
        generator=generator,
        encoder=encoder,
        appearance=_build_first(by_kind.get("appearance"), _appearance, torch_device),
        occlusion=_build_first(by_kind.get("occlusion"), occlusion_network, torch_device),
        classifier=_build_first(by_kind.get("classifier"), _classifier, torch_device),
        average=None if average is None else average.to(torch_device),
        editors=tuple(
            editor
            for kind in ("transformer", "shared", "direction")
            for part in by_kind.get(kind, [])
            for editor in _editors(part, settings, torch_device)
        ),
        components=None if components is None else _components(components, torch_device),
        settings=settings,
        layers=layers,
        width=width,
        device=torch_device,
        precision=precision,
    )


def default_settings(parts: Sequence[Part], layers: int) -> Settings:
    """Return the default settings of a model.

    Transformers edit layers 0-10 of pSp and Feature-Style codes, and all layers of other codes. An appearance model
    cannot generate faces that replace those in the plate.
    """
    if any(part.kind == "appearance" for part in parts):
        return Settings(range(layers), detail="keep")
    edits_first_layers = any(part.encoder in ("psp", FEATURE_STYLE) for part in parts)
    return Settings(range(min(PUBLISHED_EDIT_LAYERS, layers) if edits_first_layers else layers))


def code_shape(parts: Sequence[Part]) -> tuple[int, int]:
    """Return the number of layers and the width of the codes of all parts.

    Raises:
        ModelError: the parts have codes of different shapes, or none of them determines a shape.
    """
    shape: tuple[int, int] | None = None
    shape_source: Path | None = None
    if all(part.kind == "occlusion" for part in parts):
        raise ModelError(f"{parts[0].source}: contains only an occlusion network; import it together with a model")
    for part in sorted(parts, key=lambda p: p.kind in KINDS_WITHOUT_LAYERS):
        layers, width = _code_shape(part)
        if width is None:
            continue
        if shape is None:
            shape, shape_source = (layers or 1, width), part.source
        elif width != shape[1] or layers not in (None, shape[0]):
            raise ModelError(
                f"{part.source}: made for codes of shape {layers or shape[0]} x {width}, but {shape_source} for "
                f"{shape[0]} x {shape[1]}; use files of the same model family"
            )
    for part in parts:
        if part.kind != "classifier":
            continue
        numbers = _classifier_inputs(part)
        shape = shape or (1, numbers)  # a classifier alone determines only the size of flattened codes
        if numbers != shape[0] * shape[1]:
            raise ModelError(
                f"{part.source}: a classifier of codes of {numbers} numbers, not {shape[0]} x {shape[1]}; "
                "use files of the same model family"
            )
    assert shape is not None
    return shape


def _code_shape(part: Part) -> tuple[int | None, int | None]:
    """Return the number of layers and the width of a part's codes, None for what it does not determine."""
    shapes = shapes_of(part.tensors)
    try:
        match part.kind:
            case "generator":
                generator = generator_sizes(shapes)
                return generator.layers, generator.width
            case "encoder":
                is_feature_style = part.encoder == FEATURE_STYLE
                encoder = feature_style_encoder_sizes(shapes) if is_feature_style else encoder_sizes(shapes, e4e=False)
                return encoder.layers, encoder.width
            case "appearance":
                return len(PARTS), appearance_model_sizes(shapes).width
            case "transformer" | "shared":
                is_shared = part.kind == "shared"
                transformer = shared_transformer_sizes(shapes) if is_shared else latent_transformer_sizes(shapes)
                return transformer.layers, transformer.width
            case "direction":
                rows, width = shape_at(shapes, DIRECTION, 2)
            case "ganspace":
                shape_at(shapes, "std", 1)
                _, rows, width = shape_at(shapes, "comp", 3)
            case _:
                return None, None
    except ValueError as error:
        raise _invalid_part(part, error) from error
    return (rows if rows > 1 else None), width


def _classifier_inputs(part: Part) -> int:
    try:
        return latent_classifier_sizes(shapes_of(part.tensors)).widths[0]
    except ValueError as error:
        raise _invalid_part(part, error) from error


def _build_first(parts: list[Part] | None, build: Callable[[Part], _Network], device: torch.device) -> _Network | None:
    return build(parts[0]).to(device) if parts else None


def _generator(part: Part) -> Generator:
    return _load(part, lambda shapes: Generator(generator_sizes(shapes)))


def _encoder(part: Part) -> Encoder | FeatureStyleEncoder:
    if part.encoder == FEATURE_STYLE:
        if AVERAGE not in part.tensors:
            raise ModelError(
                f"{part.source}: the average code ({AVERAGE}) is missing; import it together with the checkpoint that "
                "contains it and the generator, psp_ffhq_encode.pt"
            )
        return _load(part, lambda shapes: FeatureStyleEncoder(feature_style_encoder_sizes(shapes)))
    if part.encoder not in ("psp", "e4e"):
        raise ModelError(f"{part.source}: the type of the encoder, psp or e4e, is missing; import the checkpoint again")
    return _load(part, lambda shapes: Encoder(encoder_sizes(shapes, e4e=part.encoder == "e4e")))


def _check_features(part: Part, encoder: FeatureStyleEncoder, generator: Generator) -> None:
    """Raise ModelError if the features of an encoder cannot replace those of the generator."""
    content, channels = encoder.sizes.content, generator.sizes.channels
    if len(channels) <= FEATURE_STAGE + 1 or channels[FEATURE_STAGE] != content:
        raise ModelError(
            f"{part.source}: its features have {content} channels at 16 px, but the generator has "
            f"{', '.join(map(str, channels))} channels from 4 px on; use the generator it was trained for"
        )


def _appearance(part: Part) -> AppearanceModel:
    model = _load(part, lambda shapes: AppearanceModel(appearance_model_sizes(shapes)))
    count = model.sizes.numbers[0] / 2
    if count != LANDMARK_COUNT:
        raise ModelError(
            f"{part.source}: fitted with {count:g} landmarks, but this version of facevid uses {LANDMARK_COUNT}; "
            "fit the model again with facevid train appearance"
        )
    return model


def occlusion_network(part: Part) -> OcclusionNetwork:
    """Build an occlusion network. Raises ModelError if the part is incomplete or has wrong shapes."""
    network = fused(_load(part, lambda shapes: OcclusionNetwork(occlusion_network_sizes(shapes))))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # in place; twice as fast
    return network


def _classifier(part: Part) -> LatentClassifier:
    return _load(part, lambda shapes: LatentClassifier(latent_classifier_sizes(shapes)))


def _editors(part: Part, settings: Settings, device: torch.device) -> list[NamedEditor]:
    """Build the editor of a part, or those of all attributes of a shared transformer."""
    layers = settings.edit_layers
    if part.kind == "shared":
        attributes = shared_attributes(part)
        without_scales = {"scales": torch.ones(2, len(attributes))}  # of networks from before there were scales
        part = replace(part, tensors=without_scales | dict(part.tensors))
        shared = _load(part, lambda shapes: SharedTransformer(shared_transformer_sizes(shapes))).to(device)
        return [
            NamedEditor(attribute, "transformer", SharedTransformerEditor(shared, number, layers))
            for number, attribute in enumerate(attributes)
        ]
    assert part.attribute is not None
    if part.kind == "direction":
        return [NamedEditor(part.attribute, part.kind, DirectionEditor(_float_tensor(part, DIRECTION).to(device)))]
    network = _load(part, lambda shapes: LatentTransformer(latent_transformer_sizes(shapes))).to(device)
    return [NamedEditor(part.attribute, part.kind, TransformerEditor(network, layers))]


def _components(part: Part, device: torch.device) -> Components:
    return Components(_float_tensor(part, "comp").to(device), _float_tensor(part, "std").to(device))


def _average(part: Part, layers: int, width: int) -> Tensor:
    """Return the average code of an encoder. Raises ModelError if its shape is not that of the codes."""
    average = _float_tensor(part, AVERAGE)
    if average.shape != (layers, width):
        raise ModelError(
            f"{part.source}: its average code ({AVERAGE}) is of shape {tuple(average.shape)}, but its codes are "
            f"{layers} x {width}; use files of the same model family"
        )
    return average


def _float_tensor(part: Part, name: str) -> Tensor:
    """Return a tensor outside of any network as float32. Raises ModelError if it has numbers that are not finite."""
    try:
        return finite_float32(name, part.tensors[name]).float()
    except ValueError as error:
        raise _invalid_part(part, error) from error


def _load(part: Part, build: Callable[[dict[str, tuple[int, ...]]], _Network]) -> _Network:
    """Build the network of a part. Raises ModelError if the part is incomplete or has wrong shapes."""
    tensors = {key: value for key, value in part.tensors.items() if key != AVERAGE}
    try:
        return load_network(tensors, build)
    except (ValueError, RuntimeError) as error:
        raise _invalid_part(part, error) from error


def _invalid_part(part: Part, error: Exception) -> ModelError:
    return ModelError(
        f"{part.source}: not a valid {part.kind}: {reason(error)}; use the published file, or import it again"
    )
