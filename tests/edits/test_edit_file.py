"""Edit files: what they say, and each face edited in its own way."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from facevid import FaceEdits, edit_video, parse_edit, read_edits
from facevid.errors import InputError, UsageError
from facevid.options import ComputeOptions, EditOptions
from facevid.video import open_clip
from tests.clips import write_clip

SHOT = """
[[face]]
face = 0
frames = "2-5"
attr = ["smile=+1", "age=0@2,-0.5@4"]

[[face]]
face = [1, 0]
attr = ["age=1@0.1s,2@0.2s"]

[[face]]
attr = ["beard=1"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "shot.toml"
    path.write_text(text)
    return path


def test_what_a_file_says(tmp_path):
    first, second, third = read_edits(written(tmp_path, SHOT))
    assert (first.faces, first.frames) == ((0,), (2, 5))
    assert first.edits == [parse_edit("smile=1"), parse_edit("age=0@2,-0.5@4")]
    assert (second.faces, second.frames, second.edits[0].in_seconds) == ((1, 0), None, True)
    assert third.faces == "largest"


def test_a_byte_order_mark_of_a_windows_editor(tmp_path):
    path = tmp_path / "shot.toml"
    path.write_text(SHOT, encoding="utf-8-sig")
    assert len(read_edits(path)) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[face]\n", r"shot\.toml is not TOML: .*line 1"),
        ("", r"shot\.toml holds no entry; begin each with a line \[\[face\]\]"),
        ("[face]\nface = 0", "holds no entry"),
        ("[[faces]]\nface = 0", r'unknown "faces"'),
        (
            "[[face]]\nattr = ['smile=1']\n[[face]]\nattrs = []",
            r'shot\.toml, entry 2: unknown "attrs"; an entry has face',
        ),
        (f"face = {'[' * 20_000}", r"shot\.toml: lists or tables lie too deep"),
        (f"[[face]]\nface = {'9' * 5000}\nattr = ['smile=1']", r"shot\.toml is not TOML"),
        (f"[[face]]\nface = '{'x' * 5000}'\nattr = ['smile=1']", "entry 1: face must be a number"),
        ("[[face]]\nattr = [" + "'smile=1', " * 4 + "]", "entry 1: .*edited 4 times"),
        ("[[face]]\nface = 0", "entry 1: attr must be a list such as"),
        ("[[face]]\nattr = 'smile=1'", "attr must be a list"),
        ("[[face]]\nattr = ['smile=9']", 'entry 1: "smile=9": a value lies between'),
        ("[[face]]\nface = 'left'\nattr = ['smile=1']", "face must be a number"),
        ("[[face]]\nface = true\nattr = ['smile=1']", "face must be a number"),
        ("[[face]]\nframes = '9-2'\nattr = ['smile=1']", 'entry 1: "9-2" is no range of frames'),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, complaint):
    with pytest.raises(UsageError, match=complaint):
        read_edits(written(tmp_path, text))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"shot\.toml cannot be read: no such file"):
        read_edits(tmp_path / "shot.toml")


@pytest.fixture(scope="module")
def two_faces(portrait, tmp_path_factory) -> Path:
    """Return a clip of 6 frames: the portrait's face twice, the left one larger, in the still halves of the picture."""
    small, large = (cv2.resize(portrait[:256, 96:352], (side, side)) for side in (200, 288))
    picture = np.full((288, 560, 3), 120, dtype=np.uint8)
    picture[:, :288], picture[:200, 352:552] = large, small
    return write_clip(tmp_path_factory.mktemp("clips") / "two.mp4", [picture] * 6, sound=False)


def test_each_face_has_its_own_edits(two_faces, tmp_path, home):
    options = EditOptions(compute=ComputeOptions(device="cpu"), codec="h264", crf=0)

    def changed(name: str, edits: list[FaceEdits]) -> np.ndarray:
        """Tell in which frames the left and the right half of the picture are changed, and how much."""
        edit_video(two_faces, tmp_path / name, edits, options)
        clips = [[frame.rgb().astype(int) for frame in open_clip(p).frames()] for p in (two_faces, tmp_path / name)]
        change = np.abs(np.stack(clips[1]) - clips[0])
        return np.stack([change[:, :, :320].mean(axis=(1, 2, 3)), change[:, :, 320:].mean(axis=(1, 2, 3))])

    text = '[[face]]\nface = {}\nframes = "1-2"\nattr = ["smile=1"]\n[[face]]\nface = {}\nattr = ["age=0@2,1@5"]'
    halves = changed("both.mp4", read_edits(written(tmp_path, text.format(0, 1))))
    smiling, older = sorted(halves, key=lambda half: half[5])  # which of them is face 0 is the detector's to say
    assert list(np.flatnonzero(smiling)) == [1, 2]
    assert list(np.flatnonzero(older)) == [3, 4, 5]
    assert older[3] < older[4] < older[5]

    with pytest.raises(UsageError, match=r"shot\.toml, entry 2: .*two\.mp4 has no face 7"):
        changed("no.mp4", read_edits(written(tmp_path, text.format(0, 7))))
    unknown = written(tmp_path, '[[face]]\nattr = ["smlie=1"]')
    with pytest.raises(UsageError, match=r"shot\.toml, entry 1: .*smlie"):
        changed("no.mp4", read_edits(unknown))
    late = written(tmp_path, '[[face]]\nframes = "9"\nattr = ["smile=1"]')
    with pytest.raises(UsageError, match=r"entry 1: frames 9-9 are not there"):
        changed("no.mp4", read_edits(late))
    twice = read_edits(written(tmp_path, '[[face]]\nface = 0\nframes = "2"\nattr = ["age=2"]\n' * 2))
    with pytest.raises(UsageError, match="is edited 2 times, which adds up to more than 3"):
        changed("no.mp4", twice)
    apart = [replace(each, frames=(number, number)) for number, each in enumerate(twice)]
    assert np.count_nonzero(changed("apart.mp4", apart).sum(axis=0)) == 2
    assert not (tmp_path / "no.mp4").exists()
