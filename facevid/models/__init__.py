"""Face models (generator, encoder, editors), the published checkpoint formats, bundles, and the model store."""

from facevid.models.importing import ImportOptions, import_model
from facevid.models.load import load_model
from facevid.models.model import PRECISIONS, FaceModel, Settings

__all__ = ["PRECISIONS", "FaceModel", "ImportOptions", "Settings", "import_model", "load_model"]
