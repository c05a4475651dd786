"""The cache of analysis."""

import os

import pytest

from facevid import cache


def write(text):
    return lambda folder: (folder / "a.npy").write_text(text)


def test_an_entry_is_filled_once():
    first = cache.cached({"clip": 1}, write("one"))
    again = cache.cached({"clip": 1}, write("two"))
    assert first == again
    assert (again / "a.npy").read_text() == "one"
    assert (cache.cached({"clip": 2}, write("two")) / "a.npy").read_text() == "two"


def test_a_failure_leaves_no_entry():
    def fail(folder):
        (folder / "a.npy").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.cached({"clip": 1}, fail)
    assert list(cache.cache_folder().iterdir()) == []


def test_the_entries_unused_for_longest_make_room(monkeypatch):
    monkeypatch.setattr(cache, "CAPACITY", 250)
    for number in range(3):
        entry = cache.cached({"clip": number}, write("x" * 100))
        os.utime(entry, (number, number))
    cache.cached({"clip": 0}, write("never"))
    cache.cached({"clip": 3}, write("x" * 100))
    left = {entry.name for entry in cache.cache_folder().iterdir()}
    assert cache.cached({"clip": 0}, write("gone")).name in left
    assert (cache.cached({"clip": 0}, write("gone")) / "a.npy").read_text() == "x" * 100
    assert (cache.cached({"clip": 1}, write("new")) / "a.npy").read_text() == "new"


def test_a_changed_file_has_another_identity(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("one")
    before = cache.identity(path)
    path.write_text("three")
    assert cache.identity(path) != before
