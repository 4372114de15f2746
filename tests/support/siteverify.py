"""A stand-in for Cloudflare's siteverify, in the words of its documentation."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.support.postgrest.server import Server

SECRET = "0x4AAA-for-tests"
PATH = "/turnstile/v0/siteverify"


class Siteverify:
    """`solve` gives a proof, as the widget does on a page. `breaks`: how many answers are lost."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.breaks = 0
        self._hosts: dict[str, str | None] = {}  # by proof
        self._first: dict[str, str] = {}  # the idempotency key under which it was used, by proof
        self._server = Server(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}{PATH}"

    def solve(self, page: str) -> str:
        proof = f"0.proof-{len(self._hosts)}"
        self._hosts[proof] = urlsplit(page).hostname
        return proof

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        self.stop()
        self._server.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        asked = json.loads(body)
        self.asked.append(asked)
        told = json.dumps(self._answer(asked)).encode()
        if self.breaks:
            self.breaks -= 1
            scope["transport"].abort()
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        proof, key = asked["response"], asked["idempotency_key"]
        if asked["secret"] != SECRET:
            return _failed("invalid-input-secret")
        if proof not in self._hosts:
            return _failed("invalid-input-response")
        if self._first.setdefault(proof, key) != key:
            return _failed("timeout-or-duplicate")
        return {"success": True, "hostname": self._hosts[proof], "error-codes": []}


def _failed(code: str) -> dict[str, Any]:
    return {"success": False, "error-codes": [code]}


@contextlib.contextmanager
def siteverify() -> Iterator[Siteverify]:
    running = Siteverify()
    running.start()
    try:
        yield running
    finally:
        running.close()
