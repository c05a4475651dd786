"""Where models lie: a folder for each, under `FACEVID_HOME`, else under the platform's folder for user data."""

import os
import re
from pathlib import Path

import platformdirs

from facevid.errors import ModelError, UsageError, reason

BUNDLED = Path(__file__).parent / "bundled"
"""The bundle that comes with the package."""
BUNDLED_NAME = "bundled"
BUNDLE_FILE = "bundle.json"


def home() -> Path:
    """Return the store's folder, which may not exist yet. Raises ModelError where FACEVID_HOME can be none."""
    chosen = os.environ.get("FACEVID_HOME")
    if not chosen:
        return platformdirs.user_data_path("facevid", appauthor=False)
    try:
        folder = Path(chosen).expanduser()
        folder.exists()
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of nobody
        raise ModelError(f"FACEVID_HOME {chosen}: can be no folder ({reason(error)}); set it to another") from error
    return folder


def check_name(name: str) -> str:
    """Return the name of a model if it is one: it becomes a folder's name, and must not lead out of the store.

    Raises:
        UsageError: it is not made of letters, digits, dots, dashes and underscores, or is the bundled model's.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) is None:
        raise UsageError(f'"{name}" is no name for a model: use letters, digits, ".", "-" and "_", for example ffhq')
    if name == BUNDLED_NAME:
        raise UsageError(f'"{name}" is the model that comes with facevid; choose another name')
    return name


def folder_of(name: str) -> Path:
    """Return the folder of a model of the store, there or not. Raises UsageError for a name that is none."""
    return home() / "models" / check_name(name)


def stored_names() -> list[str]:
    """List the models of the store, by name. Raises ModelError where the store cannot be read."""
    folder = home() / "models"
    try:
        found = list(folder.iterdir()) if folder.is_dir() else []
        return sorted(f.name for f in found if not f.name.startswith(".") and (f / BUNDLE_FILE).is_file())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: cannot be read ({reason(error)}); see to FACEVID_HOME") from error


def locate(name_or_path: str | Path | None) -> Path:
    """Find a model: None or "bundled" for the one that comes with facevid, a name in the store, or a path.

    Raises:
        ModelError: there is none.
    """
    if name_or_path is None or name_or_path == BUNDLED_NAME:
        return BUNDLED
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in stored_names():
        return folder_of(text)
    try:
        path = Path(text).expanduser()
        if path.exists():
            return path
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of nobody
        raise ModelError(f"{text}: cannot be read ({reason(error)}); check the name of the model") from error
    names = ", ".join([BUNDLED_NAME, *stored_names()])
    raise ModelError(f'no model "{text}": neither a file or folder nor in the store, which has: {names}')
