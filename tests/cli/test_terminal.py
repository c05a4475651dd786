"""What commands print: names of files and arguments may hold anything, and no terminal obeys them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from facevid.errors import LONGEST_MESSAGE, InputError, printable, reason
from tests.models.files import save_psp

FORGED = "no\x1b]0;title\x07\nfacevid: all fine"
SHOWN = r"no\x1b]0;title\x07\nfacevid: all fine"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("été 夏.mp4", "été 夏.mp4"),
        ("a\x1b[2Jb\r\n\t\x7f\x9b", r"a\x1b[2Jb\r\n\t\x7f\x9b"),
        ("\u202egpj.exe\u2028\udcff", r"\u202egpj.exe\u2028\udcff"),
        (r"already \n escaped", r"already \n escaped"),
    ],
)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert str(InputError(text)) == shown


def test_of_long_messages_the_middle_is_left_out() -> None:
    told = str(InputError(f"in.mp4: {'x' * 100_000}; check the name"))
    assert len(told) < LONGEST_MESSAGE + 10
    assert told.startswith("in.mp4: x") and told.endswith("x; check the name")


def test_of_other_libraries_messages_the_first_line_is_quoted() -> None:
    assert reason(RuntimeError("first\nsecond")) == "first"
    assert reason(KeyError()) == "KeyError"
    assert reason(FileNotFoundError(2, "No such file or directory", "x")) == "No such file or directory"


def test_a_name_with_control_characters(run_facevid: Any, tmp_path: Path) -> None:
    ended = run_facevid("edit", tmp_path / f"{FORGED}.mp4", tmp_path / "out.mp4", "--attr", "smile=1")
    assert ended.code == 3
    assert SHOWN in ended.err
    assert ended.err.count("\n") == 1 and "\x1b" not in ended.err


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_results_and_tracebacks_with_control_characters(
    run_facevid: Any, portrait_clip: Path, tmp_path: Path, verbose: list[str]
) -> None:
    source = tmp_path / f"{FORGED}.mp4"
    shutil.copy(portrait_clip, source)
    done = run_facevid("inspect", source, "--out", tmp_path / FORGED, *verbose)
    assert done.code == 0
    failed = run_facevid("inspect", source, "--out", tmp_path / FORGED, *verbose)
    assert failed.code == 6
    assert SHOWN in done.out and SHOWN in failed.err
    assert not {"\x1b", "\x07"} & set(done.out + done.err + failed.out + failed.err)
    assert "\nfacevid: all fine" not in done.out + failed.err


@pytest.mark.parametrize("words", [[f"--{FORGED}"], ["--rate", FORGED], ["--codec"], ["a", "b", FORGED]])
def test_refused_arguments_with_control_characters(run_facevid: Any, words: list[str]) -> None:
    ended = run_facevid("edit", *words)
    assert ended.code == 2
    assert "\x1b" not in ended.err and "\nfacevid: all fine" not in ended.err


def test_a_huge_argument_is_not_echoed(run_facevid: Any) -> None:
    for words in (["--attr", f"smile={'1' * 100_000}"], ["--rate", "1" * 100_000], [f"--{'a' * 100_000}"]):
        ended = run_facevid("edit", "in.mp4", "out.mp4", *words)
        assert ended.code == 2
        assert len(ended.err) < 3000


@pytest.mark.parametrize("home", ["x" * 5000, "~no-such-user/x"])
@pytest.mark.parametrize("words", [["list"], ["info", "mine"], ["import", __file__, "--name", "a"], ["verify"]])
def test_a_store_that_can_be_none(run_facevid: Any, monkeypatch: Any, home: str, words: list[str]) -> None:
    monkeypatch.setenv("FACEVID_HOME", home)
    ended = run_facevid("models", *words)
    assert (ended.code, "FACEVID_HOME" in ended.err, ended.err.count("\n")) == (5, True, 1)


def test_models_kept_in_a_folder_with_control_characters(run_facevid: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / FORGED))
    assert run_facevid("models", "import", save_psp(tmp_path), "--name", "mine").code == 0
    for words in (["list"], ["info", "mine"], ["verify"]):
        ended = run_facevid("models", *words)
        assert (ended.code, "\x1b" in ended.out) == (0, False)


def test_a_full_standard_output_is_told(tmp_path):
    command = [sys.executable, "-m", "facevid", "attrs"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) == 1


def test_a_file_whose_name_begins_with_a_dash_gets_a_hint(run_facevid):
    outcome = run_facevid("edit", "-clip.mp4", "out.mp4", "--attr", "smile=1")
    assert outcome.code == 2
    assert "./-name" in outcome.err
