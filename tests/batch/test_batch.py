"""`facevid batch`: finding shots, their options, failures, and the log."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.batch.shot_state import ShotTask
from facevid.batch.shots import find_shots
from facevid.cli import batch
from facevid.cli.batch_tasks import make_tasks
from facevid.edits.attribute_edit import AttributeEdit
from facevid.edits.edit_file import FaceEdits
from facevid.errors import InputError, UsageError
from facevid.video import open_clip
from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid

SMILE = ("--attr", "smile=+1")

MakeTasks = Callable[..., list[ShotTask]]


@pytest.fixture
def shots(portrait: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a folder with a good clip, a broken clip, a sequence in a subfolder, and files that are not shots."""
    folder = tmp_path / "shots"
    (folder / "day1").mkdir(parents=True)
    pictures = [camera_move(portrait, index, (320, 240)) for index in range(2)]
    write_clip(folder / "good.mp4", pictures)
    (folder / "broken.mov").write_bytes(b"no video")
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"day1/plate.{1001 + number}.png"), picture[..., ::-1])
    cv2.imwrite(str(folder / "slate1.png"), pictures[0])
    (folder / "notes.txt").write_text("x")
    return folder


@pytest.fixture
def tasks_of(shots: Path, tmp_path: Path) -> MakeTasks:
    """Return a function that makes the tasks of the shots from options."""

    def make(*options: object, table: Path | None = None) -> list[ShotTask]:
        with click.Context(batch.command):
            arguments = [str(option) for option in options]
            return make_tasks(shots, tmp_path / "out", arguments, table, overwrite=False, copy_without_face=False)

    return make


