"""Commands in the documentation: the program takes every one, and those that need no more than seconds are run."""

import re
import shlex
import tarfile
from pathlib import Path

import click
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from _pytest.mark import ParameterSet
from numpy.typing import NDArray

from facevid.cli.main import cli
from facevid.edits.attributes import CELEBA
from facevid.models import import_model
from facevid.models.store import folder_of
from facevid.training.editors.codes import CodeSet, save_codes
from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid
from tests.models.files import (
    LAYERS,
    WIDTH,
    save_components,
    save_feature_style,
    save_psp,
    save_shared_transformer,
    save_transformer,
)

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "facevid").rglob("*.md"))]
COMMAND = re.compile(r"^ {4,}(?:\.venv/bin/)?facevid (.*?)(?:\s+#.*)?$", re.MULTILINE)
EDIT_FILE = re.compile(r"(?:^    \[\[face\]\]\n(?:    .*\n)*\n?)+", re.MULTILINE)

ONLY_PARSED = {
    "preview": "serves until it is stopped; tests/preview/test_server.py runs it",
    "models fetch": "downloads",
    "train model": "takes hours; tests/training/test_face_model_training.py trains a small model",
    "models import run/face_model.pt": "needs the result of `train model`",
    "train landmarks": "needs a teacher; tests/training/test_landmarks.py trains on drawn labels",
    "tune": "needs a longer clip; tests/training/test_tuning.py runs it",
    "edit in.mp4 out.mp4 --attr smile=+1 --model shot": "needs the result of `tune`",
    "edit in.mp4 out.mp4 --attr smile=+1 --workers 4": "starts four processes; tests/test_segmented_edits.py runs two",
    "edit in.mp4 out.mp4 --attr smile=+1 --engine ray": "needs a cluster; tests/test_segmented_edits.py starts one",
    "edit in.mp4 out.mp4 --attr smile=+1 --sign": "needs a certificate; tests/provenance/test_signing.py makes one",
    "evaluate model": "needs photographs of people; tests/evaluation/test_ground_truth.py runs it",
    "bench": "takes minutes; tests/benchmark/test_benchmark.py runs it on a few frames",
    "evaluate occlusion": "needs a longer clip; tests/evaluation/test_occlusion_detection.py runs it",
}
"""Beginnings of commands that are not run, and why."""

SHORTER = {"train occlusion": ["--steps", "2", "--batch-size", "2"], "evaluate editors": ["--count", "2"]}
"""Options that are added to a command so that it takes seconds."""

SLOW = {"Evaluation", "Figures", "Folders of shots"}
"""Headings of the sections whose commands take more than ten seconds together."""

FACES = 100
"""Number of pictures for training: GANSpace keeps 80 components."""


def sections() -> list[tuple[str, str]]:
    """Return the path of the page and the text of each section that contains commands."""
    texts = [(page, text) for page in PAGES for text in re.split(r"^(?=#+ )", page.read_text(), flags=re.MULTILINE)]
    return [(str(page.relative_to(ROOT)), text) for page, text in texts if COMMAND.search(text)]


def section_parameters() -> list[ParameterSet]:
    """Return the parameters of `test_commands_run`, one for each section."""
    parameters = []
    for page, text in sections():
        heading = text.partition("\n")[0].lstrip("# ")
        marks = [pytest.mark.slow] if heading in SLOW else []
        parameters.append(pytest.param(text, id=f"{page}: {heading}", marks=marks))
    return parameters


