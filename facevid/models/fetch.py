"""Fetching published files: resumed, hashed while they stream, and in place only when whole."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from filelock import FileLock

from facevid.errors import ModelError, OutputError, UsageError
from facevid.models.importing import ImportOptions, import_model
from facevid.models.manifest import ManifestEntry, ManifestFile
from facevid.models.store import folder_of, home

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without a byte after which a download is given up, to be resumed by the next."""
Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes at hand and its size."""


def fetch_model(
    entry: ManifestEntry, half: bool = False, overwrite: bool = False, progress: Progress | None = None
) -> Path:
    """Download a model's files and import them under the entry's name; return the bundle's folder.

    A second process that fetches meanwhile waits, then uses what the first one brought. `FACEVID_MODEL_MIRROR`
    is the address of a folder with the same files, to use in place of the published addresses.

    Raises:
        ModelError: a file cannot be had, or is not the published one.
        OutputError: the store cannot be written.
        UsageError: a model of this name is there, and `overwrite` is false.
    """
    folder = folder_of(entry.name)
    there = folder.exists()
    if there and not overwrite:
        raise UsageError(f"{folder}: a model of this name is there; add --overwrite to fetch it again")
    downloads = home() / "downloads"
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        with FileLock(downloads / f"{entry.name}.lock"):
            if folder.exists() and not there:
                return folder
            files = [fetch_file(file, downloads, progress) for file in entry.files]
            import_model(files, entry.name, ImportOptions(licence=entry.licence, half=half, overwrite=overwrite))
            for file in files:
                file.unlink()
    except OSError as error:
        raise OutputError(f"{downloads}: cannot be written ({error}); see to FACEVID_HOME and its space") from error
    return folder


def fetch_file(file: ManifestFile, downloads: Path, progress: Progress | None = None) -> Path:
    """Download one file to a folder, going on where an earlier download stopped; return its path.

    Raises:
        ModelError: the address does not answer, or what it sends is not the published file.
    """
    path = downloads / file.name
    partial = downloads / f"{file.name}.part"
    if path.exists():
        path.replace(partial)  # checked again, as any partial download is
    digest = hashlib.sha256()
    with partial.open("a+b") as output:
        _take_up(output, digest.update)
        if output.tell() > file.bytes:
            output.truncate(0)
            output.seek(0)
            digest = hashlib.sha256()
        if output.tell() < file.bytes:
            digest = _download(file, output, digest, progress)
        size = output.tell()
    if size < file.bytes:
        raise ModelError(f"{_address(file)}: ended after {size:,} of {file.bytes:,} bytes; fetch again to go on")
    if digest.hexdigest() != file.sha256:
        partial.unlink()
        raise ModelError(
            f"{_address(file)}: not the published {file.name} (its SHA-256 is {digest.hexdigest()}); "
            "get the file another way and import it"
        )
    return partial.replace(path)


def _take_up(output: BinaryIO, update: Callable[[bytes], None]) -> None:
    output.seek(0)
    while chunk := output.read(CHUNK):
        update(chunk)


def _download(file: ManifestFile, output: BinaryIO, digest: "hashlib._Hash", progress: Progress | None) -> Any:
    """Append what is missing, starting again where the server cannot go on; return the hash of the whole."""
    address = _address(file)
    have = output.tell()
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            if have and getattr(answer, "status", None) != http.client.PARTIAL_CONTENT:
                output.truncate(0)
                output.seek(0)
                digest = hashlib.sha256()
            while chunk := answer.read(CHUNK):
                _refuse_page(address, output.tell(), chunk)
                if output.tell() + len(chunk) > file.bytes:
                    output.truncate(0)
                    raise ModelError(f"{address}: larger than {file.name} is; get the file another way and import it")
                output.write(chunk)
                digest.update(chunk)
                if progress is not None:
                    progress(file.name, output.tell(), file.bytes)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(
            f"{address}: cannot be downloaded ({reason}); try again, set FACEVID_MODEL_MIRROR, or import a local file"
        ) from error
    return digest


def _refuse_page(address: str, offset: int, chunk: bytes) -> None:
    if offset == 0 and chunk.lstrip()[:1] == b"<":
        words = " (quota exceeded)" if b"quota" in chunk.lower() else ""
        raise ModelError(f"{address}: sent a web page, not the file{words}; download it in a browser and import it")


def _address(file: ManifestFile) -> str:
    mirror = os.environ.get("FACEVID_MODEL_MIRROR")
    return f"{mirror.rstrip('/')}/{quote(file.name)}" if mirror else file.address
