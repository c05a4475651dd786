"""Fetching published files: resumed, hashed while they stream, and in place only when whole."""

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

CHUNK = 1 << 20
HEAD = 4096
"""Bytes looked at before anything is written: a web page in the file's place tells itself by then."""
TIMEOUT = 60.0
"""Seconds without a byte, or with too few, after which a download is given up, to be resumed by the next."""
SLOWEST = 1024
"""Bytes a second that are too few."""
Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes at hand and its size."""


def fetch_model(
    entry: ManifestEntry, half: bool = False, overwrite: bool = False, progress: Progress | None = None
) -> Path:
    """Download a model's files and import them under the entry's name; return the bundle's folder.

    A second process that fetches meanwhile waits, then uses what the first one brought. `FACEVID_MODEL_MIRROR`
    is a folder with the same files, or its address, to use in place of the published addresses; a user's name and
    password may be in it (https://user:password@host/folder).

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
    with partial.open("a+b") as output:
        digest = _taken_up(output)
        if output.tell() > file.bytes:
            digest = _emptied(output)
        resumed = output.tell() > 0
        if output.tell() < file.bytes:
            digest = _download(file, output, digest, progress)
        if resumed and output.tell() == file.bytes and digest.hexdigest() != file.sha256:
            digest = _download(file, output, _emptied(output), progress)  # what was there began another file
        size = output.tell()
    if size < file.bytes:
        raise ModelError(f"{_shown(file)}: ended after {size:,} of {file.bytes:,} bytes; fetch again to go on")
    if digest.hexdigest() != file.sha256:
        partial.unlink()
        raise ModelError(
            f"{_shown(file)}: not the published {file.name} (its SHA-256 is {digest.hexdigest()}); "
            "get the file another way and import it"
        )
    return partial.replace(path)


def _taken_up(output: BinaryIO) -> "hashlib._Hash":
    """Hash what is there, and go to its end."""
    digest = hashlib.sha256()
    output.seek(0)
    while chunk := output.read(CHUNK):
        digest.update(chunk)
    return digest


def _emptied(output: BinaryIO) -> "hashlib._Hash":
    output.truncate(0)
    output.seek(0)
    return hashlib.sha256()


def _download(
    file: ManifestFile, output: BinaryIO, digest: "hashlib._Hash", progress: Progress | None
) -> "hashlib._Hash":
    """Append what is missing, starting again where the server cannot go on; return the hash of the whole."""
    for offset, chunk in _chunks(file, output.tell()):
        if offset == 0 and is_page(chunk):
            words = " (quota exceeded)" if b"quota" in chunk.lower() else ""
            remedy = "download it in a browser and import it"
            raise ModelError(f"{_shown(file)}: sent a web page, not the file{words}; {remedy}")
        if offset != output.tell():
            digest = _emptied(output)
        if offset + len(chunk) > file.bytes:
            output.truncate(0)
            remedy = "get the file another way and import it"
            raise ModelError(f"{_shown(file)}: larger than {file.name} is; {remedy}")
        output.write(chunk)
        digest.update(chunk)
        if progress is not None:
            progress(file.name, output.tell(), file.bytes)
        if output.tell() == file.bytes:
            break  # a server may leave the connection open
    return digest


def _chunks(file: ManifestFile, have: int) -> Iterator[tuple[int, bytes]]:
    """Read a file from byte `have` on, or from its beginning where the server cannot; yield pieces and their places."""
    opener = urllib.request.build_opener(_WebRedirects)
    try:
        with opener.open(_request(file, have), timeout=TIMEOUT) as answer:
            offset = have if getattr(answer, "status", None) == http.client.PARTIAL_CONTENT else 0
            since, came = time.monotonic(), 0
            chunk = answer.read(HEAD)
            while chunk:
                yield offset, chunk
                offset, came = offset + len(chunk), came + len(chunk)
                chunk = answer.read1(CHUNK)
                now = time.monotonic()
                if now - since > TIMEOUT:
                    if came < SLOWEST * (now - since):
                        raise TimeoutError(f"{came:,} bytes in {now - since:.0f} seconds")
                    since, came = now, 0
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = reason(getattr(error, "reason", None) or error)
        remedy = "try again, set FACEVID_MODEL_MIRROR, or import a local file"
        raise ModelError(f"{_shown(file)}: cannot be downloaded ({why}); {remedy}") from error


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a web server to web servers only."""

    def redirect_request(  # noqa: PLR0917 (urllib calls it so)
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request to send on."""
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https"):
            raise urllib.error.URLError(f"it sends on to {scheme}:, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _request(file: ManifestFile, have: int) -> urllib.request.Request:
    """Ask for a file from byte `have` on, with the user's name and password that are in its address."""
    user, _, _ = urlsplit(_address(file)).netloc.rpartition("@")
    request = urllib.request.Request(_shown(file), headers={"Range": f"bytes={have}-"} if have else {})
    if user:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _shown(file: ManifestFile) -> str:
    """Return a file's address without user and password."""
    address = _address(file)
    before, slashes, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{before}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _address(file: ManifestFile) -> str:
    mirror = os.environ.get("FACEVID_MODEL_MIRROR")
    if not mirror:
        return file.address
    if "://" not in mirror and not mirror.startswith("file:"):
        mirror = Path(mirror).absolute().as_uri()
    return f"{mirror.rstrip('/')}/{quote(file.name)}"
