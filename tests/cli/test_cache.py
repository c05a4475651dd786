"""`facevid cache`."""

import json
from pathlib import Path

from facevid.utils import cache
from tests.conftest import RunFacevid


def write(folder: Path) -> None:
    (folder / "a.npy").write_bytes(bytes(1000))


def test_info_and_clear(run_facevid: RunFacevid) -> None:
    assert json.loads(run_facevid("cache", "info", "--json").out)["entries"] == 0
    for clip in range(3):
        cache.cached_folder({"clip": clip}, write)
    unfinished = cache.cache_folder() / "abc.def"
    unfinished.mkdir()
    usage = json.loads(run_facevid("cache", "clear", "--json").out)
    assert usage["folder"] == str(cache.cache_folder())
    assert usage["entries"] == 4
    assert 3000 < usage["bytes"] < 4000
    assert [path.name for path in cache.cache_folder().iterdir()] == ["abc.def"]
    assert str(cache.cache_folder()) in run_facevid("cache", "info").out
