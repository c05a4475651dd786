"""Face models: a generator, an encoder and editors, kept as bundles; the published checkpoint formats; the store."""

from facevid.models.importing import ImportOptions, import_model
from facevid.models.load import load_model
from facevid.models.model import PRECISIONS, FaceModel, Settings

__all__ = ["PRECISIONS", "FaceModel", "ImportOptions", "Settings", "import_model", "load_model"]
