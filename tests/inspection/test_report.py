"""The report: its HTML, and the page in a browser without a network."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from markupsafe import escape
from numpy.typing import NDArray

from facevid.inspection.clip_inspection import InspectSummary, inspect_video
from facevid.inspection.plots import MAX_POINTS, plot_clip, plot_person
from facevid.inspection.problems import REMEDIES, find_problems
from facevid.inspection.report import Report
from facevid.inspection.text import Colour
from facevid.inspection.tracks import people_in
from facevid.video import open_clip
from tests.inspection.conftest import BUNDLED
from tests.inspection.test_overlay import face_at
from tests.inspection.test_problems import heads, track_of, tracking_of

# Colours of `report.css`.
EDITED: Colour = (0x5F, 0xD6, 0x8A)
BRIDGED: Colour = (0xD9, 0xA4, 0x41)
CUT: Colour = (0xD4, 0x6A, 0xB5)
CURVE: Colour = (0xD8, 0xD8, 0xD8)

Browse = Callable[..., tuple[str, list[str]]]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Return a function that opens a page in Chromium and returns its stdout and the lines of the page's console."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium on PATH")

    def run(page: Path, *options: str) -> tuple[str, list[str]]:
        command = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--enable-logging=stderr", "--window-size=1280,900", *options, page.as_uri()),
        ]
        process = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=120
        )
        return process.stdout, [line for line in process.stderr.splitlines() if "CONSOLE" in line]

    return run


def count_pixels(picture: NDArray[np.uint8], colour: Colour) -> int:
    """Count the pixels that have nearly this colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) < 12).sum())


def test_the_page_opens_without_requests_or_errors(browse: Browse, inspected: InspectSummary) -> None:
    dom, console = browse(inspected.report, "--dump-dom")
    assert console == []
    assert dom.count('<polyline class="curve"') == 4
    # Eight crops, the sample edit before and after, and a frame of each problem.
    assert len(re.findall(r'<img[^>]* src="data:image/jpeg;base64,', dom)) == 8 + 2 + len(inspected.problems)
    assert "<span>frame 4</span>" in dom
    addresses = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')>]+)', dom)
    assert addresses
    assert all(address.startswith(("data:", "#")) or address == "notes.txt" for address in addresses)


def test_notes_are_shown(browse: Browse, inspected: InspectSummary, tmp_path: Path) -> None:
    shutil.copytree(inspected.report.parent, tmp_path / "out")
    report, notes = tmp_path / "out/report.html", tmp_path / "out/notes.txt"
    options = ("--disable-features=IsolateSandboxedIframes", "--virtual-time-budget=5000")

    def count_black(text: str) -> int:
        notes.write_text(text)
        browse(report, *options, f"--screenshot={tmp_path / 'notes.png'}")
        (screenshot,) = (frame.rgb() for frame in open_clip(tmp_path / "notes.png").frames())
        return count_pixels(screenshot, (0, 0, 0))

    empty = count_black("")
    # On a busy machine, a screenshot can precede the content of the iframe.
    assert any(count_black("\u2588" * 2000) > empty + 2000 for _ in range(5))


def test_the_sample_edit_and_what_to_do(inspected: InspectSummary) -> None:
    page = inspected.report.read_text()
    assert "--attr smile=+1" in page
    (before,), (after,) = (
        re.findall(rf'alt="person 0 {word}" src="([^"]+)"', page) for word in ("as filmed", "edited")
    )
    assert before != after
    for kind in {problem.kind for problem in inspected.problems}:
        assert str(escape(REMEDIES[kind])) in page


def test_the_plots_are_visible(browse: Browse, inspected: InspectSummary, tmp_path: Path) -> None:
    browse(inspected.report, f"--screenshot={tmp_path / 'screenshot.png'}")
    (screenshot,) = (frame.rgb() for frame in open_clip(tmp_path / "screenshot.png").frames())
    assert screenshot.shape == (900, 1280, 3)
    for colour in (EDITED, BRIDGED, CUT, CURVE):
        assert count_pixels(screenshot, colour) > 100


def test_a_request_is_blocked_and_logged(browse: Browse, inspected: InspectSummary, tmp_path: Path) -> None:
    page = tmp_path / "request.html"
    page.write_text(inspected.report.read_text().replace("<h1>", '<img src="https://example.org/a.png"><h1>'))
    _, console = browse(page, "--dump-dom")
    assert any("example.org" in line for line in console)


def test_every_frame_has_a_tooltip_with_its_number(inspected: InspectSummary) -> None:
    page = inspected.report.read_text()
    titles = re.findall(r'class="hover"[^>]*><title>(frame \d+), 00:00:00:(\d\d)\n', page)
    assert titles == [(f"frame {index}", f"{index:02}") for index in range(8)]
    assert page.count("missed by the detector, bridged</title>") == 1
    assert page.count('class="gap"') == page.count('class="missed"') == 1
    assert '<line class="cut"' in page


