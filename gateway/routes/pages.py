"""What a browser may open: `/`, the API pages `/docs` and `/redoc`, and their OpenAPI document."""

import asyncio
import re

import msgspec
from litestar import Response, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway import static
from gateway.reference.home import PLAIN, TEMPLATE, home
from gateway.reference.openapi import document
from gateway.routes.support.answers import READ, AnyRequest
from gateway.services import Services
from gateway.static import policy

_PATIENCE = 1.0  # seconds that the page at `/` waits for the state of the parts
# What a Host header may be to stand on a page: a name or an address, and a port.
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")

_SWAGGER = static.assets(
    "vendor/swagger-ui-dist/swagger-ui.css",
    "vendor/swagger-ui-dist/swagger-ui-bundle.js",
    "docs.js",
)
_REDOC = static.assets("vendor/redoc/redoc.standalone.js", "redoc.js")
_ASSETS = {one.url: one for one in (*_SWAGGER, *_REDOC)}

_SCRIPTED = ("script-src 'self'", "connect-src 'self'", "img-src data:")
_HOME_HEADERS = policy.headers(
    f"style-src {policy.source(re.findall(r'<style>(.*?)</style>', TEMPLATE, re.DOTALL)[0])}",
    "img-src data:",
)
# Swagger UI sets styles through the DOM only, which a policy allows.
_SWAGGER_HEADERS = policy.headers(*_SCRIPTED, "style-src 'self'")
# ReDoc makes style elements. One is always the same; the others are empty, and their rules are
# added through the DOM. So the hashes of these two do, and no other style is let in.
_SCROLLBAR = "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
_REDOC_HEADERS = policy.headers(*_SCRIPTED, f"style-src {_SCROLLBAR} {policy.source('')}")


def page_routes(services: Services) -> list[HTTPRouteHandler]:
    described = msgspec.json.encode(document())
    swagger = static.page("docs.html", _SWAGGER)
    redoc = static.page("redoc.html", _REDOC)

    @route("/", http_method=READ)
    async def start(request: AnyRequest) -> Response[str]:
        if not _asks_for_html(request.headers.get("accept", "")):
            headers = {"vary": "Accept"}
            return Response(PLAIN, media_type="text/plain", headers=headers)
        try:
            async with asyncio.timeout(_PATIENCE):
                state = await services.health.state()
        except TimeoutError:
            state = None
        outside = services.hosts.is_outside(request.scope, dict(request.scope["headers"]))
        settings = services.settings
        shown = home(
            base_url(request),
            services.pool.default_model,
            state,
            reference=settings.docs_through_tunnel or not outside,
            console=settings.admin_through_tunnel or not outside,
        )
        headers = {**_HOME_HEADERS, "vary": "Accept", "cache-control": "no-store"}
        return Response(shown, media_type="text/html", headers=headers)

    @route("/docs", http_method=READ)
    async def docs() -> Response[str]:
        headers = {**_SWAGGER_HEADERS, "cache-control": "no-cache"}
        return Response(swagger, media_type="text/html", headers=headers)

    @route("/redoc", http_method=READ)
    async def reference() -> Response[str]:
        headers = {**_REDOC_HEADERS, "cache-control": "no-cache"}
        return Response(redoc, media_type="text/html", headers=headers)

    @route("/openapi.json", http_method=READ)
    async def openapi() -> Response[bytes]:
        headers = {"cache-control": "no-cache"}
        return Response(described, media_type="application/json", headers=headers)

    return [start, docs, reference, asset, openapi]


@route("/docs/{digest:str}/{name:str}", http_method=READ)  # what begins with /docs is docs
async def asset(request: AnyRequest, digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """What the API pages load, to be kept for good."""
    found = _ASSETS.get(f"/docs/{digest}/{name}")
    if found is None:
        raise NotFoundException
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": f'"{found.digest}"',
    }
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    body = await asyncio.to_thread(static.content, found.path)
    return Response(body, media_type=found.media, headers=headers)


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
