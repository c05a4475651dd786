"""`facevid edit`, from the command line: its output, and what an interruption leaves."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid.video import open_clip
from tests.conftest import RunFacevid

SMILE = ("--attr", "smile=1", "--device", "cpu")


def test_the_summary(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE)
    assert outcome.code == 0
    assert "10: 10 edited, 0 passed through" in outcome.out
    assert "bundled" in outcome.out
    assert str(tmp_path / "out.mp4") in outcome.out
    assert "edit: 10/10 frames" in outcome.err


def test_json_and_quiet(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--json", "-q")
    summary = json.loads(outcome.out)
    assert (summary["frames"], summary["edited"], summary["passed_through"]) == (10, 10, 0)
    assert set(summary["seconds"]) == {"track", "identify", "encode", "occlusion", "edit"}
    assert outcome.err == ""


def test_an_edit_file_replaces_attributes_and_faces(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path
) -> None:
    shot = tmp_path / "shot.toml"
    shot.write_text('[[face]]\nface = 0\nframes = "0-3"\nattr = ["smile=1"]\n')
    for conflicting in (SMILE, ("--face", "all")):
        outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--edits", shot, *conflicting)
        assert outcome.code == 2
        assert all(option in outcome.err for option in ("--edits", "--attr", "--face"))
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", "--edits", shot, "--device", "cpu")
    assert outcome.code == 0
    assert "10: 4 edited, 6 passed through" in outcome.out


def test_a_smoothing_sigma_that_underflows(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mp4", *SMILE, "--smooth", "1e-320")
    assert (outcome.code, "10 edited" in outcome.out) == (0, True)


def test_a_damaged_cache_does_not_change_the_result(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path, home: Path
) -> None:
    """The damage keeps the sizes of files. A lossless codec is used because lossy encoders are not deterministic."""
    lossless = ("--codec", "ffv1")
    assert run_facevid("edit", portrait_clip, tmp_path / "out.mkv", *SMILE, *lossless).code == 0
    before = np.stack([frame.rgb() for frame in open_clip(tmp_path / "out.mkv").frames()])
    cached = sorted(path for path in (home / "cache").rglob("*") if path.suffix in (".npy", ".npz"))
    assert len(cached) > 2
    for path in cached:
        path.write_bytes(bytes(value ^ 0x55 for value in path.read_bytes()))
    outcome = run_facevid("edit", portrait_clip, tmp_path / "out.mkv", *SMILE, *lossless, "-y")
    after = np.stack([frame.rgb() for frame in open_clip(tmp_path / "out.mkv").frames()])
    assert (outcome.code, np.array_equal(before, after)) == (0, True)


def test_one_frame_is_that_of_the_whole_edit(run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path) -> None:
    picture, whole = tmp_path / "frame.png", tmp_path / "whole.%04d.png"
    smile = ["--attr", "smile=0@0,1@9", "-q"]
    assert run_facevid("edit", portrait_clip, whole, *smile).code == 0
    assert run_facevid("edit", portrait_clip, picture, *smile, "--preview-frame", 6).code == 0
    assert np.array_equal(cv2.imread(str(picture)), cv2.imread(str(tmp_path / "whole.0006.png")))  # type: ignore[arg-type]
    for out, number in ((tmp_path / "late.png", 10), (tmp_path / "clip.mp4", 6)):
        assert run_facevid("edit", portrait_clip, out, *smile, "--preview-frame", number).code == 2
        assert not out.exists()


def test_names_ignore_case_and_patterns_are_as_typed(
    run_facevid: RunFacevid, portrait_clip: Path, tmp_path: Path
) -> None:
    names = ["--attr", "Transformer:SMILE=1", "--codec", "FFV1"]
    assert run_facevid("edit", portrait_clip, tmp_path / "o.mkv", *names, "-q").code == 0
    outcome = run_facevid("edit", tmp_path / "none.####.exr", tmp_path / "o.####.exr", *SMILE)
    assert (outcome.code, "none.####.exr" in outcome.err) == (3, True)
    assert '"--attr"' in (run_facevid("edit", "i.mp4", "o.mp4", "--atr", "smile=1").err.replace("'", '"'))


def test_a_still_picture(run_facevid: RunFacevid, portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    picture = portrait[:256, 96:352]
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    outcome = run_facevid("edit", tmp_path / "in.png", tmp_path / "out.png", *SMILE)
    assert outcome.code == 0
    result = cv2.cvtColor(cv2.imread(str(tmp_path / "out.png")), cv2.COLOR_BGR2RGB)
    assert result.shape == picture.shape
    changed = np.abs(result.astype(int) - picture).max(axis=-1)
    assert changed[80:170, 85:175].mean() > 2
    assert not changed[:20].any()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_leaves_no_files(portrait_clip: Path, tmp_path: Path, home: Path, stop: signal.Signals) -> None:
    if signal.getsignal(stop) is signal.SIG_IGN:
        pytest.skip(f"{stop.name} is ignored, as below nohup")
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    command = [sys.executable, "-m", "facevid", "edit", str(portrait_clip), str(out), *SMILE, "-y"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) == 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(stop)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1].startswith("facevid: interrupted")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert out.read_text() == "precious"
    assert not [path for path in (home / "cache").rglob("*") if "." in path.parent.name]


def test_an_interruption_that_pytorch_turns_into_another_error() -> None:
    code = """if True:
        import os, signal, sys
        import click, torch
        from facevid.cli import main

        class Interrupting:
            def __len__(self):
                return 1

            def __getitem__(self, index):
                os.kill(os.getpid(), signal.SIGTERM)
                return 0.0

        sys.modules["facevid.cli.main"].cli = click.Command("cli", callback=lambda: torch.asarray(Interrupting()))
        sys.argv = ["facevid"]
        main()
    """
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 130


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_do_not_import_torch(argument: str) -> None:
    code = (
        f"import sys; sys.argv = ['facevid', {argument!r}]\n"
        "from facevid.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    assert not {'torch', 'cv2', 'av'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_still_imports_no_library_that_it_does_not_use(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), portrait[..., ::-1])
    arguments = ["facevid", "edit", str(still), str(tmp_path / "out.png"), *SMILE, "-q"]
    code = (
        f"import sys; sys.argv = {arguments!r}\n"
        "from facevid.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    print(end.code, sorted({'scipy', 'sympy', 'ray'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split("\n")[0] == "0 []"


def test_a_face_chosen_by_a_picture(
    run_facevid: RunFacevid, portrait: NDArray[np.uint8], portrait_clip: Path, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "eileen.png"), portrait[..., ::-1])
    out = tmp_path / "out.mp4"
    outcome = run_facevid("edit", portrait_clip, out, *SMILE, "--face", tmp_path / "eileen.png", "--json", "-q")
    assert (outcome.code, json.loads(outcome.out)["faces"]) == (0, 10)
