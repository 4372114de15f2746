"""The proxied routes: raw ASGI, so that nothing stands between the pipeline and the socket."""

from typing import Any

from litestar.handlers import ASGIRouteHandler

from gateway.dialects import all_counters, all_dialects
from gateway.dialects.protocol import Dialect
from gateway.services import Services


def proxied_routes(services: Services) -> list[ASGIRouteHandler]:
    return [_route(services, dialect) for dialect in (*all_dialects(), *all_counters())]


def _route(services: Services, dialect: Dialect) -> ASGIRouteHandler:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await services.pipeline.serve(dialect, scope, receive, send)

    return ASGIRouteHandler(dialect.path, copy_scope=False)(serve)
