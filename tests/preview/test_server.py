"""The page of `facevid preview`: its server, and the page itself in a headless Chromium."""

import json
import shutil
import socket
import threading
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray

from facevid.analysis.analysis import Analysis
from facevid.faces.mesh.detector import BundledDetector
from facevid.models import load_model
from facevid.options import ComputeOptions, TrackingOptions
from facevid.preview.server import PreviewServer, make_app
from facevid.preview.session import PreviewSession
from facevid.video import open_clip
from tests.clips import camera_move, write_clip
from tests.conftest import RunFacevid

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def session(portrait: NDArray[np.uint8], tmp_path: Path) -> PreviewSession:
    """Return a session of a clip of three frames with two faces."""
    halves = [camera_move(portrait, index, (320, 240)) for index in range(3)]
    source = write_clip(tmp_path / "two.mp4", [np.hstack([half, half]) for half in halves], sound=False)
    clip = open_clip(source, start_number=101)
    analysis = Analysis(clip, BundledDetector(), TrackingOptions())
    return PreviewSession(clip, analysis, load_model(device="cpu"), ComputeOptions("cpu"))


@pytest.fixture
def client(session: PreviewSession) -> FlaskClient:
    """Return a client of the application, whose addresses begin with /token/."""
    return make_app(session, Path("two.mp4"), [], "token").test_client()


def picture(client: FlaskClient, name: str) -> NDArray[np.int64]:
    response = client.get(f"/token/api/frame/102/{name}")
    assert (response.status_code, response.mimetype) == (200, "image/jpeg")
    decoded = cv2.imdecode(np.frombuffer(response.data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.int64)


def test_frames_are_edited_face_by_face(client: FlaskClient) -> None:
    clip: dict[str, Any] = client.get("/token/api/clip").get_json()
    assert (clip["first"], clip["frames"], clip["width"], clip["height"]) == (101, 3, 640, 240)
    assert [face["frames"] for face in clip["faces"]] == [[[101, 103]]] * 2
    assert "smile" in [attribute["name"] for attribute in clip["attributes"]]
    faces = client.get("/token/api/frame/102/faces").get_json()
    left, right = [face["number"] for face in sorted(faces, key=lambda face: face["box"][0])]
    assert {left, right} == {0, 1}
    source = picture(client, "source.jpg")
    unedited = picture(client, "edit.jpg")
    edited = picture(client, f"edit.jpg?strengths={json.dumps({right: {'male': 1}})}")
    assert np.abs(unedited - source).max() <= 2
    assert np.abs(edited - source)[:, :300].max() <= 2
    assert np.abs(edited - source)[:, 320:].max() > 30


def test_requests_that_are_refused(client: FlaskClient) -> None:
    for address, code in (
        ("/", 404),
        ("/guess/", 404),
        ("/guess/api/clip", 404),
        ("/token/api/frame/100/source.jpg", 404),
        ("/token/..%2Fserver.py", 404),
        ("/token/api/frame/101/edit.jpg?strengths=[", 400),
        ('/token/api/frame/101/edit.jpg?strengths={"0":{"beard":1}}', 400),
        ('/token/api/frame/101/edit.jpg?strengths={"0":{"smile":9}}', 400),
    ):
        assert client.get(address).status_code == code, address
    assert client.get("/token/api/clip", headers={"Host": "evil.example"}).status_code == 400
    headers = client.get("/token/").headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_a_port_that_is_taken(run_facevid: RunFacevid, portrait_clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run_facevid("preview", portrait_clip, "--no-browser", "-q", "--port", port)
    assert (outcome.code, str(port) in outcome.err, outcome.err.count("\n")) == (6, True, 1)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_in_a_browser(session: PreviewSession, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    server = PreviewServer(session, Path("two shots.mp4"), ["--model", "bundled"])
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page, messages = browser.new_page(), []
            page.on("console", lambda message: messages.append(message.text))
            page.on("pageerror", lambda error: messages.append(str(error)))
            page.goto(server.address)
            page.wait_for_selector("body[data-shown='101 {}']")
            page.keyboard.press(".")
            page.wait_for_selector("body[data-shown='102 {}']")
            page.focus("#strength-smile")
            for _ in range(4):
                page.keyboard.press("ArrowRight")
            page.wait_for_selector("""body[data-shown='102 {"0":{"smile":0.2}}']""")
            assert page.inner_text("#command") == (
                "facevid edit 'two shots.mp4' 'edited-two shots.mp4' --model bundled --attr smile=+0.2 --face 0"
            )
            page.keyboard.press("1")
            page.focus("#strength-age")
            page.keyboard.press("ArrowLeft")
            page.wait_for_selector("""body[data-shown='102 {"0":{"smile":0.2},"1":{"age":-0.05}}']""")
            assert page.inner_text("#command").endswith("--edits shot.toml")
            with page.expect_download() as download:
                page.click("#save")
            download.value.save_as(tmp_path / "shot.toml")
            assert tomllib.loads((tmp_path / "shot.toml").read_text()) == {
                "face": [{"face": 0, "attr": ["smile=+0.2"]}, {"face": 1, "attr": ["age=-0.05"]}]
            }
            for key, view in (("s", "side"), ("e", "edit"), ("w", "wipe")):
                page.keyboard.press(key)
                assert page.get_attribute("#pictures", "class") == view
            page.keyboard.press("r")
            page.wait_for_selector("""body[data-shown='102 {"0":{"smile":0.2}}']""")
            assert messages == []
            browser.close()
    finally:
        server.close()
        thread.join()
