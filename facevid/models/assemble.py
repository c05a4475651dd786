"""Putting parts together to a face model: networks sized by their tensors' shapes, loaded strictly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from facevid.errors import ModelError, UsageError, reason
from facevid.models.editors import Components, DirectionEditor, TransformerEditor
from facevid.models.layouts import AVERAGE, DIRECTION, Part
from facevid.models.model import PRECISIONS, FaceModel, NamedEditor, Settings
from facevid.networks import (
    AppearanceModel,
    Encoder,
    Generator,
    LatentClassifier,
    LatentTransformer,
    OcclusionNetwork,
    appearance_model_sizes,
    encoder_sizes,
    generator_sizes,
    latent_classifier_sizes,
    latent_transformer_sizes,
    occlusion_network_sizes,
    shapes_of,
)
from facevid.networks.appearance_model import PARTS
from facevid.networks.finite import is_finite
from facevid.networks.shapes import shape_at
from facevid.utils.device import choose_device

_Network = TypeVar("_Network", bound=nn.Module)

PSP_EDIT_LAYERS = 11
"""With pSp codes the method's authors move layers 0-10 of 18 and keep the finest. Layer l drives the same size of
picture whatever the generator's resolution, so the same layers are moved in a smaller one."""

LAYERS_OPEN = frozenset({"direction", "ganspace"})
"""Parts that may not say how many layers codes have."""


def assemble(name: str, parts: Iterable[Part], settings: Settings | None, device: str, precision: str) -> FaceModel:
    """Build a model of parts; without settings, those that suit its encoder.

    Raises:
        ModelError: a part is incomplete or misshapen, or parts do not fit each other.
        UsageError: no such device or precision.
    """
    if precision not in PRECISIONS:
        raise UsageError(f'unknown precision "{precision}"; use one of {", ".join(PRECISIONS)}')
    place = torch.device(choose_device(device))
    by_kind: dict[str, list[Part]] = {}
    for part in parts:
        by_kind.setdefault(part.kind, []).append(part)
    layers, width = code_shape([part for group in by_kind.values() for part in group])
    settings = settings or default_settings([*by_kind.get("appearance", []), *by_kind.get("encoder", [])], layers)
    average = next((_plain(p, AVERAGE) for p in by_kind.get("encoder", []) if AVERAGE in p.tensors), None)
    components = next(iter(by_kind.get("ganspace", [])), None)
    return FaceModel(
        name=name,
        generator=_first(by_kind.get("generator"), _generator, place),
        encoder=_first(by_kind.get("encoder"), _encoder, place),
        appearance=_first(by_kind.get("appearance"), _appearance, place),
        occlusion=_first(by_kind.get("occlusion"), occlusion_network, place),
        classifier=_first(by_kind.get("classifier"), _classifier, place),
        average=None if average is None else average.to(place),
        editors=tuple(
            _editor(part, settings, place) for kind in ("transformer", "direction") for part in by_kind.get(kind, [])
        ),
        components=None if components is None else _components(components, place),
        settings=settings,
        layers=layers,
        width=width,
        device=place,
        precision=precision,
    )


def default_settings(parts: Sequence[Part], layers: int) -> Settings:
    """Return the settings of a model of which nothing says any; an appearance model draws no faces to replace."""
    if any(part.kind == "appearance" for part in parts):
        return Settings(range(layers), detail="keep")
    encoder = next((part for part in parts if part.kind == "encoder"), None)
    return Settings(default_edit_layers(encoder, layers))


def default_edit_layers(encoder: Part | None, layers: int) -> range:
    """Return the layers that latent transformers move where nothing says: 0-10 with a pSp encoder, else all."""
    return range(min(PSP_EDIT_LAYERS, layers) if encoder is not None and encoder.encoder == "psp" else layers)


def code_shape(parts: list[Part]) -> tuple[int, int]:
    """Return layers and width of the codes that all parts share. Raises ModelError where they differ, or none says."""
    found: tuple[int, int] | None = None
    owner: Path | None = None
    if all(part.kind == "occlusion" for part in parts):
        raise ModelError(f"{parts[0].source}: holds an occlusion network alone; import it together with a model")
    for part in sorted(parts, key=lambda p: p.kind in LAYERS_OPEN):
        layers, width = _code_shape(part)
        if width is None:
            continue
        if found is None:
            found, owner = (layers or 1, width), part.source
        elif width != found[1] or layers not in (None, found[0]):
            raise ModelError(
                f"{part.source}: made for codes of {layers or found[0]} x {width}, and {owner} for "
                f"{found[0]} x {found[1]}; use files of one family"
            )
    for part in parts:
        if part.kind != "classifier":
            continue
        numbers = _classifier_inputs(part)
        found = found or (1, numbers)  # alone, it speaks of flattened codes only
        if numbers != found[0] * found[1]:
            raise ModelError(
                f"{part.source}: a classifier of codes of {numbers} numbers, not {found[0]} x {found[1]}; "
                "use files of one family"
            )
    assert found is not None
    return found


