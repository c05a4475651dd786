"""Occluders drawn before a portrait: they are where they are said to be, and they are found."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from facevid.cli.evaluate import command
from facevid.evaluation.occluders import KINDS, draw, occlude
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from tests.clips import camera_move, write_clip


@pytest.mark.parametrize("kind", KINDS)
def test_an_occluder_changes_what_it_covers_and_nothing_else(portrait, kind):
    quad = ffhq_quad(DlibDetector().detect(portrait)[0].landmarks)
    occluder = draw(kind, crop(portrait, quad, 256))
    picture, where = occlude(portrait, quad, occluder, kind, 0.45)
    change = np.abs(picture.astype(int) - portrait).max(axis=-1)
    assert 0.005 < where.mean() < 0.2
    assert change[where].mean() > 10
    assert change[~where].mean() < 1
    assert not occlude(portrait, quad, occluder, kind, 0.05)[1].any()


def test_a_clip_is_measured(portrait, tmp_path):
    frames = [camera_move(portrait, index % 8, (320, 240)) for index in range(16)]
    source = write_clip(tmp_path / "in.mp4", frames, sound=False)
    result = CliRunner().invoke(command, ["occlusion", str(source), "--json", "-q"], catch_exceptions=False)
    measures = {row["kind"]: row for row in json.loads(result.stdout)}
    assert list(measures) == ["none", *KINDS]
    assert measures["none"]["overlap"] is None
    assert measures["none"]["called"] < 0.02
    assert measures["bar"]["overlap"] > 0.5
