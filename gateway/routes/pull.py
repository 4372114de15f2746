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
from gateway.http.exchange import Call, conduct
from gateway.proxy.pipeline import Gateway, admit, authorise
from gateway.pulls.messages import Wanted, read, state
from gateway.pulls.pulls import Pull
from gateway.stores import Ask, Settlement, Verdict

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
        call = Call(scope, receive, send)
        await conduct(call, admit(gateway, call, partial(_serve, gateway, call)))

    return [ASGIRouteHandler(PATH, copy_scope=False)(serve)]


async def _serve(gateway: Gateway, call: Call, key_hash: str) -> Refusal | None:
    body = await call.body(_MAX_BODY)
    if isinstance(body, Refusal):
        return body
    wanted = read(body, gateway.settings.model_aliases)
    if isinstance(wanted, Refusal):
        return wanted
    ask = Ask(
        request_id=call.id,
        key_hash=key_hash,
        scope=_SCOPE,
        origin=call.origin,
        model=wanted.name,
        endpoint=PATH,
        prompt_bound=0,
        max_output=0,
    )
    verdict = await authorise(gateway, call, ask)
    if isinstance(verdict, Refusal):
        return verdict
    pull = await _counted(gateway, ask, verdict, _join(gateway, wanted, verdict))
    return pull if isinstance(pull, Refusal) else await _tell(gateway, call, pull, wanted)


async def _join(gateway: Gateway, wanted: Wanted, verdict: Verdict) -> Pull | Refusal:
    """The pull of that model, begun now or before, if there is an Ollama that may do it."""
    if gateway.fleet.demo:
        return Refusal("demo_model")
    machine = gateway.fleet.for_pull()
    if machine is None:
        return Refusal("not_supported")
    cloud = model_names.is_cloud(wanted.sent)
    where = (machine,)  # what another one has, or does not tell, is no reason against it
    holders = await gateway.fleet.holders(wanted.name, cloud=cloud, native=True, among=where)
    if isinstance(holders, Refusal):
        return holders
    return gateway.pulls.join(machine, wanted.name, wanted.sent, f"key {verdict.key_id}")


async def _counted(
    gateway: Gateway, ask: Ask, verdict: Verdict, work: Coroutine[Any, Any, Pull | Refusal]
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
        gateway.standing.settled(ask.key_hash, settlement)
        gateway.outbox.commit(slot)


async def _tell(gateway: Gateway, call: Call, pull: Pull, wanted: Wanted) -> Refusal | None:
    """Show the client how the pull goes on; when the client leaves, the pull does not end."""
    if wanted.stream:
        call.dialect = _Events()
    call.watch()
    gateway.waiting.add(call)  # the pulse sends signs of life
    try:
        seen, told = 0, b""
        while not pull.ended:
            seen = await pull.news(seen)
            news = _encoded(pull, wanted)
            if wanted.stream and not pull.ended and news != told:  # it can be ahead of its edition
                await call.write(b"data: %s\n\n" % news)
                told = news
        if pull.failure is not None:
            return pull.failure
        last = _encoded(pull, wanted)
        if wanted.stream:
            await call.open()
            await call.end(b"data: %s\n\ndata: [DONE]\n\n" % last)
        else:
            await call.whole(200, last)
        return None
    finally:
        gateway.waiting.discard(call)


def _encoded(pull: Pull, wanted: Wanted) -> bytes:
    return msgspec.json.encode(state(pull.progress, wanted.shown, done=pull.ended))
