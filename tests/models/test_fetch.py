"""Downloads, from file:// and from a local HTTP server that resumes, truncates, redirects, or sends a web page."""

import base64
import hashlib
import http.server
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facevid.errors import ModelError, OutputError, UsageError
from facevid.models import fetch, load_model
from facevid.models.fetch import fetch_file, fetch_model
from facevid.models.manifest import MANIFEST, ManifestEntry, ManifestFile, find_entry
from facevid.models.store import stored_names
from tests.models.files import save_psp


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `data`, and records the requests.

    Attributes:
        data: contents of the file.
        cut: number of bytes after which a response ends, None for all.
        ranges: whether range requests are supported.
        port: port of the server.
        redirect: address to redirect to instead, None to serve the file.
        requested_ranges: header `Range` of each request.
        credentials: header `Authorization` of each request.
    """

    data: bytes = b""
    cut: int | None = None
    ranges: bool = True
    port: int = 0
    redirect: str | None = None
    requested_ranges: list[str | None] = []  # noqa: RUF012
    credentials: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        requested = self.headers.get("Range")
        self.requested_ranges.append(requested)
        self.credentials.append(self.headers.get("Authorization"))
        if self.redirect:
            self.send_response(302)
            self.send_header("Location", self.redirect)
            self.end_headers()
            return
        start = int(requested.removeprefix("bytes=").rstrip("-")) if requested and self.ranges else 0
        body = self.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.cut])

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    handler: type[Server] = type("Handler", (Server,), {"requested_ranges": [], "credentials": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("FACEVID_MODEL_MIRROR", f"http://127.0.0.1:{running.server_port}/weights/")
        handler.port = running.server_port
        yield handler
        running.shutdown()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", folder.as_uri())
    return folder


@pytest.fixture
def down(tmp_path: Path) -> Path:
    """Return an empty folder to download to."""
    folder = tmp_path / "down"
    folder.mkdir()
    return folder


def manifest_entry(path: Path) -> ManifestEntry:
    data = path.read_bytes()
    file = ManifestFile(path.name, "https://nowhere.invalid/x", len(data), hashlib.sha256(data).hexdigest())
    return ManifestEntry("tiny", "a test", "none", (file,))


def test_from_a_folder(mirror: Path, store: Path) -> None:
    entry = manifest_entry(save_psp(mirror))
    steps: list[tuple[str, int, int]] = []
    fetch_model(entry, progress=lambda *step: steps.append(step))
    assert load_model("tiny").settings.licence == "none"
    assert steps[-1] == (entry.files[0].name, entry.files[0].bytes, entry.files[0].bytes)
    assert [f.suffix for f in (store / "downloads").iterdir()] in ([".lock"], [])
    with pytest.raises(UsageError, match="--overwrite"):
        fetch_model(entry)


def test_an_interrupted_download_is_resumed(server: type[Server], tmp_path: Path) -> None:
    source = save_psp(tmp_path)
    entry, server.data, server.cut = manifest_entry(source), source.read_bytes(), 10_000
    with pytest.raises(ModelError, match=r"psp\.pt: "):
        fetch_model(entry)
    assert stored_names() == []
    server.cut = None
    fetch_model(entry)
    assert server.requested_ranges == [None, "bytes=10000-"]
    assert stored_names() == ["tiny"]


def test_a_server_without_range_requests_restarts_the_download(
    server: type[Server], down: Path, tmp_path: Path
) -> None:
    source = save_psp(tmp_path)
    file, server.data, server.ranges = manifest_entry(source).files[0], source.read_bytes(), False
    (down / "psp.pt.part").write_bytes(server.data[:5000])
    assert fetch_file(file, down).read_bytes() == server.data


@pytest.mark.parametrize("page", [b"<html>Quota exceeded", b"\xef\xbb\xbf\r\n <!DOCTYPE html><title>Quota exceeded"])
def test_a_web_page_instead_of_the_rest_keeps_the_partial_download(
    server: type[Server], down: Path, tmp_path: Path, page: bytes
) -> None:
    source = save_psp(tmp_path)
    file, whole = manifest_entry(source).files[0], source.read_bytes()
    partial = down / "psp.pt.part"
    partial.write_bytes(whole[:20_000])
    server.data, server.ranges = page, False
    with pytest.raises(ModelError, match=r"psp\.pt: .*quota"):
        fetch_file(file, down)
    assert partial.read_bytes() == whole[:20_000]
    server.data, server.ranges = whole, True
    assert fetch_file(file, down).read_bytes() == whole
    assert server.requested_ranges == ["bytes=20000-"] * 2


def test_a_partial_download_of_another_file_is_replaced(server: type[Server], down: Path, tmp_path: Path) -> None:
    source = save_psp(tmp_path)
    file, server.data = manifest_entry(source).files[0], source.read_bytes()
    (down / "psp.pt.part").write_bytes(b"x" * 20_000)
    assert fetch_file(file, down).read_bytes() == server.data
    assert server.requested_ranges == ["bytes=20000-", None]


@pytest.mark.parametrize("delay", [0.01, 0.05])
def test_a_download_that_is_too_slow_fails(
    server: type[Server], down: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delay: float
) -> None:
    """Single bytes keep a connection alive, so a timeout between bytes is not enough."""
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.3)
    source = save_psp(tmp_path)
    file, whole = manifest_entry(source).files[0], source.read_bytes()

    def send_slowly(self: Server) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(whole[:5000])
        for position in range(5000, 5200):
            time.sleep(delay)
            self.wfile.write(whole[position : position + 1])

    monkeypatch.setattr(server, "do_GET", send_slowly)
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"psp\.pt: .*\([\d,]+ bytes in \d+ seconds\)"):
        fetch_file(file, down)
    assert time.monotonic() - began < 5
    assert whole.startswith((down / "psp.pt.part").read_bytes())


def test_a_password_is_sent_and_never_shown(
    server: type[Server], down: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = save_psp(tmp_path)
    file, server.data = manifest_entry(source).files[0], source.read_bytes()
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", f"http://me:s%40cret@127.0.0.1:{server.port}/weights")
    fetch_file(file, down)
    assert server.credentials == ["Basic " + base64.b64encode(b"me:s@cret").decode()]
    server.data, server.cut = b"<html>", None
    (down / "psp.pt").unlink()
    with pytest.raises(ModelError, match=r"^http://127\.0\.0\.1.*psp\.pt: ") as caught:
        fetch_file(file, down)
    assert "cret" not in str(caught.value)
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", "http://me:secret@127.0.0.1:1/weights")
    with pytest.raises(ModelError, match=r"psp\.pt: ") as caught:
        fetch_file(file, down)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/psp.pt", "file:///etc/passwd"])
def test_only_redirects_to_web_servers_are_followed(
    server: type[Server], down: Path, tmp_path: Path, address: str
) -> None:
    file, server.redirect = manifest_entry(save_psp(tmp_path)).files[0], address
    with pytest.raises(ModelError, match=rf"psp\.pt: .*{address.partition('/')[0]}"):
        fetch_file(file, down)


def test_a_plain_folder_as_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my weights"
    folder.mkdir()
    entry = manifest_entry(save_psp(folder))
    monkeypatch.chdir(tmp_path)
    for mirror in (str(folder), f"{folder}/", "my weights", folder.as_uri()):
        monkeypatch.setenv("FACEVID_MODEL_MIRROR", mirror)
        fetch_model(entry, overwrite=True)
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", str(tmp_path / "none"))
    with pytest.raises(ModelError, match=r"none/psp\.pt: "):
        fetch_model(entry, overwrite=True)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda data: b"<html>Google Drive - Quota exceeded</html>".ljust(len(data)), "quota"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "SHA-256"),
        (lambda data: data[: len(data) // 2], r"[\d,]+ of [\d,]+"),
        (lambda data: data + b"more", ""),
    ],
)
def test_other_contents_than_published_are_not_imported(
    mirror: Path, store: Path, change: Callable[[bytes], bytes], named: str
) -> None:
    path = save_psp(mirror)
    entry = manifest_entry(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ModelError, match=rf"psp\.pt: .*{named}"):
        fetch_model(entry)
    assert stored_names() == []
    assert not (store / "downloads" / "psp.pt").exists()
    path.write_bytes(b"")
    with pytest.raises(ModelError):
        fetch_model(entry)


def test_a_missing_file(mirror: Path) -> None:
    entry = manifest_entry(save_psp(mirror))
    (mirror / "psp.pt").unlink()
    with pytest.raises(ModelError, match=r"psp\.pt: .*FACEVID_MODEL_MIRROR"):
        fetch_model(entry)


def test_a_full_disk(mirror: Path, store: Path) -> None:
    """A limit on the size of files simulates it."""
    entry = manifest_entry(save_psp(mirror))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match=r"downloads: .*FACEVID_HOME"):
            fetch_model(entry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert stored_names() == []
    assert not (store / "downloads" / "psp.pt").exists()
    fetch_model(entry)


def test_two_processes_share_one_download(mirror: Path) -> None:
    entry = manifest_entry(save_psp(mirror))
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: fetch_model(entry), range(2)))
    assert folders[0] == folders[1]
    assert stored_names() == ["tiny"]


def test_the_manifest_is_complete() -> None:
    for entry in MANIFEST:
        assert find_entry(entry.name) is entry
        assert entry.licence
        assert all(file.address.startswith("https://") and len(file.sha256) == 64 for file in entry.files)
    with pytest.raises(UsageError, match=r'"nothing".* ffhq'):
        find_entry("nothing")
