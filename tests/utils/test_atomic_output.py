"""Hidden folders of unfinished output."""

import subprocess
import sys
from pathlib import Path

from facevid.utils.atomic_output import TemporaryFiles, TemporaryFolder

FILES = """
import os, signal, sys
from pathlib import Path
from facevid.utils.atomic_output import TemporaryFiles
with TemporaryFiles(Path(sys.argv[1])) as temporaries:
    temporaries.path("video", ".mp4").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""

FOLDER = """
import os, signal, sys
from pathlib import Path
from facevid.utils.atomic_output import TemporaryFolder
def names():
    yield "a.png"
    os.kill(os.getpid(), signal.SIGKILL)
with TemporaryFolder(Path(sys.argv[1]), Path("out")) as folder:
    (folder.path / "a.png").write_text("new")
    folder.commit(names(), [Path(sys.argv[1]) / "stale.png"])
"""


def run_and_kill(code: str, path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9


def test_files_of_a_killed_run_are_deleted_and_those_of_a_living_one_kept(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    run_and_kill(FILES, out)
    other = tmp_path / ".other.mp4.0123abcd"
    other.mkdir()
    assert list(tmp_path.glob(".out.mp4.*/video.mp4"))
    with TemporaryFiles(out) as living:
        living.path("video", ".mp4").write_text("mine")
        assert set(tmp_path.iterdir()) == {other, living.folder}
        with TemporaryFiles(out) as second:
            assert second.folder != living.folder
        living.commit(living.path("video", ".mp4"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "out.mp4"]
    assert out.read_text() == "mine"


def test_files_that_a_killed_run_was_replacing_are_put_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.png", "stale.png"):
        (out / name).write_text("old")
    run_and_kill(FOLDER, out)
    assert {path.name: path.read_text() for path in out.glob("*.png")} == {"a.png": "new"}
    with TemporaryFolder(out, out):
        assert {path.name: path.read_text() for path in out.glob("*.png")} == {"a.png": "old", "stale.png": "old"}
        assert len(list(out.iterdir())) == 3