@pytest.mark.parametrize("line", [line for _, text in sections() for line in COMMAND.findall(text)])
def test_command_is_accepted(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = shlex.split(line)
    monkeypatch.chdir(tmp_path)
    for argument in arguments:
        if argument.endswith(".jpg"):  # a reference picture must exist
            Path(argument).touch()
    parsed: list[click.Context] = []
    monkeypatch.setattr(click.Command, "invoke", lambda command, context: parsed.append(context))
    cli.main(arguments, standalone_mode=False)
    assert parsed[-1].command.name != "facevid"


@pytest.mark.parametrize("text", section_parameters())
def test_commands_run(
    text: str,
    tmp_path: Path,
    portrait: NDArray[np.uint8],
    run_facevid: RunFacevid,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run the commands of a section one after another in one folder, on small inputs of the names in the text."""
    monkeypatch.chdir(tmp_path)
    for line in COMMAND.findall(text):
        if line.startswith(tuple(ONLY_PARSED)):
            continue
        words = shlex.split(line)
        shorter = next((options for start, options in SHORTER.items() if line.startswith(start)), [])
        outputs = output_positions(words)
        for position, word in enumerate(words):
            if position not in outputs:
                make_input(word, text, portrait)
        outcome = run_facevid(*words, *shorter)
        assert outcome.code == 0, (line, outcome.err)
        for position in outputs:
            pattern = words[position].replace("#", "?").rstrip("/")
            results = list(tmp_path.glob(pattern))
            assert results or folder_of(pattern).exists(), line
            if words[0] in ("edit", "sheet"):  # commands of one section write the same OUT
                for path in results:
                    path.unlink()


def output_positions(words: list[str]) -> set[int]:
    """Return the positions of the arguments of a command that name its results."""
    after_option = {
        position for position, word in enumerate(words[1:], 1) if words[position - 1] in ("--out", "--name")
    }
    return after_option | ({2} if words[0] in ("edit", "sheet", "batch") else set())


def make_input(name: str, text: str, portrait: NDArray[np.uint8]) -> None:
    """Make the input `name` of a command in the current folder or the store, if it is one and is missing.

    Args:
        name: an argument of the command.
        text: the section that contains the command.
        portrait: a picture with one face.
    """
    path = Path(name)
    if path.exists():
        return
    match name:
        case "in.mp4" | "in.mov" | "out.mp4":
            frame_count = 71 if "--frame 70" in text else 3
            write_clip(path, [camera_move(portrait, index % 10, (320, 240)) for index in range(frame_count)])
        case "shots/" | "plates/":
            path.mkdir()
            write_clip(path / "shot.mp4", [camera_move(portrait, index, (320, 240)) for index in range(3)])
        case "portrait.jpg" | "anna.jpg":
            cv2.imwrite(name, portrait[..., ::-1])
        case "plate.####.exr" | "plate.####.dpx":
            make_sequence(name, [camera_move(portrait, index, (320, 240)) for index in range(3)])
        case "matte.####.exr":
            make_sequence(name, [np.zeros((240, 320, 1), np.uint8)] * 3)
        case "shot.toml":
            path.write_text("".join(EDIT_FILE.findall(text)))
        case _ if name.endswith((".pt", ".pth", ".pth.tar")):
            make_weights(name)
        case "mine" if not folder_of(name).exists():
            folder = Path("mine-files")
            folder.mkdir()
            import_model([save_psp(folder), save_transformer(folder), save_components(folder)], name)
        case "codes.safetensors":
            labels = torch.randint(0, 2, (FACES, len(CELEBA)), dtype=torch.int8)
            held_out = torch.arange(FACES) % 20 == 0
            save_codes(
                path, CodeSet(torch.randn(FACES, LAYERS, WIDTH), labels, tuple(map(str, range(FACES))), held_out)
            )
        case "faces" | "faces.tar" | "labels.csv":
            make_faces()


def make_weights(name: str) -> None:
    """Make the file `name` of weights, if a command imports it."""
    match name:
        case "psp_ffhq_encode.pt":
            save_psp(Path()).rename(name)
        case "143_enc.pth":
            save_feature_style(Path())
        case "tnet_31.pth.tar" | "tnet_39.pth.tar":
            save_transformer(Path(), name)
        case "tnet_shared.pth.tar":
            save_shared_transformer(Path(), CELEBA.index("Smiling"))


def make_sequence(name: str, halves: list[NDArray[np.uint8]]) -> None:
    """Make frames from 1001 on; each has a picture and its mirror image side by side."""
    for number, half in enumerate(halves, 1001):
        whole = np.ascontiguousarray(np.hstack([half, half[:, ::-1]]).astype(np.float32) / 255)
        sample_format = "half" if name.endswith(".exr") else "uint16"
        assert oiio.ImageBuf(whole).write(name.replace("####", str(number)), sample_format)


def make_faces() -> None:
    """Make drawn faces of 32 pixels with labels: a folder of one picture set, a tar file and a table."""
    random = np.random.default_rng(0)
    folder = Path("faces/portraits")
    folder.mkdir(parents=True)
    rows = ["file,smile,age,happy,years,male,mouth_gap"]
    for number in range(FACES):
        background, skin = (tuple(map(int, colour)) for colour in random.integers(0, 255, (2, 3)))
        picture = np.full((32, 32, 3), background, np.uint8)
        cv2.ellipse(picture, (16, 19), (9, 11), 0, 0, 360, skin, -1)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        smile, age, male = number % 2, 20 + number % 50, number // 2 % 2
        rows.append(f"{number}.png,{smile},{age},{smile},{age},{male},{smile / 4}")
    for table in ("faces/portraits.csv", "labels.csv"):
        Path(table).write_text("\n".join(rows) + "\n")
    with tarfile.open("faces.tar", "w") as archive:
        for path in folder.iterdir():
            archive.add(path, path.name)


def test_every_page_is_linked() -> None:
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    }
    assert all(target.exists() for target in linked)
    assert {page.resolve() for page in PAGES[1:]} <= linked
