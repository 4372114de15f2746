"""`POST /v1/models/pull`: let Ollama fetch a model, for a key with the scope for that."""

import logging
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from litestar.handlers import ASGIRouteHandler

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.dialects.protocol import SSE, Framing
from gateway.http.exchange import Exchange, conduct
from gateway.proxy.pipeline import Gateway, admit, authorise
from gateway.pulls.messages import Wanted, read, state
from gateway.pulls.pulls import Pull
from gateway.stores import AuthorizationRequest, Settlement, Verdict

PATH = "/v1/models/pull"
_SCOPE = "models:pull"
_MAX_BODY = 64 * 1024
_log = logging.getLogger("localllm")


class _Events:
    """How progress is streamed, and how that ends when the pull failed."""

    framing: Framing | None = SSE

    def error_event(self, error: bytes) -> bytes:
        return b"data: " + error + b"\n\n"


def pull_routes(gateway: Gateway) -> list[ASGIRouteHandler]:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        exchange = Exchange(scope, receive, send)
        await conduct(exchange, admit(gateway, exchange, partial(_serve, gateway, exchange)))

    return [ASGIRouteHandler(PATH, copy_scope=False)(serve)]


async def _serve(gateway: Gateway, exchange: Exchange, key_hash: str) -> Refusal | None:
    body = await exchange.body(_MAX_BODY)
    if isinstance(body, Refusal):
        return body
    wanted = read(body, gateway.settings.model_aliases)
    if isinstance(wanted, Refusal):
        return wanted
    ask = AuthorizationRequest(
        request_id=exchange.id,
        key_hash=key_hash,
        scope=_SCOPE,
        origin=exchange.origin,
        model=wanted.name,
        endpoint=PATH,
        prompt_bound=0,
        max_output=0,
    )
    verdict = await authorise(gateway, exchange, ask)
    if isinstance(verdict, Refusal):
        return verdict
    pull = await _counted(gateway, ask, verdict, _join(gateway, wanted, verdict))
    return pull if isinstance(pull, Refusal) else await _tell(gateway, exchange, pull, wanted)


async def _join(gateway: Gateway, wanted: Wanted, verdict: Verdict) -> Pull | Refusal:
    """The pull of that model, begun now or before, if there is an Ollama that may do it."""
    if gateway.pool.demo:
        return Refusal("demo_model")
    backend = gateway.pool.for_pull()
    if backend is None:
        return Refusal("not_supported")
    cloud = model_names.is_cloud(wanted.sent)
    where = (backend,)  # what another one has, or does not tell, is no reason against it
    candidates = await gateway.pool.candidates(wanted.name, cloud=cloud, native=True, among=where)
    if isinstance(candidates, Refusal):
        return candidates
    return gateway.pulls.join(backend, wanted.name, wanted.sent, f"key {verdict.key_id}")


async def _counted(
    gateway: Gateway,
    ask: AuthorizationRequest,
    verdict: Verdict,
    work: Coroutine[Any, Any, Pull | Refusal],
) -> Pull | Refusal:
    """Do it as one request without tokens. Nothing is held: a hold that a crash left behind before
    this would cost nobody anything, so the outbox need not know of it from the beginning."""
    settlement = Settlement(
        ask.request_id,
        status="internal_error",
        key_id=verdict.key_id,
        authorized_at=datetime.now(UTC),
        model=ask.model,
        endpoint=ask.endpoint,
    )
    try:
        slot = gateway.outbox.reserve(settlement)
    except OSError as problem:
        work.close()
        _log.error("no pull is begun while the outbox cannot be written: %s", problem)
        return Refusal("outbox_unavailable", retry_after_ms=10_000)
    try:
        pull = await work
        settlement.status = "refused" if isinstance(pull, Refusal) else "ok"
        return pull
    finally:
        gateway.verdict_cache.settled(ask.key_hash, settlement)
        gateway.outbox.commit(slot)


async def _tell(gateway: Gateway, exchange: Exchange, pull: Pull, wanted: Wanted) -> Refusal | None:
    """Show the client how the pull goes on; when the client leaves, the pull does not end."""
    if wanted.stream:
        exchange.dialect = _Events()
    exchange.watch()
    gateway.waiting.add(exchange)  # the pulse sends signs of life
    try:
        seen, told = 0, b""
        while not pull.ended:
            seen = await pull.news(seen)
            news = _encoded(pull, wanted)
            if wanted.stream and not pull.ended and news != told:  # it can be ahead of its edition
                await exchange.write(b"data: %s\n\n" % news)
                told = news
        if pull.failure is not None:
            return pull.failure
        last = _encoded(pull, wanted)
        if wanted.stream:
            await exchange.open()
            await exchange.end(b"data: %s\n\ndata: [DONE]\n\n" % last)
        else:
            await exchange.whole(200, last)
        return None
    finally:
        gateway.waiting.discard(exchange)


def _encoded(pull: Pull, wanted: Wanted) -> bytes:
    return msgspec.json.encode(state(pull.progress, wanted.shown, done=pull.ended))
