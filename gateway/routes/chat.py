"""The proxied routes: raw ASGI, so that nothing stands between the pipeline and the socket."""

from typing import Any

from litestar.handlers import ASGIRouteHandler

from gateway.pipeline import Gateway, answer


def chat_routes(gateway: Gateway) -> list[ASGIRouteHandler]:
    async def chat(scope: Any, receive: Any, send: Any) -> None:
        await answer(gateway, scope, receive, send)

    return [ASGIRouteHandler("/v1/chat/completions", copy_scope=False)(chat)]
