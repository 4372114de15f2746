"""A stand-in for a Supabase project's Data API: PostgREST and the gateway before it, for tests.

It runs on a thread with a loop of its own and asks the test's Postgres, as the role that PostgREST
logs in as. A test makes it slow, faulty or absent, and sees every call that was made.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.postgrest.app import App
from tests.postgrest.calls import Call
from tests.postgrest.database import Database
from tests.postgrest.faults import Fault
from tests.postgrest.keys import Keys
from tests.postgrest.tokens import sign

__all__ = ["Call", "Fault", "StandIn", "stand_in"]
Result = TypeVar("Result")
PATIENCE = 60.0  # seconds after which something did not happen
KEEP_ALIVE = 400  # as long as Cloudflare, which stands before every project, keeps a connection


class Protocol(HttpToolsProtocol):
    """Gives the application its connection, so that it can cut it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["transport"] = self.transport


class StandIn:
    """The project. `fault` is asked on the stand-in's thread, once for each call."""

    def __init__(self, dsn: str) -> None:
        self.keys = Keys()
        self.latency = 0.0  # seconds of a round trip
        self.fault: Callable[[Call], Fault | None] | None = None
        self.calls: list[Call] = []
        self.bugs: list[Exception] = []  # the stand-in's own: `stand_in` raises them at its end
        self.database = Database(dsn)
        self._changed = threading.Condition()
        # Bound but not listening: whoever connects is refused, and nobody else gets the port.
        self._reserved = _bound(0)
        self._server: asyncio.Server | None = None
        self._loop = uvloop.new_event_loop()
        self._config = uvicorn.Config(
            App(self),
            http=Protocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._config.load()
        self._state = uvicorn.server.ServerState()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._reserved.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def secret_key(self) -> str:
        return self.keys.secret

    @property
    def publishable_key(self) -> str:
        return self.keys.publishable

    @property
    def service_jwt(self) -> str:
        return self.keys.service_jwt

    @property
    def anon_jwt(self) -> str:
        return self.keys.anon_jwt

    def sign(self, **claims: Any) -> str:
        """A token of this project, such as a signed-in user has."""
        return sign(self.keys.jwt_secret, claims)

    def start(self) -> None:
        """Listen; again on the same port after a `stop`."""

        async def listen() -> None:
            await self.database.open()
            self._server = await self._loop.create_server(self._protocol, sock=_bound(self.port))

        self._call(listen())
        self._notify()

    def stop(self) -> None:
        """Cut every connection and listen no more; what has not been committed never is."""

        async def close() -> None:
            if self._server is None:
                return
            self._server.close()
            self._server = None
            for connection in list(self._state.connections):
                connection.transport.abort()
            tasks = list(self._state.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.database.close()

        self._call(close())
        self._notify()

    def reset(self) -> None:
        """No latency, no fault, and nothing has been called."""
        self.latency = 0.0
        self.fault = None
        with self._changed:
            self.calls.clear()
            self._changed.notify_all()

    def wait_until(self, true: Callable[[], Result]) -> Result:
        """The first true value after something has happened here; fails if none comes."""
        with self._changed:
            assert self._changed.wait_for(true, PATIENCE), "it did not happen"
            return true()

    def begin(self, function: str) -> Call:
        call = Call(function, time.monotonic())
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        return call

    def sent(self, call: Call, status: int) -> None:
        call.status = status

    def end(self, call: Call) -> None:
        call.ended = time.monotonic()
        self._notify()

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    def _protocol(self) -> Protocol:
        return Protocol(self._config, self._state, {}, self._loop)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


@contextlib.contextmanager
def stand_in(dsn: str) -> Iterator[StandIn]:
    """One that listens, over the database at `dsn`."""
    project = StandIn(dsn)
    project.start()
    try:
        yield project
    finally:
        project.close()
    if project.bugs:
        raise ExceptionGroup("the stand-in for PostgREST is broken", project.bugs)
