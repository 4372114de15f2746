"""`GET /health`: 200 when requests can be served, else 503; what is wrong, and no secret."""

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.health_events import health_events, wants_events
from gateway.services import Services


def health_routes(services: Services) -> list[HTTPRouteHandler]:
    @route("/health", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes] | Stream:
        state = await services.health.state()
        status = 503 if state["status"] == "unavailable" else 200
        if request.method == "GET" and wants_events(request.headers.get("accept", "")):
            return health_events(state, status)
        return respond(request, state, status)

    return [show]
