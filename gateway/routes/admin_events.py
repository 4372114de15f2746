"""`GET /admin/events`: what happens on this gateway, as server-sent events, for its owner.

`status` at once and when it changes, `request` when one is in the log, `refused` when one was. A
stream ends with the gateway; who reads it asks again, and misses what happened meanwhile.
"""

from typing import Any

from litestar.handlers import ASGIRouteHandler

from gateway.core.errors import SHUTTING_DOWN, Refusal
from gateway.dialects.openai.family import FAMILY
from gateway.http.exchange import Exchange
from gateway.routes.support.login import Login
from gateway.services import Services

PATH = "/admin/events"


def admin_event_routes(services: Services) -> list[ASGIRouteHandler]:
    login = Login(services)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        async with Exchange(scope, receive, send) as exchange:
            refusal = exchange.refuse_method("GET", "HEAD", "OPTIONS") or await login.of(scope)
            if refusal is None and exchange.method == "HEAD":
                exchange.dialect = FAMILY
                await exchange.open()
                await exchange.end()
                return
            refusal = refusal or await _tell(services, exchange)
            if refusal is not None:
                await exchange.refuse(refusal)

    return [ASGIRouteHandler([PATH], copy_scope=False)(serve)]


async def _tell(services: Services, exchange: Exchange) -> Refusal | None:
    """Until the page leaves, or the gateway stops."""
    watcher = await services.events.open()
    if isinstance(watcher, Refusal):
        return watcher
    exchange.dialect = FAMILY
    exchange.watch()
    watcher.cut = lambda: exchange.stop(SHUTTING_DOWN)
    services.watching[exchange] = "watching"
    try:
        while not watcher.ended:
            news = await watcher.news()
            if news:
                await exchange.write(news)
        await exchange.end()
    finally:
        del services.watching[exchange]
        services.events.leave(watcher)
    return None
