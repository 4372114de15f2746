"""The proxied routes: raw ASGI, so that nothing stands between the pipeline and the socket."""

from typing import Any

from litestar.handlers import ASGIRouteHandler

from gateway.dialects import all_dialects
from gateway.dialects.protocol import Dialect
from gateway.proxy.pipeline import Gateway, answer


def proxied_routes(gateway: Gateway) -> list[ASGIRouteHandler]:
    return [_route(gateway, dialect) for dialect in all_dialects()]


def _route(gateway: Gateway, dialect: Dialect) -> ASGIRouteHandler:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await answer(gateway, dialect, scope, receive, send)

    return ASGIRouteHandler(dialect.path, copy_scope=False)(serve)
