"""What a browser may open: `/`, the reference under both its names, and its OpenAPI document."""

import asyncio
import re

import msgspec
from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler

from gateway.http import client_address
from gateway.reference.frame import BASE, HEADERS
from gateway.reference.home import PLAIN, home
from gateway.reference.openapi import document
from gateway.reference.page import page
from gateway.routes.support.answers import AnyRequest
from gateway.services import Services

_READ = (HttpMethod.GET, HttpMethod.HEAD)
_PATIENCE = 1.0  # seconds that the page at `/` waits for the state of the parts
# What a Host header may be to stand on a page: a name or an address, and a port.
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


def page_routes(services: Services) -> list[HTTPRouteHandler]:
    described = document()
    as_json = msgspec.json.encode(described)
    reference = page(described, services.settings.ollama_default_model)

    @route("/", http_method=_READ)
    async def start(request: AnyRequest) -> Response[str]:
        if not _asks_for_html(request.headers.get("accept", "")):
            headers = {"vary": "Accept", "x-content-type-options": "nosniff"}
            return Response(PLAIN, media_type="text/plain", headers=headers)
        try:
            async with asyncio.timeout(_PATIENCE):
                state = await services.health.state()
        except TimeoutError:
            state = None
        headers = dict(request.scope["headers"])
        inside = services.settings.docs_through_tunnel or not client_address.came_through_tunnel(
            headers
        )
        shown = home(services.pool.default_model, state, reference=inside)
        return _html(request, shown, {"vary": "Accept"})

    @route(["/docs", "/redoc"], http_method=_READ)
    async def show(request: AnyRequest) -> Response[str]:
        return _html(request, reference, {})

    @route("/openapi.json", http_method=_READ)
    async def openapi() -> Response[bytes]:
        headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
        return Response(as_json, media_type="application/json", headers=headers)

    return [start, show, openapi]


def _html(request: AnyRequest, text: str, more: dict[str, str]) -> Response[str]:
    """The page with its own address in it; not to be kept, since the next one may have another."""
    headers = {**HEADERS, **more, "cache-control": "no-store"}
    body = text.replace(BASE, base_url(request))
    return Response(body, media_type="text/html", headers=headers)


def base_url(request: AnyRequest) -> str:
    """Where the client found us. The Host header is the client's own, so it is checked first."""
    host = request.headers.get("host", "").lower()
    # The tunnel's edge speaks TLS for us; only whether, not where, is taken from its header.
    secure = request.headers.get("x-forwarded-proto", "").lower() == "https"
    scheme = "https" if secure else "http"
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else "http://localhost"


def _asks_for_html(accept: str) -> bool:
    wanted = (part.partition(";") for part in accept.lower().split(","))
    return any(
        media.strip() == "text/html" and not re.search(r"q=0(\.0*)?\s*$", weight)
        for media, _, weight in wanted
    )
