"""The cache of analysis results."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facevid.errors import OutputError
from facevid.utils import cache


def write(text: str) -> Callable[[Path], None]:
    """Return a function that fills an entry with one file of this text."""

    def fill(folder: Path) -> None:
        (folder / "a.npy").write_text(text)

    return fill


def test_an_entry_is_filled_once() -> None:
    first = cache.cached_folder({"clip": 1}, write("one"))
    again = cache.cached_folder({"clip": 1}, write("two"))
    assert first == again
    assert (again / "a.npy").read_text() == "one"
    assert (cache.cached_folder({"clip": 2}, write("two")) / "a.npy").read_text() == "two"


def test_a_failure_leaves_no_entry() -> None:
    def fail(folder: Path) -> None:
        (folder / "a.npy").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.cached_folder({"clip": 1}, fail)
    assert list(cache.cache_folder().iterdir()) == []


def test_the_least_recently_used_entries_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CAPACITY_BYTES", 250 + 3 * len(json.dumps({"a.npy": "x" * 64})))
    for number in range(3):
        entry = cache.cached_folder({"clip": number}, write("x" * 100))
        os.utime(entry, (number, number))
    cache.cached_folder({"clip": 0}, write("never"))
    cache.cached_folder({"clip": 3}, write("x" * 100))
    remaining = {entry.name for entry in cache.cache_folder().iterdir()}
    assert cache.cached_folder({"clip": 0}, write("gone")).name in remaining
    assert (cache.cached_folder({"clip": 0}, write("gone")) / "a.npy").read_text() == "x" * 100
    assert (cache.cached_folder({"clip": 1}, write("new")) / "a.npy").read_text() == "new"


def test_recently_used_entries_are_kept_beyond_the_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CAPACITY_BYTES", 50)
    entries = [cache.cached_folder({"clip": number}, write("x" * 100)) for number in range(3)]
    assert all(entry.is_dir() for entry in entries)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("on"),
        lambda path: path.write_text("two"),
        lambda path: path.unlink(),
        lambda path: path.with_name("more.npy").write_text("more"),
        lambda path: path.with_name(cache.HASHES_FILE).write_text("[" * 100_000),
        lambda path: path.with_name(cache.HASHES_FILE).write_text('["a.npy"]'),
    ],
)
def test_a_damaged_entry_is_filled_again(damage: Callable[[Path], object]) -> None:
    entry = cache.cached_folder({"clip": 1}, write("one"))
    damage(entry / "a.npy")
    assert cache.cached_folder({"clip": 1}, write("new")) == entry
    assert (entry / "a.npy").read_text() == "new"


def test_processes_may_share_the_cache() -> None:
    code = """
import sys
from facevid.utils import cache
cache.CAPACITY_BYTES, cache.MIN_AGE = 100, 0.1
for number in range(60):
    cache.cached_folder({"clip": number % 7}, lambda folder: (folder / "a.npy").write_text("x" * 100))
"""
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == [b""] * 3


def test_an_invalid_cache_folder_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"file/cache.*FACEVID_HOME"):
        cache.cached_folder({"clip": 1}, write("one"))


def test_a_changed_file_has_another_key(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    content = bytes(range(256)) * 400
    path.write_bytes(content)
    before, status = cache.file_key(path), path.stat()
    path.write_bytes(content + b"more")
    assert cache.file_key(path) != before
    for offset in (0, len(content) // 3, len(content) - 1):  # same size and time, but for the content
        path.write_bytes(content[:offset] + b"\xaa" + content[offset + 1 :])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert cache.file_key(path) != before
    path.write_bytes(content)
    assert cache.file_key(path) != before
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.file_key(path) == before
    (tmp_path / "elsewhere").mkdir()
    assert cache.file_key(path.rename(tmp_path / "elsewhere/clip.mp4")) == before


def test_a_read_only_cache_is_read_and_new_entries_are_temporary(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    entry = cache.cached_folder({"clip": 1}, write("one"))
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who may write anywhere
    monkeypatch.setattr(os, "utime", forbidden)
    assert cache.cached_folder({"clip": 1}, write("two")) == entry
    other = cache.cached_folder({"clip": 2}, write("two"))
    assert cache.cache_folder() not in other.parents
    assert cache.cached_folder({"clip": 2}, write("three")) == other
    assert (other / "a.npy").read_text() == "two"
    assert len([record for record in caplog.records if str(cache.cache_folder()) in record.getMessage()]) == 1


def test_the_entry_of_a_faster_process_is_kept() -> None:
    inodes: list[int] = []

    def fill(folder: Path) -> None:
        faster = cache.cached_folder({"clip": 1}, write("one")) / "a.npy"  # another process finishes first
        (folder / "a.npy").write_text("one")
        inodes.append(faster.stat().st_ino)

    entry = cache.cached_folder({"clip": 1}, fill)
    assert (entry / "a.npy").stat().st_ino == inodes[0]
    assert (entry / "a.npy").read_text() == "one"
