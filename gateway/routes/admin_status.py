"""`GET /admin/status`: what this gateway does now, for its owner, behind X-Admin-Secret."""

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.login import Login
from gateway.services import Services


def admin_status_routes(services: Services) -> list[HTTPRouteHandler]:
    denied = Login(services)

    @route("/admin/status", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes]:
        return respond(request, await denied(request) or await services.status.read())

    return [show]
