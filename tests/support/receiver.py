"""What stands at the end of a channel: it keeps what it is sent, and answers as it is told."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.support.serving import in_a_thread


class Post(NamedTuple):
    path: str
    headers: dict[str, str]  # lower-case names
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


class Receiver:
    """`status`: what posts are answered with, unless `received`, which is called with each, says
    otherwise."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.posts: list[Post] = []
        self.status = 200
        self.received: Callable[[Post], int | None] = lambda post: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def receiver() -> Generator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            post = Post(self.path, headers, body)
            if len(body) < int(headers.get("content-length") or 0):
                return  # it was cut
            made.posts.append(post)
            status = made.received(post) or made.status
            with suppress(OSError):  # the sender is gone
                self.send_response(status)
                self.send_header("content-length", "2")
                self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(server.server_port)
    with in_a_thread(server):
        yield made
