"""Fetching, over file:// and over a small HTTP server that resumes, cuts off, or sends a web page."""

import hashlib
import http.server
import resource
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from facevid.errors import ModelError, OutputError, UsageError
from facevid.models import load_model
from facevid.models.fetch import fetch_file, fetch_model
from facevid.models.manifest import MANIFEST, ManifestEntry, ManifestFile, find_entry
from facevid.models.store import stored_names
from tests.models.files import save_psp


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `data`, from the middle where it is asked to; `cut` ends every answer after so many bytes."""

    data, cut, ranges = b"", None, True
    asked: list[str | None] = []  # noqa: RUF012

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        body = self.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.cut])

    def log_message(self, *args):
        """Keep quiet."""


@pytest.fixture
def server(monkeypatch):
    handler = type("Handler", (Server,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("FACEVID_MODEL_MIRROR", f"http://127.0.0.1:{running.server_port}/weights/")
        yield handler
        running.shutdown()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", folder.as_uri())
    return folder


def entry_of(path):
    data = path.read_bytes()
    file = ManifestFile(path.name, "https://nowhere.invalid/x", len(data), hashlib.sha256(data).hexdigest())
    return ManifestEntry("tiny", "a test", "none", (file,))


def test_from_a_folder(mirror, store):
    entry = entry_of(save_psp(mirror))
    seen = []
    fetch_model(entry, progress=lambda *step: seen.append(step))
    assert load_model("tiny").settings.licence == "none"
    assert seen[-1] == (entry.files[0].name, entry.files[0].bytes, entry.files[0].bytes)
    assert [f.suffix for f in (store / "downloads").iterdir()] in ([".lock"], [])
    with pytest.raises(UsageError, match="--overwrite"):
        fetch_model(entry)


def test_an_interrupted_download_goes_on(server, tmp_path):
    source = save_psp(tmp_path)
    entry, server.data, server.cut = entry_of(source), source.read_bytes(), 10_000
    with pytest.raises(ModelError, match=r"psp\.pt: .*(ended after|cannot be downloaded)"):
        fetch_model(entry)
    assert stored_names() == []
    server.cut = None
    fetch_model(entry)
    assert server.asked == [None, "bytes=10000-"]
    assert stored_names() == ["tiny"]


def test_a_server_that_cannot_go_on_is_asked_for_the_whole(server, tmp_path):
    source = save_psp(tmp_path)
    file, server.data, server.ranges = entry_of(source).files[0], source.read_bytes(), False
    (tmp_path / "psp.pt.part").write_bytes(b"something else")
    (tmp_path / "down").mkdir()
    (tmp_path / "down" / "psp.pt.part").write_bytes(server.data[:5000])
    assert fetch_file(file, tmp_path / "down").read_bytes() == server.data


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda data: b"<html>Google Drive - Quota exceeded</html>".ljust(len(data)), "web page.*quota exceeded"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "not the published psp"),
        (lambda data: data[: len(data) // 2], "ended after"),
        (lambda data: data + b"more", "larger than"),
    ],
)
def test_what_is_not_the_published_file_never_reaches_the_store(mirror, store, change, complaint):
    path = save_psp(mirror)
    entry = entry_of(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ModelError, match=complaint):
        fetch_model(entry)
    assert stored_names() == []
    assert not (store / "downloads" / "psp.pt").exists()
    path.write_bytes(b"")
    with pytest.raises(ModelError):
        fetch_model(entry)


def test_no_such_file(mirror):
    entry = entry_of(save_psp(mirror))
    (mirror / "psp.pt").unlink()
    with pytest.raises(ModelError, match=r"cannot be downloaded.*FACEVID_MODEL_MIRROR"):
        fetch_model(entry)


def test_a_full_disk(mirror, store):
    """A limit on the size of files stands for the disk's end."""
    entry = entry_of(save_psp(mirror))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match="File too large"):
            fetch_model(entry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert stored_names() == []
    assert not (store / "downloads" / "psp.pt").exists()
    fetch_model(entry)


def test_two_at_once(mirror):
    entry = entry_of(save_psp(mirror))
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: fetch_model(entry), range(2)))
    assert folders[0] == folders[1]
    assert stored_names() == ["tiny"]


def test_the_manifest_is_sound():
    for entry in MANIFEST:
        assert find_entry(entry.name) is entry
        assert entry.licence
        assert all(file.address.startswith("https://") and len(file.sha256) == 64 for file in entry.files)
    with pytest.raises(UsageError, match="there is: ffhq"):
        find_entry("nothing")
