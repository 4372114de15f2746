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

from gateway.backends.backend import Machine
from gateway.backends.models import Model
from gateway.backends.pool import Fleet
from gateway.backends.scheduler import Scheduler
from gateway.config.settings import Settings
from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect, Privilege, Sanitised
from gateway.http.exchange import Call, conduct
from gateway.http.failed_keys import Guesses
from gateway.proxy import aliases
from gateway.proxy.inflight import Running
from gateway.proxy.outbox import Outbox
from gateway.proxy.overlap import overlapped
from gateway.proxy.relay import relay
from gateway.proxy.verdict_cache import Standing
from gateway.pulls.pulls import Pulls
from gateway.stores import Ask, Settlement, Store, StoreUnavailable, Verdict
from tunnel.presence import FOLDER, Presence

_log = logging.getLogger("localllm")


class Gateway:
    """What the stages work with, made once by `server.py`. `running`: every request in flight."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        fleet: Fleet,
        outbox: Outbox,
    ) -> None:
        self.settings = settings
        self.store = store
        self.fleet = fleet
        self.outbox = outbox
        self.scheduler = Scheduler(fleet.machines, settings.queue_limit)
        far = settings.store == "supabase"
        grace = settings.offline_grace_seconds if far else 0.0
        self.standing = Standing(store, overlap=far, grace=grace)
        self.running: dict[UUID, Running] = {}
        self.asking: set[asyncio.Task[Verdict | Refusal]] = set()  # the store, beside the model
        self.presence = Presence(settings.data_dir / FOLDER)
        self.guesses = Guesses(self.has_tunnel)
        self.pulls = Pulls(settings.ollama_timeout)
        self.waiting: set[Call] = set()  # for what a pull comes to

    def has_tunnel(self) -> bool:
        """Whether what comes by loopback can come from Cloudflare's edge."""
        return bool(self.presence.running or self.settings.tunnel_hostname)

    @property
    def default_model(self) -> str:
        """The one that is used where none is named."""
        if self.fleet.demo:
            from gateway.demo.process import MODEL

            return MODEL
        return self.settings.ollama_default_model


async def answer(gateway: Gateway, dialect: Dialect, scope: Any, receive: Any, send: Any) -> None:
    """Serve one request to the model, in the language of its route."""
    call = Call(scope, receive, send)
    await conduct(call, admit(gateway, call, partial(_admit_holder, gateway, dialect, call)))


async def admit(
    gateway: Gateway, call: Call, serve: Callable[[str], Awaitable[Refusal | None]]
) -> Refusal | None:
    """Let in a POST with a key that can be one. `serve` gets its hash and finds out whose it is."""
    if call.method != "POST":
        call.extra.append((b"allow", b"POST"))
        return Refusal("method_not_allowed", "POST")

    key = authenticate(call.headers)
    if isinstance(key, Refusal):
        return key

    key_hash = keys.hash_key(key)
    refusal = gateway.guesses.refusal(call.scope, call.headers, key_hash)
    if refusal is None:
        refusal = await serve(key_hash)
        gateway.guesses.note(call.scope, call.headers, key_hash, refusal)
    return refusal


async def _admit_holder(
    gateway: Gateway, dialect: Dialect, call: Call, key_hash: str
) -> Refusal | None:
    settings = gateway.settings
    if call.is_large():  # not read, and not parsed, for a key that may not ask
        refusal = await _denial(gateway, dialect, call, key_hash, lately=True)
        if refusal is not None:
            return refusal
    body = await call.body(settings.max_body_bytes)
    if isinstance(body, Refusal):
        return body
    asked = dialect.sanitise(body)
    del body  # up to MAX_BODY_BYTES that would live as long as the answer
    if isinstance(asked, Refusal):
        return asked
    aliases.resolve(settings.model_aliases, asked, gateway.default_model)

    machines = await _find_machines(gateway, dialect, asked)
    if isinstance(machines, Refusal):  # who may not ask at all does not learn what is installed
        return await _denial(gateway, dialect, call, key_hash, lately=False) or machines

    try:  # before the hold, so that a crash between the two is settled at the next start
        slot = gateway.outbox.reserve(
            Settlement(
                call.id,
                usage_source="estimated",
                status="gateway_died",
                authorized_at=datetime.now(UTC),
                model=asked.model,
                endpoint=call.path,
            )
        )
    except OSError as problem:
        _log.error("no request is served while the outbox cannot be written: %s", problem)
        return Refusal("outbox_unavailable", retry_after_ms=10_000)

    ended = partial(gateway.standing.settled, key_hash)
    running = Running(call, dialect, asked, slot, gateway.outbox, ended)
    ask = _ask(gateway, dialect, call, asked, key_hash)
    # What it does to the machine could not be taken back: then the verdict is waited for.
    expected = gateway.standing.expect(ask) if asked.privilege is None else None
    if expected is not None:
        running.verdict = expected
        running.asking = asyncio.create_task(authorise(gateway, call, ask))
        gateway.asking.add(running.asking)
        running.asking.add_done_callback(gateway.asking.discard)
        return await _serve(gateway, running, machines)
    try:
        verdict = await authorise(gateway, call, ask, asked.privilege)
    except BaseException:
        running.withdraw(None)
        raise
    if isinstance(verdict, Refusal):
        running.withdraw(verdict)
        return verdict
    running.permit(verdict)
    return await _serve(gateway, running, machines)


