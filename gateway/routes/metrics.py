"""`GET /metrics`: for Prometheus on this machine, and elsewhere with METRICS_TOKEN."""

import hmac
from hashlib import sha256

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

from gateway.core.errors import Refusal
from gateway.http import client_address
from gateway.http.exchange import Exchange
from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.services import Services
from gateway.telemetry.metrics import Metrics


def metrics_routes(services: Services) -> list[HTTPRouteHandler]:
    metrics = Metrics(services)
    token = services.settings.metrics_token
    expected = _digest(token.encode()) if token else None

    @route("/metrics", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes]:
        exchange = Exchange(request.scope, request.receive, request.send)
        refusal = None if _is_here(services, exchange) else denial(exchange)
        if refusal is not None:
            return respond(request, refusal)
        body, media = await metrics.page(request.headers.get("accept", ""))
        return Response(body, media_type=media, headers={"cache-control": "no-store"})

    def denial(exchange: Exchange) -> Refusal | None:
        """Who guesses has to wait, as with keys."""
        if expected is None:
            return Refusal("metrics_denied")
        words = exchange.headers.get(b"authorization", b"").split()
        if len(words) != 2 or words[0].lower() != b"bearer":
            return Refusal("metrics_denied")
        shown = _digest(words[1])
        refusal = services.failed_keys.refusal(exchange, shown.hex())
        if refusal is not None:
            return refusal
        if hmac.compare_digest(shown, expected):
            services.failed_keys.note(exchange, shown.hex(), None)
            return None
        services.failed_keys.note(exchange, shown.hex(), "invalid_api_key")
        return Refusal("metrics_denied")

    return [show]


def _is_here(services: Services, exchange: Exchange) -> bool:
    """Whether it comes from this machine, and nothing passed it on."""
    client = exchange.scope.get("client")
    if client is None or not client_address.is_here(client[0]):
        return False
    return not services.hosts.is_outside(exchange.scope, exchange.headers)


def _digest(token: bytes) -> bytes:
    return sha256(token).digest()
