"""`facevid edit`, from the command line: exit codes and messages of errors."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.clips import write_clip
from tests.conftest import RunFacevid

SMILE = ("--attr", "smile=1", "--device", "cpu")


@pytest.mark.parametrize(
    ("attr", "named"),
    [("smlie=1", '"smile"'), ("smile=9", "-3 and 3"), ("smile", "NAME=VALUE")],
)
def test_an_invalid_attribute(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, attr: str, named: str
) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--attr", attr)
    assert outcome.code == 2
    assert named in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_no_attribute(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4")
    assert (outcome.code, "--attr smile=+1" in outcome.err) == (2, True)


@pytest.mark.parametrize("rate", ["25", "24000/1001"])
def test_a_video_does_not_accept_a_rate(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, rate: str
) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--rate", rate)
    assert outcome.code == 2
    assert "portrait.mp4" in outcome.err
    assert "--rate" in outcome.err


@pytest.mark.parametrize(
    "rate",
    ["0", "1e-999999999", "1e999999999", "1/0", "nan", "1001", "-1", "9" * 5000, f"1/{'0' * 5000}1", "25fps"],
)
def test_an_invalid_rate(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, rate: str) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--rate", rate)
    assert outcome.code == 2
    assert "'--rate'" in outcome.err
    assert "24000/1001" in outcome.err


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--smooth", ["nan", "inf", "-1"]),
        ("--crf", ["nan", "-1"]),
        ("--batch-size", ["0", "9" * 21]),
        ("--start-number", ["-1", "9" * 21]),
        ("--frames", ["9" * 5000, "1-" + "9" * 21]),
        ("--face", ["9" * 5000, "x" * 5000]),
        ("--attr", [f"smile=1@{'9' * 400}", f"smile=1@0.{'9' * 5000}s", f"smile={'9' * 5000}", "smile=nan"]),
        ("--compare", ["x" * 5000, "a/" * 4000]),
    ],
)
def test_invalid_numbers_and_names(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, option: str, values: list[str]
) -> None:
    for value in values:
        outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--attr", "smile=1", option, value)
        assert outcome.code == 2
        assert option in outcome.err or value[:20] in outcome.err
    assert not list(tmp_path.iterdir())


def test_names_that_are_too_long(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    assert run_facevid("edit", "x" * 5000, tmp_path / "out.mp4", "--attr", "smile=1").code == 2
    assert run_facevid("edit", portrait_clip, "x" * 5000, "--attr", "smile=1").code == 2
    assert run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--model", "x" * 5000).code == 5


def test_repeated_attributes_cannot_exceed_the_limit(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path
) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE * 300)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert '"smile"' in outcome.err
    assert " 300 " in outcome.err


def test_all_mistakes_are_reported_at_once(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    attrs = ["--attr", "smile", "--attr", "age=9", "--attr", "male=1"]
    outcome = run_facevid("edit", portrait_clip, tmp_path / "o.mp4", *attrs, "--frames", "9-2", "--crf", "x")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    for text in ('"smile"', '"age=9"', '"9-2"', "--crf"):
        assert text in outcome.err
    outcome = run_facevid("edit", portrait_clip, tmp_path / "o.mp4", "--attr", "smlie=1", "--attr", "agge=1")
    assert (outcome.code, "smile" in outcome.err, '"agge"' in outcome.err) == (2, True, True)


def test_an_unknown_command_gets_the_closest_match(run_facevid: RunFacevid) -> None:
    outcome = run_facevid("edti", "in.mp4")
    assert (outcome.code, '"edit"' in outcome.err) == (2, True)


def test_a_missing_source(run_facevid: RunFacevid, tmp_path: Path) -> None:
    outcome = run_facevid("edit", tmp_path / "in.mp4", tmp_path / "out.mp4", *SMILE)
    assert outcome.code == 3
    assert "in.mp4" in outcome.err


def test_a_text_file_named_mp4(run_facevid: RunFacevid, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_text("not a film\n" * 1000)
    outcome = run_facevid("edit", tmp_path / "in.mp4", tmp_path / "out.mp4", *SMILE)
    assert outcome.code == 3
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, share: float) -> None:
    whole = portrait_clip.read_bytes()
    (tmp_path / "in.mp4").write_bytes(whole[: int(len(whole) * share)])
    outcome = run_facevid("edit", tmp_path / "in.mp4", tmp_path / "out.mp4", *SMILE)
    assert outcome.code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_no_face(run_facevid: RunFacevid, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", [np.full((120, 160, 3), 90, dtype=np.uint8)] * 3)
    outcome = run_facevid("edit", source, tmp_path / "out.mp4", *SMILE, "-q")
    assert outcome.code == 4
    assert "in.mp4" in outcome.err
    assert "3 frames" in outcome.err
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("model", ["nobody", "missing/model.pt"])
def test_a_missing_model(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, model: str) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--model", model)
    assert outcome.code == 5
    assert not list(tmp_path.iterdir())


def test_a_missing_output_folder(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "new" / "out.mp4", *SMILE)
    assert outcome.code == 6
    assert not list(tmp_path.iterdir())


def test_a_read_only_output_folder(run_facevid: RunFacevid, portrait_clip: Path) -> None:
    # /proc is read-only even for root.
    outcome = run_facevid("edit", portrait_clip, "/proc/out.mp4", *SMILE)
    assert outcome.code == 6


def test_an_existing_result_is_kept(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("precious")
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE)
    assert outcome.code == 6
    assert "--overwrite" in outcome.err
    assert (tmp_path / "out.mp4").read_text() == "precious"


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_the_source_is_never_overwritten(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, link: Callable[[Path, Path], None] | None
) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(portrait_clip.read_bytes())
    target = source
    if link:
        target = tmp_path / "link.mp4"
        link(source, target)
    outcome = run_facevid("edit", source, target, *SMILE, "-y")
    assert outcome.code == 2
    assert source.read_bytes() == portrait_clip.read_bytes()


def test_the_comparison_cannot_be_the_result(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    outcome = run_facevid("edit", portrait_clip, out, *SMILE, "--compare", out)
    assert outcome.code == 2
    assert not out.exists()


def test_an_invalid_face(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    wall, out = tmp_path / "wall.png", tmp_path / "out.mp4"
    cv2.imwrite(str(wall), np.full((64, 64, 3), 90, dtype=np.uint8))
    for face, code, named in (
        ("biggest", 2, '"biggest"'),
        ("3", 2, " 3"),
        (wall, 4, str(wall)),
    ):
        outcome = run_facevid("edit", portrait_clip, out, *SMILE, "--face", face, "-q")
        assert outcome.code == code
        assert named in outcome.err
        assert not out.exists()
