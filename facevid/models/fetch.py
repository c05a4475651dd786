"""Downloads of published files: resumable, hashed while streaming, and renamed to the final name when complete."""

import base64
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, unquote, urlsplit

from filelock import FileLock

from facevid.errors import ModelError, OutputError, UsageError, reason
from facevid.models.importing import ImportOptions, import_model
from facevid.models.manifest import ManifestEntry, ManifestFile
from facevid.models.store import folder_of, home
from facevid.models.weights import is_page

CHUNK_BYTES = 1 << 20
"""Number of bytes read at once."""

FIRST_CHUNK_BYTES = 4096
"""Number of bytes in the first chunk: enough to recognise a web page before anything is written to the file."""

TIMEOUT_SECONDS = 60.0
"""Time, in seconds, without data or below MIN_BYTES_PER_SECOND, after which a download fails; it can be resumed."""

MIN_BYTES_PER_SECOND = 1024
"""Lowest accepted speed, averaged over TIMEOUT_SECONDS: single bytes would keep a connection alive for ever."""

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the number of bytes downloaded, and its size in bytes."""


def fetch_model(
    entry: ManifestEntry, half: bool = False, overwrite: bool = False, progress: Progress | None = None
) -> Path:
    """Download a model's files and import them under the entry's name.

    If another process is fetching the same model, wait for it and use its result. The environment variable
    FACEVID_MODEL_MIRROR, a folder or URL with the same files, replaces the published addresses; a URL may contain
    credentials (https://user:password@host/folder).

    Args:
        entry: model to fetch.
        half: store the weights in float16.
        overwrite: replace an imported model of this name.
        progress: called after each chunk.

    Returns:
        The bundle's folder.

    Raises:
        ModelError: a file cannot be downloaded, or is not the published one.
        OutputError: the store cannot be written.
        UsageError: a model of this name exists, and `overwrite` is False.
    """
    folder = folder_of(entry.name)
    existed = folder.exists()
    if existed and not overwrite:
        raise UsageError(f"{folder}: a model of this name exists; add --overwrite to fetch it again")
    downloads = home() / "downloads"
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        with FileLock(downloads / f"{entry.name}.lock"):
            if folder.exists() and not existed:  # another process has fetched it
                return folder
            files = [fetch_file(file, downloads, progress) for file in entry.files]
            import_model(files, entry.name, ImportOptions(licence=entry.licence, half=half, overwrite=overwrite))
            for file in files:
                file.unlink()
    except OSError as error:
        raise OutputError(f"{downloads}: cannot be written ({error}); check FACEVID_HOME and the disk space") from error
    return folder


def fetch_file(file: ManifestFile, downloads: Path, progress: Progress | None = None) -> Path:
    """Download one file to a folder, resuming an earlier partial download, and return its path.

    Raises:
        ModelError: the download fails, or its result is not the published file.
    """
    path = downloads / file.name
    partial = downloads / f"{file.name}.part"
    if path.exists():
        path.replace(partial)  # its hash is checked like that of a partial download
    with partial.open("a+b") as output:
        digest = _hash_existing(output)
        if output.tell() > file.bytes:
            digest = _restart(output)
        resumed = output.tell() > 0
        if output.tell() < file.bytes:
            digest = _download(file, output, digest, progress)
        if resumed and output.tell() == file.bytes and digest.hexdigest() != file.sha256:
            digest = _download(file, output, _restart(output), progress)  # the partial download was of another file
        size = output.tell()
    if size < file.bytes:
        raise ModelError(
            f"{_public_address(file)}: the download ended after {size:,} of {file.bytes:,} bytes; fetch again to resume"
        )
    if digest.hexdigest() != file.sha256:
        partial.unlink()
        raise ModelError(
            f"{_public_address(file)}: not the published {file.name} (its SHA-256 is {digest.hexdigest()}); "
            "get the file another way and import it"
        )
    return partial.replace(path)


def _hash_existing(output: BinaryIO) -> "hashlib._Hash":
    """Hash the data in a file, and leave the position at its end."""
    digest = hashlib.sha256()
    output.seek(0)
    while chunk := output.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest


def _restart(output: BinaryIO) -> "hashlib._Hash":
    """Delete the data in a file, and return the hash of no data."""
    output.truncate(0)
    output.seek(0)
    return hashlib.sha256()


def _download(
    file: ManifestFile, output: BinaryIO, digest: "hashlib._Hash", progress: Progress | None
) -> "hashlib._Hash":
    """Append the missing data, or restart if the server cannot resume; return the hash of the file."""
    for offset, chunk in _chunks(file, output.tell()):
        if offset == 0 and is_page(chunk):
            cause = " (quota exceeded)" if b"quota" in chunk.lower() else ""
            raise ModelError(
                f"{_public_address(file)}: the server sent a web page instead of the file{cause}; "
                "download it in a browser and import it"
            )
        if offset != output.tell():
            digest = _restart(output)
        if offset + len(chunk) > file.bytes:
            output.truncate(0)
            raise ModelError(
                f"{_public_address(file)}: larger than the published {file.name}; "
                "get the file another way and import it"
            )
        output.write(chunk)
        digest.update(chunk)
        if progress is not None:
            progress(file.name, output.tell(), file.bytes)
        if output.tell() == file.bytes:
            break  # the server may keep the connection open
    return digest


def _chunks(file: ManifestFile, start: int) -> Iterator[tuple[int, bytes]]:
    """Request a file from byte `start` on; yield each chunk with its offset.

    The offsets begin at 0 if the server does not support range requests.
    """
    opener = urllib.request.build_opener(_WebRedirects)
    try:
        with opener.open(_request(file, start), timeout=TIMEOUT_SECONDS) as response:
            offset = start if getattr(response, "status", None) == http.client.PARTIAL_CONTENT else 0
            interval_start, received = time.monotonic(), 0
            chunk = response.read(FIRST_CHUNK_BYTES)
            while chunk:
                yield offset, chunk
                offset, received = offset + len(chunk), received + len(chunk)
                chunk = response.read1(CHUNK_BYTES)
                now = time.monotonic()
                if now - interval_start > TIMEOUT_SECONDS:
                    if received < MIN_BYTES_PER_SECOND * (now - interval_start):
                        raise TimeoutError(f"{received:,} bytes in {now - interval_start:.0f} seconds")
                    interval_start, received = now, 0
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = reason(getattr(error, "reason", None) or error)
        remedy = "try again, set FACEVID_MODEL_MIRROR, or import a local file"
        raise ModelError(f"{_public_address(file)}: cannot be downloaded ({cause}); {remedy}") from error


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to http and https, never to local files."""

    def redirect_request(  # noqa: PLR0917 (urllib's signature)
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the redirected request."""
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https"):
            raise urllib.error.URLError(f"redirect to {scheme}: is not allowed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _request(file: ManifestFile, start: int) -> urllib.request.Request:
    """Return a request for a file from byte `start` on, authorized with the credentials in its address."""
    user, _, _ = urlsplit(_address(file)).netloc.rpartition("@")
    request = urllib.request.Request(_public_address(file), headers={"Range": f"bytes={start}-"} if start else {})
    if user:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _public_address(file: ManifestFile) -> str:
    """Return a file's address without credentials."""
    address = _address(file)
    before, slashes, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{before}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _address(file: ManifestFile) -> str:
    """Return a file's address on the mirror if one is set, else its published address."""
    mirror = os.environ.get("FACEVID_MODEL_MIRROR")
    if not mirror:
        return file.address
    if "://" not in mirror and not mirror.startswith("file:"):
        mirror = Path(mirror).absolute().as_uri()
    return f"{mirror.rstrip('/')}/{quote(file.name)}"