def test_clips_and_sequences_are_found(shots: Path, tmp_path: Path) -> None:
    (shots / "edited").mkdir()
    (shots / "edited/good.mp4").write_bytes(b"a result")
    (shots / "tape.MXF").write_bytes(b"no result can be of this kind")
    for marker in ("earlier/.facevid/a.mp4.json", "layers/layers.json"):
        (shots / marker).parent.mkdir(parents=True)
        (shots / marker).touch()
        (shots / marker.partition("/")[0] / "a.mp4").touch()
    found = find_shots(shots, shots / "edited")
    assert [(str(shot.name), shot.label) for shot in found] == [
        ("broken.mov", "broken"),
        ("day1/plate.%04d.png", "day1/plate"),
        ("good.mp4", "good"),
        ("tape.MXF", "tape"),
    ]
    targets = [str(shot.target.relative_to(shots / "edited")) for shot in found]
    assert targets == ["broken.mov", "day1/plate.%04d.png", "good.mp4", "tape.MXF.mov"]
    with pytest.raises(UsageError, match="/shots: "):
        find_shots(shots, shots)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="/empty: "):
        find_shots(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(InputError, match=r"good\.mp4: "):
        find_shots(shots / "good.mp4", tmp_path)


def test_certificates_of_shots(shots: Path, tmp_path: Path, tasks_of: MakeTasks) -> None:
    for name in ("a.pem", "a.key", "b.pem", "b.key"):
        (shots / name).write_text(name)
    (shots / "day1/shot.toml").write_text('sign = ["../b.pem", "../b.key"]\nno-provenance = false\n')
    tasks = {task.shot.label: task for task in tasks_of(*SMILE, "--sign", shots / "a.pem", shots / "a.key")}
    signs = {label: task.options.sign for label, task in tasks.items()}
    assert {label: sign and sign.certificate.resolve().name for label, sign in signs.items()} == {
        "good": "a.pem",
        "broken": "a.pem",
        "day1/plate": "b.pem",
    }
    before = tasks["good"].inputs
    assert before.options["sign"] == ["a.pem", "a.key"]
    (shots / "a.pem").write_text("renewed")
    after = next(t for t in tasks_of(*SMILE, "--sign", shots / "a.pem", shots / "a.key") if t.shot.label == "good")
    assert after.inputs.differences(before) == ["--sign a.pem changed"]
    plain = next(t for t in tasks_of(*SMILE, "--no-provenance") if t.shot.label == "good")
    assert (plain.options.provenance, plain.inputs.options["no-provenance"]) == (False, "True")
    with pytest.raises(InputError, match=r"none\.pem"):
        tasks_of(*SMILE, "--sign", shots / "none.pem", shots / "a.key")


def test_links_are_followed_but_not_in_circles(shots: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.mov").write_bytes(b"x")
    (shots / "linked").symlink_to(tmp_path / "elsewhere")
    (shots / "day1/above").symlink_to(shots)
    (shots / "itself").symlink_to(shots / "itself")
    found = [str(shot.name) for shot in find_shots(shots, tmp_path / "out")]
    assert found == ["broken.mov", "day1/plate.%04d.png", "good.mp4", "linked/b.mov"]


def test_failed_shots_do_not_stop_the_others_and_finished_ones_are_kept(
    run_facevid: RunFacevid, shots: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, layers, log = tmp_path / "out", tmp_path / "layers", tmp_path / "log.jsonl"
    (shots / "good.mp4").rename(shots / "-good.mp4")
    (shots / "broken.mov").rename(shots / "broken\udcff.mov")  # bytes that are no UTF-8
    monkeypatch.chdir(shots)
    arguments = ("batch", ".", out, *SMILE, "--jobs", 2, "--layers", layers / "{shot}", "--log", log)
    outcome = run_facevid(*arguments, "-q", "-v")
    assert outcome.code == 7
    assert not outcome.out
    assert "1 of 3" in outcome.err
    assert "broken\\udcff.mov (3)" in outcome.err
    assert f"{shots}/broken\\udcff.mov" in outcome.err  # the message of `facevid edit`
    assert outcome.err.count("InputError: ") == 1  # of the traceback
    assert open_clip(out / "-good.mp4").info.width == 320
    assert sorted(path.name for path in (out / "day1").iterdir()) == ["plate.1001.png", "plate.1002.png"]
    assert (layers / "-good/layers.json").is_file()
    assert (layers / "day1/plate/layers.json").is_file()
    assert [path.name for path in out.rglob(".*")] == [".facevid"]
    lines = {line["shot"]: line for line in map(json.loads, log.read_text().splitlines())}
    assert {name: (line["state"], line["code"]) for name, line in lines.items()} == {
        "-good.mp4": ("done", 0),
        "broken\udcff.mov": ("failed", 3),
        "day1/plate.%04d.png": ("done", 0),
    }
    good = lines["-good.mp4"]
    assert (good["output"], good["layers"]) == (str(out / "-good.mp4"), str(layers / "-good"))
    assert (good["attributes"], good["frames"], good["edited"], good["faces"]) == (["smile=+1"], 2, 2, 2)
    assert good["model"] == "bundled"
    assert len(good["model_hash"]) == 64
    assert good["seconds"] > 0
    assert good["version"]

    modified = (out / "-good.mp4").stat().st_mtime_ns
    (shots / "broken\udcff.mov").unlink()
    second = run_facevid(*arguments, "--json")
    assert second.code == 0
    assert {shot["shot"]: shot["state"] for shot in json.loads(second.out)} == {
        "day1/plate.%04d.png": "kept",
        "-good.mp4": "kept",
    }
    assert (out / "-good.mp4").stat().st_mtime_ns == modified
    assert len(log.read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--attr", "smile=much"], "smile=much"),
        (["--smile", "1"], "--smile"),
        ([], "--attr"),
        (["folder", *SMILE], "folder"),
        ([*SMILE, "--layers", "layers"], "--layers layers"),
        ([*SMILE, "--part", "3/2"], "3/2"),
    ],
)
def test_invalid_options_are_refused_before_any_shot(
    run_facevid: RunFacevid, shots: Path, tmp_path: Path, options: list[str], named: str
) -> None:
    outcome = run_facevid("batch", shots, tmp_path / "out", *options)
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "out").exists()


def test_the_folder_comes_before_the_options(run_facevid: RunFacevid, shots: Path, tmp_path: Path) -> None:
    assert run_facevid("batch", *SMILE, shots, tmp_path / "out").code == 2


def strengths(task: ShotTask) -> dict[str, tuple[float, ...]]:
    return {edit.attribute: edit.values for edit in task.edits if isinstance(edit, AttributeEdit)}


def test_options_of_a_shot_take_the_place_of_general_ones(shots: Path, tasks_of: MakeTasks, tmp_path: Path) -> None:
    (shots / "day1/shot.toml").write_text('attr = ["age=-0.5", "smile=1"]\nframes = "1001-1002"\nsmooth = 1\n')
    (tmp_path / "table.csv").write_text("shot;attr;face\ngood;smile=0.3 age=1;0,2\nday1/plate;;all\n")
    general = tasks_of(*SMILE, "--smooth", 3)
    assert [[*strengths(task)] for task in general] == [["smile"], ["age", "smile"], ["smile"]]
    assert [task.options.tracking.smooth for task in general] == [3, 1, 3]
    plate, good = tasks_of(*SMILE, "--smooth", 3, table=tmp_path / "table.csv")
    assert (str(plate.shot.name), plate.options.frames, plate.options.tracking.faces) == (
        "day1/plate.%04d.png",
        (1001, 1002),
        "all",
    )
    assert strengths(plate) == {"age": (-0.5,), "smile": (1.0,)}
    assert strengths(good) == {"smile": (0.3,), "age": (1.0,)}
    assert (good.options.tracking.faces, good.options.tracking.smooth) == ((0, 2), 3)


def test_a_shot_may_have_an_edit_file(shots: Path, tasks_of: MakeTasks, tmp_path: Path) -> None:
    (shots / "day1/shot.toml").write_text('[[face]]\nface = 1\nattr = ["age=-0.5"]\n')
    for label in ("broken", "good", "day1/plate"):
        path = tmp_path / f"edits/{label}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[[face]]\nface = {len(label)}\nattr = ["smile=1"]\n')
    tasks = tasks_of("--edits", tmp_path / "edits/{shot}.toml")
    faces = [edit.faces for task in tasks for edit in task.edits if isinstance(edit, FaceEdits)]
    assert faces == [(6,), (1,), (4,)]
    (tmp_path / "edits/good.toml").unlink()
    with pytest.raises(InputError, match=r"edits/good\.toml"):
        tasks_of("--edits", tmp_path / "edits/{shot}.toml")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("attribute = 1", "shot.toml"),
        ("overwrite = true", "shot.toml"),
        ("attr = 'smile=much'", "day1/plate"),
        ("attr = [[1]]", "shot.toml"),
        ("attr = ", "shot.toml"),
        ("a = " + "[" * 10_000, "shot.toml"),
    ],
)
def test_invalid_options_of_a_shot_name_it(shots: Path, tasks_of: MakeTasks, text: str, named: str) -> None:
    (shots / "day1/shot.toml").write_text(text)
    with pytest.raises(UsageError, match=named):
        tasks_of(*SMILE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "attr\nsmile=1\n",
        "shot,smile\ngood,1\n",
        "shot,attr\nbetter,smile=1\n",
        "shot\ngood\ngood.mp4\n",
        "shot,face\ngood,0,2\n",
        'shot\n"good\n',
    ],
)
def test_an_invalid_table_is_refused(tasks_of: MakeTasks, tmp_path: Path, text: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=r"table\.csv"):
        tasks_of(*SMILE, table=table)


