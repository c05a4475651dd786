"""Loading and verifying a face model by its name or path."""

from dataclasses import replace
from pathlib import Path

from facevid.edits.attributes import attribute_of
from facevid.errors import ModelError
from facevid.models.assemble import assemble, occlusion_network
from facevid.models.bundle import read_bundle, read_bundle_parts
from facevid.models.layouts import Part, plain_name, read_parts
from facevid.models.model import FaceModel
from facevid.models.store import BUNDLED, locate, model_name


def load_model(name_or_path: str | Path | None = None, device: str = "cpu", precision: str = "float32") -> FaceModel:
    """Load a face model.

    Args:
        name_or_path: a name in the store; the path of a bundle's folder, or of a published `.pt`, `.pth.tar`, `.npy` or
            `.safetensors` file; None for the bundled model. A model without an occlusion network uses that of the
            bundled model.
        device: "cpu", "cuda", "cuda:<number>", or "auto" for a GPU if there is one.
        precision: number format of the networks: "float32", or "float16" or "bfloat16", which are faster and less
            exact; "auto" is the fastest one on the device for StyleGAN2 models, and float32 for models without a
            generator, whose networks are small. Codes and pictures are always float32.

    Raises:
        ModelError: the model does not exist, or a file is damaged or unsafe.
        UsageError: the device or precision does not exist.
    """
    path = locate(name_or_path)
    if not path.is_dir():
        model = assemble(path.name, [_named(part) for part in read_parts(path)], None, device, precision)
        return _with_occlusion(model)
    bundle = read_bundle(path)
    model = assemble(model_name(name_or_path), read_bundle_parts(path, bundle), bundle.settings, device, precision)
    resolution = model.generator.sizes.resolution if model.generator else None
    crop_size = model.encoder.sizes.input_size if model.encoder else None
    declared = (bundle.resolution, bundle.crop_size, bundle.layers, bundle.width)
    if declared != (resolution, crop_size, model.layers, model.width):
        raise ModelError(f"{path}: the sizes in bundle.json differ from those of the weights; import the weights again")
    return _with_occlusion(model)


def verify_model(folder: Path) -> int:
    """Load a bundle, which checks hashes, shapes and values of all weights, and return their size in bytes.

    Raises:
        ModelError: a file is missing, changed or damaged, or a network is incomplete.
    """
    load_model(folder)
    return sum(part.bytes for part in read_bundle(folder).parts)


def _with_occlusion(model: FaceModel) -> FaceModel:
    """Fall back to the bundled occlusion network, which does not depend on the model."""
    if model.occlusion is not None:
        return model
    part = next(part for part in read_bundle_parts(BUNDLED, read_bundle(BUNDLED)) if part.kind == "occlusion")
    return replace(model, occlusion=occlusion_network(part).to(model.device))


def _named(part: Part) -> Part:
    """Name a transformer without a known attribute after its file."""
    if part.kind == "transformer" and part.attribute is None:
        return replace(part, attribute=attribute_of(plain_name(part.source)))
    return part