def test_the_curves_of_a_still_picture_are_dots_and_notes_are_kept(portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    still = tmp_path / "portrait.png"
    cv2.imwrite(str(still), portrait[..., ::-1])
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    page = inspect_video(still, tmp_path / "out", options=BUNDLED).report.read_text()
    assert (tmp_path / "out/notes.txt").read_text() == "mine"
    assert page.count('<circle class="point"') == 4
    assert "<dt>Rate</dt><dd>none" in page


def test_markup_in_the_name_of_the_clip_is_escaped(portrait_clip: Path, tmp_path: Path) -> None:
    clip = tmp_path / "a<script>&{{ name }}.mp4"
    shutil.copy(portrait_clip, clip)
    page = inspect_video(clip, tmp_path / "out", options=BUNDLED).report.read_text()
    escaped = "a&lt;script&gt;&amp;{{ name }}.mp4"
    assert "<script" not in page
    assert f"<title>{escaped}: inspection</title>" in page
    assert f"<h1>{escaped}</h1>" in page
    assert f"/{escaped}</p>" in page


def test_markup_in_other_texts_is_escaped_and_the_plots_are_not(portrait_clip: Path, tmp_path: Path) -> None:
    info = replace(open_clip(portrait_clip).info, path=Path('/"quoted"/not-utf-8-\udce9.mp4'))
    track = track_of(heads(0, 0, 40, 40, 40))
    tracking = tracking_of(track, frames=5)
    problems = [replace(each, text="<b>bold</b>") for each in find_problems(tracking, [track], (1280, 720))]
    assert problems
    thumbnails = {0: [np.zeros((8, 8, 3), dtype=np.uint8)]}
    report = Report(info, tracking, [track], problems, "<i>dlib</i>", ["<u>warning</u>"], thumbnails)
    report.write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search("<[biu]>", page)
    assert page.count("&lt;b&gt;bold&lt;/b&gt;") == len(problems)
    assert "&lt;i&gt;dlib&lt;/i&gt;" in page
    assert "&lt;u&gt;warning&lt;/u&gt;" in page
    assert '"quoted"' not in page
    assert f"not-utf-8-&#{0xDCE9};.mp4" in page
    assert (page.count("<svg "), page.count("&lt;svg")) == (2, 0)


def test_the_size_of_a_plot_is_bounded_and_keeps_extremes() -> None:
    track = face_at((320, 240), frames=20_000)
    track.track.scores[777] = 9
    (person,) = people_in([track])
    plot = plot_person(person, tracking_of(track, frames=20_000), "frame {}".format)
    assert plot.count('class="hover"') == MAX_POINTS
    assert len(plot) < 400_000
    confidence = re.findall(r'class="curve" points="([^"]+)"', plot)[2]
    heights = [float(point.split(",")[1]) for point in confidence.split()]
    assert min(heights) < np.median(heights) - 30


def test_many_problems_of_one_kind_are_collapsed(tmp_path: Path, portrait_clip: Path) -> None:
    tracks = [track_of(heads(*[40] * 4), number=number, first=6 * number) for number in range(20)]
    tracking = tracking_of(*tracks, frames=118)
    problems = find_problems(tracking, tracks, (1280, 720))
    info = open_clip(portrait_clip).info
    Report(info, tracking, tracks, problems, "dlib", ["left out"], {}).write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    expanded = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    items = {severity: f'<li class="{severity}">' for severity in ("error", "warning")}
    # Frames without a face are errors, profiles are warnings.
    assert (page.count(items["error"]), expanded.count(items["error"])) == (19, 8)
    assert (page.count(items["warning"]), expanded.count(items["warning"])) == (20, 8)
    assert page.count('<tr id="person-') == 20
    assert '<tr id="person-' not in expanded
    assert "<summary>20 more" in page
    assert "Warning: left out" in expanded


def test_the_map_has_every_shot_and_a_lane_for_each_person() -> None:
    tracks = [
        track_of(heads(0, 0, 0), first=0, number=0),
        track_of(heads(0, 0, 0), first=5, number=1, edited=False),
    ]
    plot = plot_clip(tracking_of(*tracks, frames=9, cuts=(4,)), people_in(tracks), "frame {}".format)
    assert re.findall(r"<title>(shot \d), from (frame \d)\nto (frame \d)", plot) == [
        ("shot 0", "frame 0", "frame 3"),
        ("shot 1", "frame 4", "frame 8"),
    ]
    assert re.findall(r"<title>no face: (frames [\d-]+)", plot) == ["frames 3-4", "frames 8-8"]
    assert re.findall(r'href="(#person-\d)"', plot) == ["#person-0", "#person-1"]


def test_a_person_with_two_tracks_has_one_lane_and_one_plot() -> None:
    tracks = [track_of(heads(0, 0, 0), first=first, number=number) for number, first in ((0, 0), (1, 4), (0, 8))]
    person, other = people_in(tracks)
    assert [inspected.track.first for inspected in person.tracks] == [0, 8]
    assert (len(person), person.frame_ranges(1), person.frame_ranges(2)) == (6, "0-2, ...", "0-2, 8-10")
    tracking = tracking_of(*tracks, frames=12, cuts=(4, 8))
    lanes = plot_clip(tracking, [person, other], "frame {}".format)
    assert re.findall(r"<title>(person \d: frames [\d-]+)", lanes) == [
        "person 0: frames 0-2",
        "person 0: frames 8-10",
        "person 1: frames 4-6",
    ]
    plot = plot_person(person, tracking, "frame {}".format)
    assert plot.count('<polyline class="curve"') == 8
    assert re.findall(r'class="hover"[^>]*><title>frame (\d+)', plot) == ["0", "1", "2", "8", "9", "10"]
