"""The report, opened by a real browser without a network."""

import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from facevid.inspection.inspect import inspect_video
from facevid.inspection.plots import MOST_POINTS, plot_clip, plot_person
from facevid.inspection.problems import find_problems
from facevid.inspection.report import Report
from facevid.inspection.tracks import people_in
from facevid.video import open_clip
from tests.inspection.conftest import DLIB
from tests.inspection.test_overlay import face_at
from tests.inspection.test_problems import heads, track_of, tracking_of

EDITED = (0x5F, 0xD6, 0x8A)
BRIDGED_LANE = (0xD9, 0xA4, 0x41)
CUT = (0xD4, 0x6A, 0xB5)
CURVE = (0xD8, 0xD8, 0xD8)


@pytest.fixture
def browse(tmp_path):
    """Return a function that opens a page in Chromium: it gives what that printed, and what it logged."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium on PATH")

    def run(page, *wanted):
        command = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--enable-logging=stderr", "--window-size=1280,900", *wanted, page.as_uri()),
        ]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=120
        )
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return run


def count(picture, colour):
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 12).sum())


def test_the_page_is_shown_without_a_request_or_an_error(browse, inspected):
    dom, console = browse(inspected.report, "--dump-dom")
    assert console == []
    assert dom.count('<polyline class="curve"') == 4
    assert len(re.findall(r'<img[^>]* src="data:image/jpeg;base64,', dom)) == 8
    assert "frame 4, person 0: missed" not in dom
    assert "<span>frame 4</span>" in dom
    addresses = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')>]+)', dom)
    assert addresses
    assert all(each.startswith(("data:", "#")) for each in addresses)


def test_the_plots_are_seen(browse, inspected, tmp_path):
    browse(inspected.report, f"--screenshot={tmp_path / 'seen.png'}")
    (seen,) = (frame.rgb() for frame in open_clip(tmp_path / "seen.png").frames())
    assert seen.shape == (900, 1280, 3)
    for colour in (EDITED, BRIDGED_LANE, CUT, CURVE):
        assert count(seen, colour) > 100


def test_a_request_would_be_noticed(browse, inspected, tmp_path):
    page = tmp_path / "asking.html"
    page.write_text(inspected.report.read_text().replace("<h1>", '<img src="https://example.org/a.png"><h1>'))
    _, console = browse(page, "--dump-dom")
    assert any("example.org" in line for line in console)


def test_every_frame_has_a_hover_title_with_its_number(inspected):
    page = inspected.report.read_text()
    titles = re.findall(r'class="hover"[^>]*><title>(frame \d+), 00:00:00:(\d\d)\n', page)
    assert titles == [(f"frame {index}", f"{index:02}") for index in range(8)]
    assert page.count("missed by the detector, bridged</title>") == 1
    assert page.count('class="gap"') == page.count('class="missed"') == 1
    assert '<line class="cut"' in page


def test_a_still_has_points_for_curves(portrait, tmp_path):
    still = tmp_path / "portrait.png"
    cv2.imwrite(str(still), portrait[..., ::-1])
    page = inspect_video(still, tmp_path / "out", options=DLIB).report.read_text()
    assert page.count('<circle class="point"') == 4
    assert "none: a still picture" in page


def test_a_clip_without_a_face_and_with_a_hostile_name(portrait_clip, tmp_path):
    clip = tmp_path / "a<script>&b.mp4"
    shutil.copy(portrait_clip, clip)
    page = inspect_video(clip, tmp_path / "out", options=DLIB).report.read_text()
    assert "<script" not in page
    assert "a&lt;script&gt;&amp;b.mp4" in page


def test_a_plot_stays_small_however_long_the_track():
    long = face_at((320, 240), frames=20_000)
    long.track.scores[777] = 9
    (person,) = people_in([long])
    plot = plot_person(person, tracking_of(long, frames=20_000), "frame {}".format)
    assert plot.count('class="hover"') == MOST_POINTS
    assert len(plot) < 400_000
    confidence = re.findall(r'class="curve" points="([^"]+)"', plot)[2]
    heights = [float(point.split(",")[1]) for point in confidence.split()]
    assert min(heights) < np.median(heights) - 30


def test_many_problems_of_a_kind_do_not_hide_the_others(tmp_path, portrait_clip):
    tracks = [track_of(heads(*[40] * 4), number=n, first=6 * n) for n in range(20)]
    tracking = tracking_of(*tracks, frames=118)
    problems = find_problems(tracking, tracks, (1280, 720))
    Report(open_clip(portrait_clip).info, tracking, tracks, problems, "dlib", ["left out"], {}).write(tmp_path / "page")
    page = (tmp_path / "page").read_text()
    shown = re.sub(r"<details>.*?</details>", "", page)
    assert (page.count(">no face found<"), shown.count(">no face found<")) == (19, 8)
    assert (page.count(">turned away"), shown.count(">turned away")) == (20, 8)
    assert "20 more, seen for a shorter time" in page
    assert "Warning: left out" in shown


def test_the_map_has_every_shot_and_a_lane_for_each_person():
    tracks = [track_of(heads(0, 0, 0), first=first, number=n, edited=not n) for n, first in enumerate((0, 5))]
    plot = plot_clip(tracking_of(*tracks, frames=9, cuts=(4,)), people_in(tracks), "frame {}".format)
    assert re.findall(r"<title>(shot \d), from (frame \d)\nto (frame \d)", plot) == [
        ("shot 0", "frame 0", "frame 3"),
        ("shot 1", "frame 4", "frame 8"),
    ]
    assert re.findall(r"<title>no face: (frames [\d-]+)", plot) == ["frames 3-4", "frames 8-8"]
    assert re.findall(r'href="(#person-\d)"', plot) == ["#person-0", "#person-1"]


def test_a_person_who_comes_back_has_one_lane_and_one_card_of_all_tracks():
    tracks = [track_of(heads(0, 0, 0), first=first, number=n) for n, first in ((0, 0), (1, 4), (0, 8))]
    person, other = people_in(tracks)
    assert [each.track.first for each in person.tracks] == [0, 8]
    assert (len(person), person.where(1), person.where(2)) == (6, "0-2, ...", "0-2, 8-10")
    tracking = tracking_of(*tracks, frames=12, cuts=(4, 8))
    lanes = plot_clip(tracking, [person, other], "frame {}".format)
    assert re.findall(r"<title>(person \d: frames [\d-]+)", lanes) == [
        *("person 0: frames 0-2", "person 0: frames 8-10", "person 1: frames 4-6"),
    ]
    plot = plot_person(person, tracking, "frame {}".format)
    assert plot.count('<polyline class="curve"') == 8
    assert re.findall(r'class="hover"[^>]*><title>frame (\d+)', plot) == ["0", "1", "2", "8", "9", "10"]