def test_shots_with_one_output_are_refused(shots: Path, tasks_of: MakeTasks, tmp_path: Path) -> None:
    for name in ("a.avi", "a.avi.mov"):
        (shots / name).touch()
    with pytest.raises(UsageError, match=r"a\.avi\.mov and a\.avi|a\.avi and a\.avi\.mov"):
        tasks_of(*SMILE)
    (shots / "a.avi.mov").unlink()
    (shots / "a.mp4").touch()
    assert len(tasks_of(*SMILE)) == 5
    with pytest.raises(UsageError, match=r"compare/a\.mkv"):
        tasks_of(*SMILE, "--compare", tmp_path / "compare/{shot}.mkv")


def test_comparisons_below_the_shots_are_not_shots(shots: Path, tasks_of: MakeTasks) -> None:
    options = (*SMILE, "--compare", shots / "compare/{shot}.mp4")
    before = {task.shot.name for task in tasks_of(*options)}
    (shots / "compare").mkdir()
    for path in ("compare/good.mp4", "compare/broken.mp4"):
        (shots / path).touch()
    assert {task.shot.name for task in tasks_of(*options)} == before


def test_an_interruption_stops_the_workers_and_leaves_nothing(shots: Path, tmp_path: Path) -> None:
    (shots / "broken.mov").unlink()
    out = tmp_path / "out"
    command = [sys.executable, "-m", "facevid", "batch", str(shots), str(out), *SMILE]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(out.rglob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1].startswith("facevid: interrupted")
    assert {path.suffix for path in out.rglob("*") if path.is_file()} <= {".lock"}