def _code_shape(part: Part) -> tuple[int | None, int | None]:
    """Return layers and width of a part's codes, None where it leaves them open."""
    shapes = shapes_of(part.tensors)
    try:
        match part.kind:
            case "generator":
                generator = generator_sizes(shapes)
                return generator.layers, generator.width
            case "encoder":
                encoder = encoder_sizes(shapes, e4e=False)
                return encoder.layers, encoder.width
            case "appearance":
                return len(PARTS), appearance_model_sizes(shapes).width
            case "transformer":
                transformer = latent_transformer_sizes(shapes)
                return transformer.layers, transformer.width
            case "direction":
                rows, width = shape_at(shapes, DIRECTION, 2)
            case "ganspace":
                shape_at(shapes, "std", 1)
                _, rows, width = shape_at(shapes, "comp", 3)
            case _:
                return None, None
    except ValueError as error:
        raise _misfit(part, error) from error
    return (rows if rows > 1 else None), width


def _classifier_inputs(part: Part) -> int:
    try:
        return latent_classifier_sizes(shapes_of(part.tensors)).widths[0]
    except ValueError as error:
        raise _misfit(part, error) from error


def _first(parts: list[Part] | None, build: Callable[[Part], _Network], place: torch.device) -> _Network | None:
    return build(parts[0]).to(place) if parts else None


def _generator(part: Part) -> Generator:
    return _load(part, lambda shapes: Generator(generator_sizes(shapes)))


def _encoder(part: Part) -> Encoder:
    if part.encoder not in ("psp", "e4e"):
        raise ModelError(f"{part.source}: does not say whether its encoder is pSp's or e4e's; import it again")
    return _load(part, lambda shapes: Encoder(encoder_sizes(shapes, e4e=part.encoder == "e4e")))


def _appearance(part: Part) -> AppearanceModel:
    return _load(part, lambda shapes: AppearanceModel(appearance_model_sizes(shapes)))


def occlusion_network(part: Part) -> OcclusionNetwork:
    """Build an occlusion network. Raises ModelError where the part is incomplete or misshapen."""
    network = _load(part, lambda shapes: OcclusionNetwork(occlusion_network_sizes(shapes)))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast


def _classifier(part: Part) -> LatentClassifier:
    return _load(part, lambda shapes: LatentClassifier(latent_classifier_sizes(shapes)))


def _editor(part: Part, settings: Settings, place: torch.device) -> NamedEditor:
    assert part.attribute is not None
    if part.kind == "direction":
        return NamedEditor(part.attribute, part.kind, DirectionEditor(_plain(part, DIRECTION).to(place)))
    network = _load(part, lambda shapes: LatentTransformer(latent_transformer_sizes(shapes))).to(place)
    return NamedEditor(part.attribute, part.kind, TransformerEditor(network, settings.edit_layers))


def _components(part: Part, place: torch.device) -> Components:
    return Components(_plain(part, "comp").to(place), _plain(part, "std").to(place))


def _plain(part: Part, name: str) -> Tensor:
    """Return a tensor that belongs to no network, float32. Raises ModelError where it cannot be computed with."""
    try:
        return working(name, part.tensors[name]).float()
    except ValueError as error:
        raise _misfit(part, error) from error


class _Unfilled(TorchFunctionMode):
    """Leaves new parameters unfilled: random numbers for tensors without memory would import PyTorch's compiler."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.normal_ or getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _load(part: Part, build: Callable[[dict[str, tuple[int, ...]]], _Network]) -> _Network:
    """Build a network without memory of its own, and give it the tensors: memory-mapped ones stay so."""
    tensors = {key: value for key, value in part.tensors.items() if key != AVERAGE}
    try:
        with torch.device("meta"), _Unfilled():
            network = build(shapes_of(tensors))
        check_fit(network.state_dict(), tensors)
        network.load_state_dict({key: working(key, tensor) for key, tensor in tensors.items()}, assign=True)
    except (ValueError, RuntimeError) as error:
        raise _misfit(part, error) from error
    return network.eval().requires_grad_(False)


def working(name: str, tensor: Tensor) -> Tensor:
    """Return a tensor in the format that is computed with. Raises ValueError where a number of it is not finite."""
    if not tensor.is_floating_point():
        return tensor
    numbers = tensor.float()
    if not is_finite(numbers):
        raise ValueError(f"tensor {name} holds numbers that are not finite")
    return numbers


def check_fit(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Raise ValueError naming the first tensor that is missing, misshapen, of another kind of numbers or not known."""
    for name, tensor in expected.items():
        if name not in given:
            if name.endswith("num_batches_tracked"):  # absent in files of early PyTorch, and without use here
                continue
            raise ValueError(f"tensor {name} is missing")
        shape = tuple(given[name].shape)
        if shape != tuple(tensor.shape):
            raise ValueError(f"tensor {name} has the shape {shape}, and {tuple(tensor.shape)} fits the others")
        if given[name].is_floating_point() != tensor.is_floating_point():
            raise ValueError(f"tensor {name} holds {given[name].dtype}, and {tensor.dtype} is expected")
    stray = [name for name in given if name not in expected]
    if stray:
        raise ValueError(f"tensor {stray[0]} belongs to no such network")


def _misfit(part: Part, error: Exception) -> ModelError:
    return ModelError(
        f"{part.source}: no whole {part.kind}: {reason(error)}; use the published file, or import it again"
    )
