"""One request, from its first byte to its settlement: read top to bottom; data never flows back.

receive → authenticate → sanitise → authorise → wait for a slot → forward → meter → settle
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from gateway.backends.backend import Backend
from gateway.backends.models import Model
from gateway.backends.pool import BackendPool
from gateway.backends.scheduler import Scheduler
from gateway.config.settings import Settings
from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect, Privilege, Sanitised
from gateway.http.exchange import Exchange, conduct
from gateway.http.failed_keys import FailedKeyLimiter
from gateway.proxy import aliases
from gateway.proxy.inflight import InFlight
from gateway.proxy.outbox import Outbox
from gateway.proxy.overlap import overlapped
from gateway.proxy.relay import relay
from gateway.proxy.verdict_cache import VerdictCache
from gateway.pulls.pulls import Pulls
from gateway.stores import AuthorizationRequest, Settlement, Store, StoreUnavailable, Verdict
from tunnel.presence import FOLDER, Presence

_log = logging.getLogger("localllm")


class Gateway:
    """What the stages work with, made once by `server.py`. `running`: every request in flight."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        pool: BackendPool,
        outbox: Outbox,
    ) -> None:
        self.settings = settings
        self.store = store
        self.pool = pool
        self.outbox = outbox
        self.scheduler = Scheduler(pool.backends, settings.queue_limit)
        far = settings.store == "supabase"
        grace = settings.offline_grace_seconds if far else 0.0
        self.verdict_cache = VerdictCache(store, overlap=far, grace=grace)
        self.in_flight: dict[UUID, InFlight] = {}
        self.asking: set[asyncio.Task[Verdict | Refusal]] = set()  # the store, beside the model
        self.presence = Presence(settings.data_dir / FOLDER)
        self.failed_keys = FailedKeyLimiter(self.has_tunnel)
        self.pulls = Pulls(settings.ollama_timeout)
        self.waiting: set[Exchange] = set()  # for what a pull comes to

    def has_tunnel(self) -> bool:
        """Whether what comes by loopback can come from Cloudflare's edge."""
        return bool(self.presence.running or self.settings.tunnel_hostname)

    @property
    def default_model(self) -> str:
        """The one that is used where none is named."""
        if self.pool.demo:
            from gateway.demo.process import MODEL

            return MODEL
        return self.settings.ollama_default_model


async def answer(gateway: Gateway, dialect: Dialect, scope: Any, receive: Any, send: Any) -> None:
    """Serve one request to the model, in the language of its route."""
    exchange = Exchange(scope, receive, send)
    await conduct(
        exchange, admit(gateway, exchange, partial(_admit_holder, gateway, dialect, exchange))
    )


async def admit(
    gateway: Gateway, exchange: Exchange, serve: Callable[[str], Awaitable[Refusal | None]]
) -> Refusal | None:
    """Let in a POST with a key that can be one. `serve` gets its hash and finds out whose it is."""
    if exchange.method != "POST":
        exchange.extra.append((b"allow", b"POST"))
        return Refusal("method_not_allowed", "POST")

    key = authenticate(exchange.headers)
    if isinstance(key, Refusal):
        return key

    key_hash = keys.hash_key(key)
    refusal = gateway.failed_keys.refusal(exchange.scope, exchange.headers, key_hash)
    if refusal is None:
        refusal = await serve(key_hash)
        gateway.failed_keys.note(exchange.scope, exchange.headers, key_hash, refusal)
    return refusal


async def _admit_holder(
    gateway: Gateway, dialect: Dialect, exchange: Exchange, key_hash: str
) -> Refusal | None:
    settings = gateway.settings
    if exchange.is_large():  # not read, and not parsed, for a key that may not ask
        refusal = await _denial(gateway, dialect, exchange, key_hash, lately=True)
        if refusal is not None:
            return refusal
    body = await exchange.body(settings.max_body_bytes)
    if isinstance(body, Refusal):
        return body
    asked = dialect.sanitise(body)
    del body  # up to MAX_BODY_BYTES that would live as long as the answer
    if isinstance(asked, Refusal):
        return asked
    aliases.resolve(settings.model_aliases, asked, gateway.default_model)

    backends = await _find_machines(gateway, dialect, asked)
    if isinstance(backends, Refusal):  # who may not ask at all does not learn what is installed
        return await _denial(gateway, dialect, exchange, key_hash, lately=False) or backends

    try:  # before the hold, so that a crash between the two is settled at the next start
        slot = gateway.outbox.reserve(
            Settlement(
                exchange.id,
                usage_source="estimated",
                status="gateway_died",
                authorized_at=datetime.now(UTC),
                model=asked.model,
                endpoint=exchange.path,
            )
        )
    except OSError as problem:
        _log.error("no request is served while the outbox cannot be written: %s", problem)
        return Refusal("outbox_unavailable", retry_after_ms=10_000)

    ended = partial(gateway.verdict_cache.settled, key_hash)
    in_flight = InFlight(exchange, dialect, asked, slot, gateway.outbox, ended)
    ask = _ask(gateway, dialect, exchange, asked, key_hash)
    # What it does to the machine could not be taken back: then the verdict is waited for.
    expected = gateway.verdict_cache.expect(ask) if asked.privilege is None else None
    if expected is not None:
        in_flight.verdict = expected
        in_flight.asking = asyncio.create_task(authorise(gateway, exchange, ask))
        gateway.asking.add(in_flight.asking)
        in_flight.asking.add_done_callback(gateway.asking.discard)
        return await _serve(gateway, in_flight, backends)
    try:
        verdict = await authorise(gateway, exchange, ask, asked.privilege)
    except BaseException:
        in_flight.withdraw(None)
        raise
    if isinstance(verdict, Refusal):
        in_flight.withdraw(verdict)
        return verdict
    in_flight.permit(verdict)
    return await _serve(gateway, in_flight, backends)


