"""The model store: one folder for each model, in `FACEVID_HOME` or else in the platform's user data folder."""

import os
import re
from pathlib import Path

import platformdirs

from facevid.errors import ModelError, UsageError, reason

BUNDLED = Path(__file__).parent / "bundled"
"""Folder of the bundled model."""

BUNDLED_NAME = "bundled"
"""Name of the bundled model."""

BUNDLE_FILE = "bundle.json"
"""File that describes a bundle."""


def home() -> Path:
    """Return the store's folder, which may not exist yet. Raises ModelError if FACEVID_HOME is not a valid path."""
    chosen = os.environ.get("FACEVID_HOME")
    if not chosen:
        return platformdirs.user_data_path("facevid", appauthor=False)
    try:
        folder = Path(chosen).expanduser()
        folder.exists()
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of an unknown user
        raise ModelError(
            f"FACEVID_HOME={chosen}: not a valid folder ({reason(error)}); set it to another folder"
        ) from error
    return folder


def check_name(name: str) -> str:
    """Return a model's name if it is valid: it becomes a folder's name, and must not point outside the store.

    Raises:
        UsageError: it has characters other than letters, digits, dots, dashes and underscores, or is the name of the
            bundled model.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) is None:
        raise UsageError(f'"{name}" is not a valid model name; use letters, digits, ".", "-" and "_", for example ffhq')
    if name == BUNDLED_NAME:
        raise UsageError(f'"{name}" is the name of the bundled model; choose another name')
    return name


def folder_of(name: str) -> Path:
    """Return the folder of a model in the store, which need not exist. Raises UsageError for an invalid name."""
    return home() / "models" / check_name(name)


def stored_names() -> list[str]:
    """List the names of the models in the store, sorted. Raises ModelError if the store cannot be read."""
    folder = home() / "models"
    try:
        entries = list(folder.iterdir()) if folder.is_dir() else []
        return sorted(e.name for e in entries if not e.name.startswith(".") and (e / BUNDLE_FILE).is_file())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: cannot be read ({reason(error)}); check FACEVID_HOME") from error


def model_name(name_or_path: str | Path | None) -> str:
    """Return the name of a model, as for `locate`. Raises ModelError."""
    path = locate(name_or_path)
    return BUNDLED_NAME if path == BUNDLED else path.name


def locate(name_or_path: str | Path | None) -> Path:
    """Return the path of a model: None or "bundled" for the bundled model, a name in the store, or a path.

    Raises:
        ModelError: the model does not exist.
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
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of an unknown user
        raise ModelError(f"{text}: cannot be read ({reason(error)}); check the name of the model") from error
    names = ", ".join([BUNDLED_NAME, *stored_names()])
    raise ModelError(f'no model "{text}": it is neither a file or folder, nor an imported model ({names})')
