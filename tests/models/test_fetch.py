"""Fetching, over file:// and over a small HTTP server that resumes, cuts off, or sends a web page."""

import base64
import hashlib
import http.server
import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from facevid.errors import ModelError, OutputError, UsageError
from facevid.models import fetch, load_model
from facevid.models.fetch import fetch_file, fetch_model
from facevid.models.manifest import MANIFEST, ManifestEntry, ManifestFile, find_entry
from facevid.models.store import stored_names
from tests.models.files import save_psp


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `data`, from the middle where it is asked to; `cut` ends every answer after so many bytes.

    `to` is an address that it sends on to, in place of any answer.
    """

    data, cut, ranges = b"", None, True
    port = 0
    to: str | None = None
    asked: list[str | None] = []  # noqa: RUF012
    users: list[str | None] = []  # noqa: RUF012

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        self.users.append(self.headers.get("Authorization"))
        if self.to:
            self.send_response(302)
            self.send_header("Location", self.to)
            self.end_headers()
            return
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
    handler: type[Server] = type("Handler", (Server,), {"asked": [], "users": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("FACEVID_MODEL_MIRROR", f"http://127.0.0.1:{running.server_port}/weights/")
        handler.port = running.server_port
        yield handler
        running.shutdown()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", folder.as_uri())
    return folder


@pytest.fixture
def down(tmp_path):
    """A folder to download to."""
    folder = tmp_path / "down"
    folder.mkdir()
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


@pytest.mark.parametrize("page", [b"<html>Quota exceeded", b"\xef\xbb\xbf\r\n <!DOCTYPE html><title>Quota exceeded"])
def test_a_web_page_in_place_of_the_rest_leaves_what_is_there(server, tmp_path, page):
    source = save_psp(tmp_path)
    file, whole = entry_of(source).files[0], source.read_bytes()
    partial = tmp_path / "down" / "psp.pt.part"
    partial.parent.mkdir()
    partial.write_bytes(whole[:20_000])
    server.data, server.ranges = page, False
    with pytest.raises(ModelError, match=r"sent a web page.*quota exceeded"):
        fetch_file(file, partial.parent)
    assert partial.read_bytes() == whole[:20_000]
    server.data, server.ranges = whole, True
    assert fetch_file(file, partial.parent).read_bytes() == whole
    assert server.asked == ["bytes=20000-"] * 2


def test_a_beginning_of_another_file_is_begun_again(server, tmp_path):
    source = save_psp(tmp_path)
    file, server.data = entry_of(source).files[0], source.read_bytes()
    (tmp_path / "down").mkdir()
    (tmp_path / "down" / "psp.pt.part").write_bytes(b"x" * 20_000)
    assert fetch_file(file, tmp_path / "down").read_bytes() == server.data
    assert server.asked == ["bytes=20000-", None]


@pytest.mark.parametrize("slow", [0.01, 0.05])
def test_a_download_that_trickles_is_given_up(server, down, tmp_path, monkeypatch, slow):
    """A byte now and then keeps a connection alive for ever."""
    monkeypatch.setattr(fetch, "TIMEOUT", 0.3)
    source = save_psp(tmp_path)
    file, whole = entry_of(source).files[0], source.read_bytes()

    def trickle(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(whole[:5000])
        for at in range(5000, 5200):
            time.sleep(slow)
            self.wfile.write(whole[at : at + 1])

    server.do_GET = trickle
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"cannot be downloaded \(.* bytes in .* seconds\); try again"):
        fetch_file(file, down)
    assert time.monotonic() - began < 5
    assert whole.startswith((down / "psp.pt.part").read_bytes())


def test_a_password_is_sent_and_never_shown(server, tmp_path, monkeypatch):
    source = save_psp(tmp_path)
    file, server.data = entry_of(source).files[0], source.read_bytes()
    (tmp_path / "down").mkdir()
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", f"http://me:s%40cret@127.0.0.1:{server.port}/weights")
    fetch_file(file, tmp_path / "down")
    assert server.users == ["Basic " + base64.b64encode(b"me:s@cret").decode()]
    server.data, server.cut = b"<html>", None
    (tmp_path / "down" / "psp.pt").unlink()
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1.*psp\.pt: sent a web page") as caught:
        fetch_file(file, tmp_path / "down")
    assert "cret" not in str(caught.value)
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", "http://me:secret@127.0.0.1:1/weights")
    with pytest.raises(ModelError, match="cannot be downloaded") as caught:
        fetch_file(file, tmp_path / "down")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/psp.pt", "file:///etc/passwd"])
def test_only_web_servers_are_sent_on_to(server, down, tmp_path, to):
    file, server.to = entry_of(save_psp(tmp_path)).files[0], to
    with pytest.raises(ModelError, match=r"sends on to ftp:|not allowed"):
        fetch_file(file, down)


def test_a_plain_folder_as_mirror(tmp_path, monkeypatch):
    folder = tmp_path / "my weights"
    folder.mkdir()
    entry = entry_of(save_psp(folder))
    monkeypatch.chdir(tmp_path)
    for mirror in (str(folder), f"{folder}/", "my weights", folder.as_uri()):
        monkeypatch.setenv("FACEVID_MODEL_MIRROR", mirror)
        fetch_model(entry, overwrite=True)
    monkeypatch.setenv("FACEVID_MODEL_MIRROR", str(tmp_path / "none"))
    with pytest.raises(ModelError, match=r"none/psp\.pt: cannot be downloaded \(No such file"):
        fetch_model(entry, overwrite=True)


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
