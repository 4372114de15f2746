"""The scripted model's server: taken for an Ollama, and writes down what reached it."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tryapps import replies
from tryapps.script import Script, offered_tools

MODEL = "scripted:latest"
ALIAS = "gpt-6.2-sol"  # what the gateway calls it too; a model that Codex knows
CONTEXT = 262_144  # tokens; agents ask what fits
_DETAILS = {
    "format": "gguf",
    "family": "scripted",
    "parameter_size": "8B",
    "context_length": CONTEXT,
}
_LISTED = {
    "name": MODEL,
    "model": MODEL,
    "modified_at": "2026-11-23T11:04:22Z",
    "size": 1,
    "digest": "0" * 64,
    "details": _DETAILS,
    "context_length": CONTEXT,
}
_FIXED: dict[str, Any] = {
    "/api/version": {"version": "0.33.0"},
    "/api/tags": {"models": [_LISTED]},
    "/api/ps": {"models": [{**_LISTED, "size_vram": 1, "expires_at": "2036-11-23T11:04:22Z"}]},
    "/api/show": {
        "details": _DETAILS,
        "capabilities": ["completion", "tools"],
        "model_info": {"general.architecture": "scripted", "scripted.context_length": CONTEXT},
    },
    "/v1/models": {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1}]},
}


@dataclass(frozen=True)
class Reached:
    """One prompt that came to the model, and the tokens that it reported."""

    path: str
    tools: list[str]
    called: str | None  # the tool that was called
    size: int  # bytes
    tokens: int


class ScriptedModel(ThreadingHTTPServer):
    """`script` says what to answer; `reached` is what came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = Script()
        self.reached: list[Reached] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def begin(self, script: Script) -> None:
        """Another trial."""
        with self.lock:
            self.script = script
            self.reached = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedModel

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._whole(_FIXED.get(self.path))

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        if self.path in _FIXED:
            self._whole(_FIXED[self.path])
            return
        body = json.loads(text)
        if body["model"] not in {MODEL, MODEL.removesuffix(":latest")}:
            self._whole(_unknown(self.path, body["model"]), 404)
            return
        tools = offered_tools(body)
        stream = bool(body.get("stream", self.path.startswith("/api/")))
        with self.server.lock:
            reply = self.server.script.reply(text, tools)
            counts = replies.Counts(len(text) // 4, len(str(reply)) // 4)
            try:
                made = replies.pieces(self.path, body["model"], reply, counts, stream)
            except KeyError:
                self._whole(None)
                return
            called = None if isinstance(reply, str) else reply.name
            reached = Reached(self.path, tools, called, len(text.encode()), sum(counts))
            self.server.reached.append(reached)
        self._send(made, replies.content_type(self.path, stream))

    def _whole(self, value: object, status: int = 200) -> None:
        """JSON, or 404 for None."""
        data = json.dumps(value or {"error": "not found"}).encode()
        self.send_response(status if value else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send(self, made: list[str], content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in [*made, ""]:  # an empty chunk is the end
            data = piece.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def _unknown(path: str, model: str) -> dict[str, Any]:
    """What Ollama says of a model that it does not have."""
    told = f"model '{model}' not found"
    if path.startswith("/api/"):
        return {"error": told}
    return {"type": "error", "error": {"type": "not_found_error", "message": told}}


@contextmanager
def scripted_model() -> Generator[ScriptedModel]:
    """One that listens."""
    with ScriptedModel() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
