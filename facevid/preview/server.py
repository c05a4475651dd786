"""The web server of the preview page: the page's files, the clip's properties, and pictures of frames.

It listens on 127.0.0.1 only. Addresses begin with a random token, so that pages of other sites and other users of the
machine cannot guess them; requests with another host name are refused, which stops DNS rebinding.
"""

import json
import secrets
import socket
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from flask import Blueprint, Flask, Response, abort, request, send_from_directory
from numpy.typing import NDArray
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from facevid.edits.effects import effects_of
from facevid.errors import FacevidError, UsageError
from facevid.preview.session import PreviewSession

PAGE = Path(__file__).parent / "page"
"""Folder of the page's files."""

HOSTS = ["127.0.0.1", "localhost"]
"""Host names that a request may have."""

JPEG_QUALITY = 92
"""Quality of the pictures: differences between source and edit stay visible."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of all responses: nothing is loaded from, shown in or sent to other sites."""


class PreviewServer:
    """Serves the page of one session until it is closed.

    Attributes:
        address: of the page.
    """

    def __init__(self, session: PreviewSession, source: Path, options: list[str], port: int = 0) -> None:
        """Bind the port.

        Args:
            session: renders the frames.
            source: IN, as the user gave it.
            options: options for the `facevid edit` command that the page shows, such as `--model`.
            port: port to listen on; 0 chooses a free one.

        Raises:
            OSError: the port is taken.
        """
        token = secrets.token_urlsafe(16)
        app = make_app(session, source, options, token)
        # Werkzeug would end the process if the port is taken.
        self._socket = socket.create_server((HOSTS[0], port))
        port = self._socket.getsockname()[1]
        self._server: BaseWSGIServer = make_server(
            HOSTS[0],
            port,
            app,
            threaded=True,
            request_handler=_QuietHandler,
            fd=self._socket.fileno(),
        )
        self.address = f"http://127.0.0.1:{port}/{token}/"

    def serve(self) -> None:
        """Answer requests until `close` is called from another thread, or Ctrl-C."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stop `serve`."""
        self._server.shutdown()
        self._socket.close()


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Print nothing: each move of a slider is a request."""


def make_app(session: PreviewSession, source: Path, options: list[str], token: str) -> Flask:
    """Return the application; arguments as for `PreviewServer`."""
    app = Flask("facevid", static_folder=None)
    app.config["TRUSTED_HOSTS"] = HOSTS
    page = Blueprint("page", __name__, url_prefix=f"/{token}")

    @page.get("/")
    def index() -> Response:
        return send_from_directory(PAGE, "page.html")

    @page.get("/<name>")
    def file(name: str) -> Response:
        return send_from_directory(PAGE, name)

    @page.get("/api/clip")
    def clip() -> Response:
        return _as_json(describe(session, source, options))

    @page.get("/api/frame/<int:number>/faces")
    def faces(number: int) -> Response:
        found = session.faces(_frame_index(session, number))
        return _as_json([{"number": face, "box": box} for face, box in found])

    @page.get("/api/frame/<int:number>/source.jpg")
    def source_picture(number: int) -> Response:
        return _as_jpeg(session.source(_frame_index(session, number)))

    @page.get("/api/frame/<int:number>/edit.jpg")
    def edited_picture(number: int) -> Response:
        strengths = parse_strengths(request.args.get("strengths", "{}"))
        return _as_jpeg(session.edited(_frame_index(session, number), strengths))

    @app.errorhandler(FacevidError)
    def failure(error: FacevidError) -> Response:
        return Response(str(error), 400 if isinstance(error, UsageError) else 500, mimetype="text/plain")

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    app.register_blueprint(page)
    return app


def describe(session: PreviewSession, source: Path, options: list[str]) -> dict[str, Any]:
    """Return what the page shows of the clip and of the model, as JSON values."""
    info, rate = session.clip.info, session.clip.info.average_rate
    people: dict[int, list[list[int]]] = {}
    for track in session.tracking.tracks:
        people.setdefault(track.person, []).append([info.first_number + track.first, info.first_number + track.last])
    names = dict.fromkeys(editor.attribute.everyday for editor in session.model.editors)
    return {
        "source": str(source),
        "options": options,
        "first": info.first_number,
        "frames": session.frame_count,
        "rate": float(rate) if rate else None,
        "width": info.square_size[0],
        "height": info.square_size[1],
        "model": session.model.name,
        "faces": [{"number": number, "frames": frames} for number, frames in people.items()],
        "attributes": [
            {"name": name, "plus": effects_of(name)[0], "minus": effects_of(name)[1]} for name in sorted(names)
        ],
    }


def parse_strengths(text: str) -> dict[int, dict[str, float]]:
    """Parse strengths from the page, {"face": {"attribute": strength}}. Raises UsageError."""
    try:
        return {
            int(face): {str(name): float(value) for name, value in values.items()}
            for face, values in json.loads(text).items()
        }
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise UsageError("strengths must be an object of faces, each with strengths of attributes") from error


def _frame_index(session: PreviewSession, number: int) -> int:
    index = number - session.clip.info.first_number
    if not 0 <= index < session.frame_count:
        abort(404)
    return index


def _as_json(value: Any) -> Response:
    return Response(json.dumps(value), mimetype="application/json")


def _as_jpeg(picture: NDArray[np.uint8]) -> Response:
    _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return Response(content.tobytes(), mimetype="image/jpeg")