async def _serve(
    gateway: Gateway, running: Running, machines: tuple[Machine, ...]
) -> Refusal | None:
    """From permission, which may still have to come, to settlement."""
    call = running.call
    gateway.running[call.id] = running
    if running.asked.stream:
        call.dialect = running.dialect
    call.watch()
    try:
        serve = partial(_forward, gateway, running, machines)
        refusal = await (overlapped(running, running.asking, serve) if running.asking else serve())
        if refusal is not None:
            running.cut("refused")
        return refusal
    except asyncio.CancelledError:
        running.cut("client_gone" if call.gone else "gateway_stopped")
        raise
    except Exception:
        running.cut("internal_error")
        raise
    finally:
        del gateway.running[call.id]  # first: a hold that is renewed for nobody never ends
        running.settle()


async def _forward(
    gateway: Gateway, running: Running, machines: tuple[Machine, ...]
) -> Refusal | None:
    """Wait for a slot, ask the model, and pass on what it answers once that is permitted."""
    request = running.dialect.serialise(running.asked, running.verdict.granted)
    running.asked.sent = running.asked.request.model
    if running.permitted.is_set():
        running.asked.request = None  # it can be large, and nobody asks again
    if isinstance(request, Refusal):
        return request

    model, key_id = running.asked.model, running.verdict.key_id
    place = running.place = gateway.scheduler.enter(key_id, machines, model)
    if place is None:
        return Refusal("queue_full", retry_after_ms=5000)

    async with place:
        whole = not running.asked.stream
        response = await gateway.fleet.ask(place, running.dialect.upstream, request, whole=whole)
        if isinstance(response, Refusal):
            await running.permitted.wait()
            running.cut("upstream_error")
            return response
        try:
            await running.permitted.wait()
            return await relay(response, running)
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
) -> tuple[Machine, ...] | Refusal:
    """Where it may run. What is known of the model there narrows what it can cost."""
    holders = await gateway.fleet.holders(asked.model, cloud=asked.cloud, native=dialect.native)
    if isinstance(holders, Refusal):
        return holders
    asked.prompt_bound = max([_bound(asked, holder.model) for holder in holders])
    return tuple([holder.machine for holder in holders])


def _bound(asked: Sanitised, model: Model | None) -> int:
    """The most tokens that the model of one machine can read of it."""
    bound = asked.prompt_bound + (model.system_bytes if model else 0)
    if model is None or not model.context_length:
        return max(bound, asked.context) if asked.fills_context else bound
    most = max(model.context_length, asked.context) * asked.inputs
    return most if asked.fills_context else min(bound, most)


async def _denial(
    gateway: Gateway, dialect: Dialect, call: Call, key_hash: str, *, lately: bool
) -> Refusal | None:
    """Why the key may not use this route at all, if so."""
    try:
        reason = await gateway.standing.denial(key_hash, dialect.scope, call.origin, lately=lately)
    except StoreUnavailable as problem:
        return _away(problem)
    return Refusal(reason) if reason else None


def _ask(gateway: Gateway, dialect: Dialect, call: Call, asked: Sanitised, key_hash: str) -> Ask:
    """What the request may cost at most."""
    cap = gateway.settings.max_output_tokens
    return Ask(
        request_id=call.id,
        key_hash=key_hash,
        scope=f"{dialect.scope} {asked.privilege.scope}" if asked.privilege else dialect.scope,
        origin=call.origin,
        model=asked.model,
        endpoint=call.path,
        prompt_bound=min(asked.prompt_bound, 2**31 - 1),
        max_output=cap if asked.max_output is None else min(asked.max_output, cap),
    )


async def authorise(
    gateway: Gateway, call: Call, ask: Ask, privilege: Privilege | None = None
) -> Verdict | Refusal:
    """Let the store decide, and hold that. `privilege`: why it needs a second scope."""
    try:
        verdict = await gateway.standing.authorize(ask)
    except StoreUnavailable as problem:
        return _away(problem)
    call.allow(verdict)
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
