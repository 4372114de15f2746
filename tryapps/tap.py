"""Stands between a program and the gateway, and writes down each request and its answer.

The gateway's log names no bodies, and should not. Everything is passed on as it comes.
"""

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web

_OWN = {"connection", "transfer-encoding", "keep-alive", "te", "upgrade"}  # of one connection each
_KEYS = {"authorization", "x-api-key", "api-key", "cookie"}
_LARGEST = 64 * 1024 * 1024  # bytes


@dataclass
class Passed:
    """One request of the program, and what the gateway answered."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0  # 0: the program left before there was one
    answer: bytes = b""
    ignored: str = ""  # what the gateway left out of it

    @property
    def refused(self) -> bool:
        return self.status >= 400

    @property
    def reason(self) -> str:
        """Code and message of a refusal, in whatever form."""
        try:
            told: Any = json.loads(self.answer)
            error = told["error"]
            if isinstance(error, str):
                return error
            return f"{error.get('code') or error.get('type')}: {error['message']}"
        except (ValueError, TypeError, KeyError):
            return self.answer[:200].decode("utf-8", "replace")

    def save(self, file: Path) -> None:
        """As JSON, without keys."""
        kept = {name: "…" if name.lower() in _KEYS else v for name, v in self.headers.items()}
        try:
            body = json.loads(self.body)
        except ValueError:
            body = self.body.decode("utf-8", "replace")
        told = {
            "request": {"method": self.method, "path": self.path, "headers": kept, "body": body},
            "answer": {"status": self.status, "body": self.answer.decode("utf-8", "replace")},
        }
        file.write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")


class Tap:
    """Listens on a loopback port of its own. `passed`: all since the last `begin`, in order."""

    def __init__(self, gateway: str) -> None:
        self.url = ""
        self.passed: list[Passed] = []
        self._gateway = gateway
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    def begin(self) -> None:
        self.passed = []

    def run(self, listening: threading.Event) -> None:
        """Serve until `end`, from any other thread."""
        self._loop.run_until_complete(self._serve(listening))
        self._loop.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)

    async def _serve(self, listening: threading.Event) -> None:
        async with ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None)) as own:
            application = web.Application(client_max_size=_LARGEST)
            application.router.add_route("*", "/{path:.*}", partial(self._pass_on, own))
            runner = web.AppRunner(application, handler_cancellation=True, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            listening.set()
            await self._ended.wait()
            await runner.cleanup()

    async def _pass_on(self, own: ClientSession, request: web.Request) -> web.StreamResponse:
        headers = {name: v for name, v in request.headers.items() if name.lower() not in _OWN}
        body = await request.read()
        one = Passed(request.method, request.path_qs, headers, body)
        self.passed.append(one)
        url = self._gateway + request.raw_path
        async with own.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            one.ignored = answer.headers.get("x-localllm-ignored", "")
            response = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _OWN:
                    response.headers.add(name, value)
            await response.prepare(request)
            one.status = answer.status
            async for chunk in answer.content.iter_any():
                one.answer += chunk
                await response.write(chunk)
            await response.write_eof()
            return response


@contextmanager
def tap(gateway: str) -> Generator[Tap]:
    """One that listens."""
    made, listening = Tap(gateway), threading.Event()
    thread = threading.Thread(target=made.run, args=(listening,), daemon=True)
    thread.start()
    listening.wait()
    try:
        yield made
    finally:
        made.end()
        thread.join()
