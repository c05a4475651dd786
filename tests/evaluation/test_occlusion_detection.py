"""Synthetic occluders in front of a portrait, and their detection."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from facevid.cli.evaluate import command
from facevid.evaluation.drawn_occluders import KINDS, Kind, draw, occlude
from facevid.faces.alignment import crop, ffhq_quad
from facevid.faces.dlib_detector import DlibDetector
from tests.clips import camera_move, write_clip


@pytest.mark.parametrize("kind", KINDS)
def test_occluder_changes_only_the_pixels_of_its_mask(portrait: NDArray[np.uint8], kind: Kind) -> None:
    quad = ffhq_quad(DlibDetector().detect(portrait)[0].landmarks)
    occluder = draw(kind, crop(portrait, quad, 256))
    picture, mask = occlude(portrait, quad, occluder, kind, 0.45)
    change = np.abs(picture.astype(int) - portrait).max(axis=-1)
    assert 0.005 < mask.mean() < 0.2
    assert change[mask].mean() > 10
    assert change[~mask].mean() < 1
    assert not occlude(portrait, quad, occluder, kind, 0.05)[1].any()


@pytest.mark.slow
def test_command_measures_a_clip(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    frames = [camera_move(portrait, index % 8, (320, 240)) for index in range(16)]
    source = write_clip(tmp_path / "in.mp4", frames, sound=False)
    result = CliRunner().invoke(command, ["occlusion", str(source), "--json", "-q"], catch_exceptions=False)
    measures = {row["kind"]: row for row in json.loads(result.stdout)}
    assert list(measures) == ["none", *KINDS]
    assert measures["none"]["overlap"] is None
    assert measures["none"]["detected"] < 0.02
    assert measures["bar"]["overlap"] > 0.5
