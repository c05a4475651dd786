"""The file of --edits: parsing, errors, and separate edits for each face."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facevid import FaceEdits, edit_video, parse_edit, read_edits
from facevid.errors import InputError, UsageError
from facevid.options import ComputeOptions, EditOptions
from facevid.video import open_clip
from tests.clips import write_clip

SHOT = """
[[face]]
face = 0
frames = "2-5"
fade = 1
attr = ["smile=+1", "age=0@2,-0.5@4"]

[[face]]
face = [1, 0]
attr = ["age=1@0.1s,2@0.2s"]

[[face]]
attr = ["beard=1"]
"""


def write_edits(folder: Path, text: str) -> Path:
    path = folder / "shot.toml"
    path.write_text(text)
    return path


def test_reading_a_file(tmp_path: Path) -> None:
    first, second, third = read_edits(write_edits(tmp_path, SHOT))
    assert (first.faces, first.frames, first.fade) == ((0,), (2, 5), 1)
    assert first.edits == [parse_edit("smile=1"), parse_edit("age=0@2,-0.5@4")]
    assert (second.faces, second.frames, second.edits[0].unit) == ((1, 0), None, "second")
    assert third.faces == "largest"


def test_a_byte_order_mark_of_a_windows_editor(tmp_path: Path) -> None:
    path = tmp_path / "shot.toml"
    path.write_text(SHOT, encoding="utf-8-sig")
    assert len(read_edits(path)) == 3


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[face]\n", r"shot\.toml .*line 1"),
        ("", r"shot\.toml .*\[\[face\]\]"),
        ("[face]\nface = 0", r"shot\.toml .*\[\[face\]\]"),
        ("[[faces]]\nface = 0", r'shot\.toml: .*"faces".*\[\[face\]\]'),
        (
            "[[face]]\nattr = ['smile=1']\n[[face]]\nattrs = []",
            r'shot\.toml, entry 2: .*"attrs".*face, frames, fade, attr',
        ),
        (f"face = {'[' * 20_000}", r"shot\.toml: "),
        (f"[[face]]\nface = {'9' * 5000}\nattr = ['smile=1']", r"shot\.toml "),
        (f"[[face]]\nface = '{'x' * 5000}'\nattr = ['smile=1']", "entry 1: face "),
        ("[[face]]\nattr = [" + "'smile=1', " * 4 + "]", r'entry 1: "smile" .*\b4\b'),
        ("[[face]]\nface = 0", "entry 1: attr "),
        ("[[face]]\nattr = 'smile=1'", "entry 1: attr "),
        ("[[face]]\nattr = ['smile=9']", 'entry 1: "smile=9": .*-3 and 3'),
        ("[[face]]\nface = 'left'\nattr = ['smile=1']", "entry 1: face "),
        ("[[face]]\nface = true\nattr = ['smile=1']", "entry 1: face "),
        ("[[face]]\nframes = '9-2'\nattr = ['smile=1']", 'entry 1: "9-2" '),
    ],
)
def test_errors_name_the_file_entry_and_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        read_edits(write_edits(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shot\.toml"):
        read_edits(tmp_path / "shot.toml")


@pytest.fixture(scope="module")
def two_faces(portrait: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of 6 equal frames with the portrait's face in the left half and, smaller, in the right half."""
    small, large = (cv2.resize(portrait[:256, 96:352], (side, side)) for side in (200, 288))
    picture = np.full((288, 560, 3), 120, dtype=np.uint8)
    picture[:, :288], picture[:200, 352:552] = large, small
    return write_clip(tmp_path_factory.mktemp("clips") / "two.mp4", [picture] * 6, sound=False)


def test_each_face_has_its_own_edits(two_faces: Path, tmp_path: Path) -> None:
    options = EditOptions(compute=ComputeOptions(device="cpu"), codec="h264", crf=0)

    def change_of_halves(name: str, edits: list[FaceEdits]) -> NDArray[np.float64]:
        """Edit the clip; return the mean change of the left and the right half in each frame, (2, 6)."""
        edit_video(two_faces, tmp_path / name, edits, options)
        clips = [[frame.rgb().astype(int) for frame in open_clip(p).frames()] for p in (two_faces, tmp_path / name)]
        change = np.abs(np.stack(clips[1]) - clips[0])
        return np.stack([change[:, :, :320].mean(axis=(1, 2, 3)), change[:, :, 320:].mean(axis=(1, 2, 3))])

    text = '[[face]]\nface = {}\nframes = "1-2"\nattr = ["smile=1"]\n[[face]]\nface = {}\nattr = ["age=0@2,1@5"]'
    halves = change_of_halves("both.mp4", read_edits(write_edits(tmp_path, text.format(0, 1))))
    smiling, older = sorted(halves, key=lambda half: half[5])  # face 0 may be either half
    assert list(np.flatnonzero(smiling)) == [1, 2]
    assert list(np.flatnonzero(older)) == [3, 4, 5]
    assert older[3] < older[4] < older[5]

    with pytest.raises(UsageError, match=r"shot\.toml, entry 2: .*two\.mp4 .*\b7\b"):
        change_of_halves("no.mp4", read_edits(write_edits(tmp_path, text.format(0, 7))))
    unknown = write_edits(tmp_path, '[[face]]\nattr = ["smlie=1"]')
    with pytest.raises(UsageError, match=r"shot\.toml, entry 1: .*smlie"):
        change_of_halves("no.mp4", read_edits(unknown))
    late = write_edits(tmp_path, '[[face]]\nframes = "9"\nattr = ["smile=1"]')
    with pytest.raises(UsageError, match=r"shot\.toml, entry 1: .*9-9"):
        change_of_halves("no.mp4", read_edits(late))
    twice = read_edits(write_edits(tmp_path, '[[face]]\nface = 0\nframes = "2"\nattr = ["age=2"]\n' * 2))
    with pytest.raises(UsageError, match=r'"age" .*\b2 .*\b3\b'):
        change_of_halves("no.mp4", twice)
    separate = [replace(edits, frames=(number, number)) for number, edits in enumerate(twice)]
    assert np.count_nonzero(change_of_halves("separate.mp4", separate).sum(axis=0)) == 2
    assert not (tmp_path / "no.mp4").exists()
