"""Output of the commands: control characters in file names and arguments are escaped."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from facevid.errors import MAX_MESSAGE_LENGTH, InputError, printable, reason
from tests.conftest import RunFacevid
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
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert str(InputError(text)) == shown


def test_long_messages_are_shortened_in_the_middle() -> None:
    message = str(InputError(f"in.mp4: {'x' * 100_000}; check the name"))
    assert len(message) < MAX_MESSAGE_LENGTH + 10
    assert message.startswith("in.mp4: x") and message.endswith("x; check the name")


def test_the_first_line_of_other_libraries_messages_is_quoted() -> None:
    assert reason(RuntimeError("first\nsecond")) == "first"
    assert reason(KeyError()) == "KeyError"
    assert reason(FileNotFoundError(2, "No such file or directory", "x")) == "No such file or directory"


def test_a_name_with_control_characters(run_facevid: RunFacevid, tmp_path: Path) -> None:
    outcome = run_facevid("edit", tmp_path / f"{FORGED}.mp4", tmp_path / "out.mp4", "--attr", "smile=1")
    assert outcome.code == 3
    assert SHOWN in outcome.err
    assert outcome.err.count("\n") == 1 and "\x1b" not in outcome.err


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_results_and_tracebacks_with_control_characters(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, verbose: list[str]
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
def test_refused_arguments_with_control_characters(run_facevid: RunFacevid, words: list[str]) -> None:
    outcome = run_facevid("edit", *words)
    assert outcome.code == 2
    assert "\x1b" not in outcome.err and "\nfacevid: all fine" not in outcome.err


def test_a_huge_argument_is_not_echoed(run_facevid: RunFacevid) -> None:
    for words in (["--attr", f"smile={'1' * 100_000}"], ["--rate", "1" * 100_000], [f"--{'a' * 100_000}"]):
        outcome = run_facevid("edit", "in.mp4", "out.mp4", *words)
        assert outcome.code == 2
        assert len(outcome.err) < 3000


@pytest.mark.parametrize("home", ["x" * 5000, "~no-such-user/x"])
@pytest.mark.parametrize("words", [["list"], ["info", "mine"], ["import", __file__, "--name", "a"], ["verify"]])
def test_an_invalid_store_folder(run_facevid: RunFacevid, monkeypatch: Any, home: str, words: list[str]) -> None:
    monkeypatch.setenv("FACEVID_HOME", home)
    outcome = run_facevid("models", *words)
    assert (outcome.code, "FACEVID_HOME" in outcome.err, outcome.err.count("\n")) == (5, True, 1)


def test_a_store_folder_with_control_characters(run_facevid: RunFacevid, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("FACEVID_HOME", str(tmp_path / FORGED))
    assert run_facevid("models", "import", save_psp(tmp_path), "--name", "mine").code == 0
    for words in (["list"], ["info", "mine"], ["verify"]):
        outcome = run_facevid("models", *words)
        assert (outcome.code, "\x1b" in outcome.out) == (0, False)


def test_an_unwritable_standard_output_is_an_error() -> None:
    command = [sys.executable, "-m", "facevid", "attrs"]
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert process.returncode == 6
    assert len(process.stderr.splitlines()) == 1


def test_a_file_name_that_begins_with_a_dash_gets_a_hint(run_facevid: RunFacevid) -> None:
    outcome = run_facevid("edit", "-clip.mp4", "out.mp4", "--attr", "smile=1")
    assert outcome.code == 2
    assert "./-name" in outcome.err
