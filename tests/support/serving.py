"""Servers of a test on this machine, for as long as a block takes."""

import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from http.server import ThreadingHTTPServer

from aiohttp import web


@asynccontextmanager
async def serving(runner: web.AppRunner | web.ServerRunner) -> AsyncGenerator[str]:
    """aiohttp's, at a port of its own. Yields its address."""
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def in_a_thread(server: ThreadingHTTPServer) -> Generator[str]:
    """Python's own. Yields its address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    with server:
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
