"""`POST /v1/models/pull`, and Ollama's own `POST /api/pull`: let Ollama download a model, for a key
with the scope for that."""

from datetime import UTC, datetime
from typing import Any

from litestar.handlers import ASGIRouteHandler

from gateway.core.errors import Refusal
from gateway.http.body_budget import Lease
from gateway.http.exchange import Exchange
from gateway.proxy.unread_body import denial_unread
from gateway.pulls.messages import Wanted, read, read_ollama
from gateway.pulls.pulls import Pull
from gateway.pulls.telling import OllamaTeller, OwnTeller
from gateway.routes.support.pulling import join_pull, tell_pull
from gateway.services import Services
from gateway.stores import AuthorizationRequest, Settlement, Verdict

PATH, OLLAMA_PATH = "/v1/models/pull", "/api/pull"
_SCOPE = "models:pull"
_MAX_BODY = 64 * 1024


def pull_routes(services: Services) -> list[ASGIRouteHandler]:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        async with Exchange(scope, receive, send) as exchange:
            if exchange.record is not None:
                exchange.record.for_model = True
            refusal = await answer(services, exchange)
            if refusal is not None:
                await exchange.refuse(refusal)

    return [ASGIRouteHandler([PATH, OLLAMA_PATH], copy_scope=False)(serve)]


async def answer(services: Services, exchange: Exchange) -> Refusal | None:
    """Authenticate → read → authorise → join the pull → tell how it goes on."""
    caller = exchange.refuse_method("POST") or await services.authenticator.caller(exchange)
    if isinstance(caller, Refusal):
        return caller
    denial = await denial_unread(
        services.authenticator, services.authoriser, exchange, caller, _SCOPE
    )
    body = denial or await exchange.body(
        _MAX_BODY, Lease(services.bodies, services.verdict_cache.keys.payer(caller))
    )
    if isinstance(body, Refusal):
        return body
    native = exchange.path.rstrip("/") == OLLAMA_PATH
    wanted = (read_ollama if native else read)(body, services.settings.model_aliases)
    if isinstance(wanted, Refusal):
        return wanted
    permission = AuthorizationRequest(
        request_id=exchange.id,
        key_hash=caller.key_hash,
        scope=_SCOPE,
        origin=exchange.origin,
        model=wanted.name,
        endpoint=OLLAMA_PATH if native else PATH,
        prompt_bound=0,
        max_output=0,
        claim=caller.claim,
    )
    verdict = await services.authoriser.authorise(exchange, permission)
    if isinstance(verdict, Refusal):
        return _without_scope(verdict, wanted)
    pull = await _counted_join(services, permission, verdict, wanted)
    if exchange.record is not None:
        exchange.record.model = wanted.name
        exchange.record.status = "refused" if isinstance(pull, Refusal) else "ok"
    if isinstance(pull, Refusal):
        return pull
    teller = OllamaTeller() if native else OwnTeller(wanted.shown)
    return await tell_pull(services, exchange, pull, wanted, teller)


def _without_scope(refusal: Refusal, wanted: Wanted) -> Refusal:
    """`ollama run` asks for a pull by itself where a model is missing, so its user is told."""
    if refusal.reason != "scope_missing":
        return refusal
    return Refusal("scope_missing", f"{_SCOPE}, which installing '{wanted.shown}' needs")


async def _counted_join(
    services: Services, permission: AuthorizationRequest, verdict: Verdict, wanted: Wanted
) -> Pull | Refusal:
    """Join the pull, counted as one request without tokens. Nothing is held: a hold that a crash
    left behind before this would cost nobody anything, so the outbox need not know of it sooner."""
    settlement = Settlement(
        permission.request_id,
        status="internal_error",
        key_id=verdict.key_id,
        authorized_at=datetime.now(UTC),
        model=permission.model,
        endpoint=permission.endpoint,
    )
    entry = services.outbox.open_entry(settlement)
    if isinstance(entry, Refusal):
        return entry
    try:
        pull = await join_pull(services, wanted, f"key {verdict.key_id}")
        settlement.status = "refused" if isinstance(pull, Refusal) else "ok"
        return pull
    finally:
        services.verdict_cache.finished(settlement)
        entry.commit()
