"""A stand-in for Turnstile in a page: the script, and the frame in which the proof is made."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.serving import in_a_thread
from tests.support.siteverify import Siteverify

CLOUDFLARE = "https://challenges.cloudflare.com"
_API = """
const here = new URL(document.currentScript.src).origin;
window.turnstile = {
  render(place, { sitekey, callback, ...others }) {
    const frame = document.createElement("iframe");
    frame.title = sitekey;
    addEventListener("message", (told) => {
      if (told.source !== frame.contentWindow || told.origin !== here) return;
      if (told.data.proof) callback(told.data.proof);
      else others["error-callback"](told.data.code);
    });
    frame.src = `${here}/widget`;
    document.querySelector(place).append(frame);
    return frame;
  },
  remove: (frame) => frame.remove(),
};
"""


class Widget:
    """`refuses`: it takes the visitor for a program. `shown`: how often a proof was asked for."""

    def __init__(self, cloudflare: Siteverify) -> None:
        self.cloudflare = cloudflare
        self.refuses = False
        self.shown = 0
        self.url = ""

    def told(self, page: str) -> dict[str, str]:
        self.shown += 1
        return {"code": "300030"} if self.refuses else {"proof": self.cloudflare.solve(page)}


@contextmanager
def turnstile(cloudflare: Siteverify) -> Generator[Widget]:
    widget = Widget(cloudflare)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = "text/javascript", _API
            if self.path == "/widget":
                told = json.dumps(widget.told(self.headers["Referer"]))
                kind, text = "text/html", f"<script>parent.postMessage({told}, '*')</script>"
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with in_a_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as widget.url:
        yield widget