async def _serve(
    gateway: Gateway, in_flight: InFlight, backends: tuple[Backend, ...]
) -> Refusal | None:
    """From permission, which may still have to come, to settlement."""
    exchange = in_flight.exchange
    gateway.in_flight[exchange.id] = in_flight
    if in_flight.asked.stream:
        exchange.dialect = in_flight.dialect
    exchange.watch()
    try:
        serve = partial(_forward, gateway, in_flight, backends)
        refusal = await (
            overlapped(in_flight, in_flight.asking, serve) if in_flight.asking else serve()
        )
        if refusal is not None:
            in_flight.cut("refused")
        return refusal
    except asyncio.CancelledError:
        in_flight.cut("client_gone" if exchange.gone else "gateway_stopped")
        raise
    except Exception:
        in_flight.cut("internal_error")
        raise
    finally:
        del gateway.in_flight[exchange.id]  # first: a hold that is renewed for nobody never ends
        in_flight.settle()


async def _forward(
    gateway: Gateway, in_flight: InFlight, backends: tuple[Backend, ...]
) -> Refusal | None:
    """Wait for a slot, ask the model, and pass on what it answers once that is permitted."""
    request = in_flight.dialect.serialise(in_flight.asked, in_flight.verdict.granted)
    in_flight.asked.sent = in_flight.asked.request.model
    if in_flight.permitted.is_set():
        in_flight.asked.request = None  # it can be large, and nobody asks again
    if isinstance(request, Refusal):
        return request

    model, key_id = in_flight.asked.model, in_flight.verdict.key_id
    ticket = in_flight.ticket = gateway.scheduler.enter(key_id, backends, model)
    if ticket is None:
        return Refusal("queue_full", retry_after_ms=5000)

    async with ticket:
        whole = not in_flight.asked.stream
        response = await gateway.pool.ask(ticket, in_flight.dialect.upstream, request, whole=whole)
        if isinstance(response, Refusal):
            await in_flight.permitted.wait()
            in_flight.cut("upstream_error")
            return response
        try:
            await in_flight.permitted.wait()
            return await relay(response, in_flight)
        finally:
            response.close()


def authenticate(headers: dict[bytes, bytes]) -> str | Refusal:
    """The key that the caller shows, if it can be one."""
    shown = headers.get(b"x-api-key")
    if shown is None:
        scheme, _, shown = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return Refusal("missing_api_key")
    key = shown.strip().decode("latin-1")
    if not key:
        return Refusal("missing_api_key")
    return key if keys.is_well_formed(key) else Refusal("malformed_api_key")


async def _find_machines(
    gateway: Gateway, dialect: Dialect, asked: Sanitised
) -> tuple[Backend, ...] | Refusal:
    """Where it may run. What is known of the model there narrows what it can cost."""
    candidates = await gateway.pool.candidates(
        asked.model, cloud=asked.cloud, native=dialect.native
    )
    if isinstance(candidates, Refusal):
        return candidates
    asked.prompt_bound = max([_bound(asked, candidate.model) for candidate in candidates])
    return tuple([candidate.backend for candidate in candidates])


def _bound(asked: Sanitised, model: Model | None) -> int:
    """The most tokens that the model of one machine can read of it."""
    bound = asked.prompt_bound + (model.system_bytes if model else 0)
    if model is None or not model.context_length:
        return max(bound, asked.context) if asked.fills_context else bound
    most = max(model.context_length, asked.context) * asked.inputs
    return most if asked.fills_context else min(bound, most)


async def _denial(
    gateway: Gateway, dialect: Dialect, exchange: Exchange, key_hash: str, *, lately: bool
) -> Refusal | None:
    """Why the key may not use this route at all, if so."""
    try:
        reason = await gateway.verdict_cache.denial(
            key_hash, dialect.scope, exchange.origin, lately=lately
        )
    except StoreUnavailable as problem:
        return _away(problem)
    return Refusal(reason) if reason else None


def _ask(
    gateway: Gateway, dialect: Dialect, exchange: Exchange, asked: Sanitised, key_hash: str
) -> AuthorizationRequest:
    """What the request may cost at most."""
    cap = gateway.settings.max_output_tokens
    return AuthorizationRequest(
        request_id=exchange.id,
        key_hash=key_hash,
        scope=f"{dialect.scope} {asked.privilege.scope}" if asked.privilege else dialect.scope,
        origin=exchange.origin,
        model=asked.model,
        endpoint=exchange.path,
        prompt_bound=min(asked.prompt_bound, 2**31 - 1),
        max_output=cap if asked.max_output is None else min(asked.max_output, cap),
    )


async def authorise(
    gateway: Gateway,
    exchange: Exchange,
    ask: AuthorizationRequest,
    privilege: Privilege | None = None,
) -> Verdict | Refusal:
    """Let the store decide, and hold that. `privilege`: why it needs a second scope."""
    try:
        verdict = await gateway.verdict_cache.authorize(ask)
    except StoreUnavailable as problem:
        return _away(problem)
    exchange.allow(verdict)
    if not verdict.allowed:
        reason = verdict.reason or "internal_error"
        if reason == "scope_missing" and privilege is not None:
            named = f"'{privilege.field}' {privilege.why}"
            detail = f"{named}: that needs a key with the scopes {' and '.join(ask.scope.split())}."
            return Refusal("privilege_missing", detail, param=privilege.field)
        return Refusal(reason, model=ask.model, retry_after_ms=verdict.retry_after_ms)
    return verdict


def _away(problem: StoreUnavailable) -> Refusal:
    _log.warning("the store cannot be asked: %s", problem)
    return Refusal("store_unavailable", retry_after_ms=5000)
