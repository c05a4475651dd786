"""`load_model`: from a name or a path to a face model."""

from dataclasses import replace
from pathlib import Path

from facevid.edits.attributes import attribute_of
from facevid.errors import ModelError
from facevid.models.assemble import assemble, occlusion_network
from facevid.models.bundle import read_bundle, read_bundle_parts
from facevid.models.layouts import Part, plain_name, read_parts
from facevid.models.model import FaceModel
from facevid.models.store import BUNDLED, BUNDLED_NAME, locate


def load_model(name_or_path: str | Path | None = None, device: str = "cpu", precision: str = "float32") -> FaceModel:
    """Load a face model.

    Args:
        name_or_path: a name in the store; a path of a bundle's folder, or of a published `.pt`, `.pth.tar`, `.npy` or
            `.safetensors` file; None for the model that comes with facevid. Models that bring no occlusion network
            use that one's.
        device: "cpu", "cuda", "cuda:<number>", or "auto" for a GPU where there is one.
        precision: "float32", or "float16" or "bfloat16" for faster and coarser networks. Codes and pictures are
            float32 in any case.

    Raises:
        ModelError: no such model, or a damaged or unsafe file.
        UsageError: no such device or precision.
    """
    path = locate(name_or_path)
    if not path.is_dir():
        model = assemble(path.name, [_named(part) for part in read_parts(path)], None, device, precision)
        return _with_occlusion(model)
    bundle = read_bundle(path)
    name = BUNDLED_NAME if path == BUNDLED else path.name
    model = assemble(name, read_bundle_parts(path, bundle), bundle.settings, device, precision)
    resolution = model.generator.sizes.resolution if model.generator else None
    crop_size = model.encoder.sizes.input_size if model.encoder else None
    said = (bundle.resolution, bundle.crop_size, bundle.layers, bundle.width)
    if said != (resolution, crop_size, model.layers, model.width):
        raise ModelError(f"{path}: bundle.json and the weights disagree on the sizes; import the weights again")
    return _with_occlusion(model)


def _with_occlusion(model: FaceModel) -> FaceModel:
    """Lend a model without an occlusion network the bundled one: it looks at crops alone."""
    if model.occlusion is not None:
        return model
    part = next(part for part in read_bundle_parts(BUNDLED, read_bundle(BUNDLED)) if part.kind == "occlusion")
    return replace(model, occlusion=occlusion_network(part).to(model.device))


def _named(part: Part) -> Part:
    """Name a transformer of which nothing says what it moves after its file."""
    if part.kind == "transformer" and part.attribute is None:
        return replace(part, attribute=attribute_of(plain_name(part.source)))
    return part
