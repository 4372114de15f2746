"""The Supabase store: the same SQL functions, called as RPC through PostgREST.

Each call takes one round trip. Every call can safely be sent twice, because the SQL gives the same
answer to the same request id, hash or batch: a call that breaks on the way is sent again, once. (A
failed log-in that is sent twice counts twice, which does no harm.)
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from uuid import UUID, uuid4

import httpx
import msgspec
from supabase import AsyncClient, AsyncClientOptions

from gateway.core.read_at_most import read_at_most
from gateway.stores import (
    HOLD_SECONDS,
    AuthorizationRequest,
    Claim,
    Identity,
    Settlement,
    StoreMisconfigured,
    StoreUnavailable,
    Verdict,
)
from gateway.stores.aiohttp_transport import AiohttpTransport
from gateway.stores.functions import arguments_of
from gateway.stores.supabase_problems import FAILURES, NotJson, Rejected, explain, may_pass

DECISION_TIMEOUT = 5.0  # seconds, for calls that a client is waiting for
CALL_TIMEOUT = 10.0
PAUSE = 0.1  # seconds, at most, before a failed call is sent again
KEEP_ALIVE = 90.0  # seconds for idle connections; a new one takes three round trips
_CONNECTIONS = 100
_LONGEST_ERROR = 64 * 1024  # bytes of an error's body

Shape = TypeVar("Shape")


class _Settled(msgspec.Struct):
    settled: int
    unknown: int


class _Swept(msgspec.Struct):
    released: int
    renewed: int
    gateways: int


class SupabaseStore:
    """Implements `Store`. The constructor sends nothing: the project may be unreachable now."""

    def __init__(self, url: str, key: str, token: str = "") -> None:
        """`key`: `sb_secret_…` or a service_role JWT; or, with a `token` of the role
        localllm_gateway, which serves calls alone, `sb_publishable_…` or an anon JWT."""
        self.gateways = 1
        self._id = str(uuid4())
        self._host = urlsplit(url).netloc
        self._by_token = bool(token)
        self._http = httpx.AsyncClient(
            transport=_Transport(url), timeout=httpx.Timeout(CALL_TIMEOUT, connect=DECISION_TIMEOUT)
        )
        options = AsyncClientOptions(
            httpx_client=self._http, auto_refresh_token=False, persist_session=False
        )
        self._client = AsyncClient(url, key, options)
        self._authorize_as(token or key)
        self._closed = False

    async def authorize(self, wanted: AuthorizationRequest) -> Verdict:
        """Decide, and hold the tokens."""
        arguments = {
            "p_request_id": str(wanted.request_id),
            "p_key_hash": wanted.key_hash,
            "p_scope": wanted.scope,
            "p_origin": wanted.origin,
            "p_model": wanted.model,
            "p_endpoint": wanted.endpoint,
            "p_prompt_bound": wanted.prompt_bound,
            "p_max_output": wanted.max_output,
            "p_ttl_seconds": HOLD_SECONDS,
            "p_capped": wanted.capped,
            "p_clock": _now(),
            "p_claim": msgspec.to_builtins(wanted.claim),
        }
        verdict = await self._call("authorize_request", arguments, Verdict, DECISION_TIMEOUT)
        if verdict.allowed and verdict.key_id is None:
            raise explain(NotJson(), self._host)
        return verdict

    async def identify(
        self, key_hash: str, scope: str | None, origin: str | None, claim: Claim | None = None
    ) -> Identity:
        """Who the key belongs to."""
        arguments = {
            "p_key_hash": key_hash,
            "p_scope": scope,
            "p_origin": origin,
            "p_claim": msgspec.to_builtins(claim),
        }
        return await self._call("identify_key", arguments, Identity, DECISION_TIMEOUT)

    async def settle(self, batch: Sequence[Settlement]) -> None:
        """Count each request once."""
        if batch:
            items = msgspec.to_builtins(batch)
            arguments = {"p_settlements": items, "p_clock": _now()}
            await self._call("settle_requests", arguments, _Settled)

    async def sweep(self, live: Sequence[UUID]) -> None:
        """Renew the holds of `live`, release those of dead gateways; count those that live."""
        arguments = {
            "p_live": [str(one) for one in live],
            "p_ttl_seconds": HOLD_SECONDS,
            "p_gateway": self._id,
            "p_clock": _now(),
        }
        swept = await self._call("sweep_holds", arguments, _Swept)
        self.gateways = max(1, swept.gateways)

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call an administration function by name, with all its arguments."""
        arguments_of(function, arguments)
        return await self._call(function, msgspec.to_builtins(dict(arguments)), dict[str, Any])

    async def check(self) -> None:
        """Raise StoreUnavailable unless the project answers and has our functions."""
        await self._call("applied_migrations", {}, dict[str, str], DECISION_TIMEOUT)

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        await self._http.aclose()

    def _authorize_as(self, token: str) -> None:
        """Only a JWT is a token. supabase's client would send `sb_secret_…` as one too, which the
        hosted service takes and a stack of one's own refuses."""
        headers = self._client.postgrest.headers
        if token.startswith("sb_"):
            headers.pop("Authorization", None)
        else:
            headers["Authorization"] = f"Bearer {token}"

    async def _call(
        self,
        function: str,
        arguments: dict[str, Any],
        shape: type[Shape],
        timeout: float = CALL_TIMEOUT,
    ) -> Shape:
        if self._closed:
            raise StoreUnavailable("the store is closed.")
        try:
            try:
                return await self._send(function, arguments, shape, timeout)
            except FAILURES as problem:
                if not may_pass(problem):
                    raise
            await asyncio.sleep(random.uniform(0, PAUSE))  # noqa: S311 - not all at once
            return await self._send(function, arguments, shape, timeout)
        except FAILURES as problem:
            denied = function if self._by_token else None
            raise explain(problem, self._host, by_token=denied) from problem

    async def _send(
        self, function: str, arguments: dict[str, Any], shape: type[Shape], timeout: float
    ) -> Shape:
        try:
            async with asyncio.timeout(timeout):
                answer = await self._client.rpc(function, arguments).execute()
            return msgspec.convert(cast(Any, answer).data, shape)
        except (ValueError, RecursionError) as problem:  # no JSON, no UTF-8, another shape
            raise NotJson from problem


def _now() -> str:
    return datetime.now(UTC).isoformat()


class _Transport(AiohttpTransport):
    """A status other than 2xx is raised here, because supabase's own exception does not contain
    it."""

    def __init__(self, url: str) -> None:
        super().__init__(
            keep_alive=KEEP_ALIVE,
            connections=_CONNECTIONS,
            tls=httpx.create_ssl_context(),
            proxy=_proxy(url),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if response.is_success:
            return response
        body = bytearray()
        try:
            await read_at_most(_LONGEST_ERROR, response.aiter_raw(), body)
        finally:
            await response.aclose()
        raise Rejected(response.status_code, bytes(body), response.headers.get("location", ""))


def _proxy(url: str) -> str | None:
    """The proxy from the environment. (aiohttp would look it up for every call, in a thread.)"""
    parts = urlsplit(url)
    address = getproxies().get(parts.scheme, "")
    if not address or proxy_bypass(parts.netloc):
        return None
    address = address if "://" in address else f"http://{address}"
    if urlsplit(address).scheme not in {"http", "https"}:
        name = f"{parts.scheme}_proxy".upper()
        raise StoreMisconfigured(f"{name} should name an http proxy, or be unset.")
    return address
