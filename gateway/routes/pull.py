"""`POST /v1/models/pull`, and Ollama's own `POST /api/pull`: let Ollama download a model, for a key
with the scope for that."""

from datetime import UTC, datetime
from typing import Any

from litestar.handlers import ASGIRouteHandler

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.http.body_budget import Lease
from gateway.http.exchange import Exchange
from gateway.proxy.unread_body import denial_unread
from gateway.pulls.messages import Wanted, read, read_ollama
from gateway.pulls.pulls import Pull
from gateway.pulls.telling import OllamaTeller, OwnTeller, Teller
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
    return await _tell(services, exchange, pull, wanted, teller)


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
        pull = await _join(services, wanted, verdict)
        settlement.status = "refused" if isinstance(pull, Refusal) else "ok"
        return pull
    finally:
        services.verdict_cache.settled(settlement)
        entry.commit()


async def _join(services: Services, wanted: Wanted, verdict: Verdict) -> Pull | Refusal:
    """The pull of that model, begun now or before, if there is an Ollama that may do it."""
    backend = None if services.pool.demo else services.pool.for_pull()
    if backend is None:
        return services.pool.no_ollama()
    cloud = model_names.is_cloud(wanted.sent)
    where = (backend,)  # what another one has, or does not tell, is no reason against it
    candidates = await services.pool.candidates(wanted.name, cloud=cloud, native=True, among=where)
    if isinstance(candidates, Refusal):
        return candidates
    return services.pulls.join(backend, wanted.name, wanted.sent, f"key {verdict.key_id}")


async def _tell(
    services: Services, exchange: Exchange, pull: Pull, wanted: Wanted, teller: Teller
) -> Refusal | None:
    """Show the client how the pull goes on. When the client leaves, the pull does not end."""
    if wanted.stream:
        exchange.dialect = teller.family
    exchange.watch()
    services.watching[exchange] = "pulling"  # for heartbeats
    try:
        seen = 0
        while not pull.ended:
            seen = await pull.news(seen)
            if wanted.stream and not pull.ended:
                news = teller.news(pull.progress)
                if news:  # what was told can be ahead of its edition
                    await exchange.write(news)
        if pull.failure is not None:
            return _named(pull.failure, wanted)
        if wanted.stream:
            await exchange.open()
            await exchange.end(teller.end(pull.progress))
        else:
            await exchange.whole(200, teller.whole(pull.progress))
        return None
    finally:
        del services.watching[exchange]


def _named(failure: Refusal, wanted: Wanted) -> Refusal:
    """What Ollama's registry does not have is told as on every other route, and in its words."""
    if failure.reason != "upstream_not_found":
        return failure
    return Refusal(failure.reason, f"model '{wanted.shown}' not found: {failure.detail}")
