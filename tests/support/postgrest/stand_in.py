"""A stand-in for a Supabase project: PostgREST and the gateway before it, and of Auth who a user
is, for tests.

It runs on a thread of its own and asks the test's Postgres, as the role that PostgREST logs in as.
A test makes it slow, faulty or absent, and sees every call that was made.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from gateway.stores import gateway_token
from tests.support.postgrest.app import App
from tests.support.postgrest.calls import Call
from tests.support.postgrest.database import Database
from tests.support.postgrest.faults import Fault
from tests.support.postgrest.keys import Keys
from tests.support.postgrest.server import PATIENCE, Server
from tests.support.postgrest.tokens import sign

__all__ = ["Call", "Fault", "StandIn", "stand_in"]
Result = TypeVar("Result")


class StandIn:
    """The project. `fault` is asked on the stand-in's thread, once for each call."""

    def __init__(self, dsn: str) -> None:
        self.latency = 0.0  # seconds of a round trip
        self.is_hosted = True  # False: a stack of one's own, see keys.bearer_of
        self.fault: Callable[[Call], Fault | None] | None = None
        self.calls: list[Call] = []
        self.bugs: list[Exception] = []  # the stand-in's own: `stand_in` raises them at its end
        self.keys = Keys()
        self.users: dict[str, dict[str, Any]] = {}  # who exist, by their ids
        self.database = Database(dsn)
        self._gates: dict[str, asyncio.Event] = {}
        self._changed = threading.Condition()
        self._server = Server(App(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

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

    def import_signing_key(self, key: Mapping[str, Any]) -> None:
        """As the dashboard does with a private JWK: what it has signed is good from now on."""
        self.keys.jwks[key["kid"]] = {name: key[name] for name in ("kty", "crv", "x", "y")}

    def revoke_signing_keys(self) -> None:
        self.keys.jwks.clear()

    def gateway_token(self, **claims: Any) -> str:
        """A token of the role localllm_gateway, by a signing key of its own."""
        key = gateway_token.new_signing_key()
        self.import_signing_key(key)
        in_an_hour = datetime.now(UTC) + timedelta(hours=1)
        return gateway_token.sign(key, gateway_token.claims(self.url, in_an_hour) | claims)

    def start(self) -> None:
        """Listen; again on the same port after a `stop`."""
        self._server.run(self.database.open())
        self._server.start()

    def stop(self) -> None:
        """Cut every connection and listen no more; what has not been committed never is."""
        self._server.stop()
        self._server.run(self.database.close())

    @contextlib.contextmanager
    def holding(self, function: str) -> Iterator[None]:
        """Within, calls of the function wait before their statement begins."""
        gate = self._gates[function] = asyncio.Event()
        try:
            yield
        finally:
            del self._gates[function]
            self._server.call_soon(gate.set)

    async def passed(self, function: str) -> None:
        """For the application: the function may run."""
        gate = self._gates.get(function)
        if gate is not None:
            await gate.wait()

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
        """For the application: a request has arrived."""
        call = Call(function, time.monotonic())
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        return call

    def end(self, call: Call, status: int | None = None) -> None:
        """For the application: it is answered, or never will be. The first word counts."""
        if call.ended is None:
            call.status = status
            call.ended = time.monotonic()
            with self._changed:
                self._changed.notify_all()

    def close(self) -> None:
        self.stop()
        self._server.close()


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
