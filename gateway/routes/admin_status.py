"""What this gateway does now, for its owner, behind X-Admin-Secret: its status, what it refused,
and ending a request."""

from uuid import UUID

from litestar import Response, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.admin.fields import InvalidField, identifier
from gateway.core.errors import Refusal
from gateway.overview.refusals import as_json, key_ids
from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.login import Login
from gateway.services import Services

_ENDED = "There is no request with this id that runs or waits here."


def admin_status_routes(services: Services) -> list[HTTPRouteHandler]:
    denied = Login(services)

    @route("/admin/status", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes]:
        return respond(request, await denied(request) or await services.status.read())

    @route("/admin/refusals", http_method=READ)
    async def refusals(request: AnyRequest) -> Response[bytes]:
        refusal = await denied(request)
        if refusal:
            return respond(request, refusal)
        newest = services.refusals.newest()
        await services.store_figures.look(key_ids(newest))
        data = [as_json(one, services.store_figures.labels) for one in newest]
        return respond(request, {"object": "list", "data": data, "next_cursor": None})

    @post("/admin/requests/{request_id:str}/cancel", status_code=200)
    async def cancel(request: AnyRequest, request_id: FromPath[str]) -> Response[bytes]:
        found = await denied(request) or _running(request_id)
        if isinstance(found, Refusal):
            return respond(request, found)
        return respond(request, {"object": "request", "id": found, "cancelled": True})

    def _running(text: str) -> UUID | Refusal:
        """The id of a request that was just ended."""
        try:
            found = identifier(text)
        except InvalidField:
            return Refusal("not_found", _ENDED, param="id")
        running = services.pipeline.in_flight.get(found)
        if running is None or not running.cancel():
            return Refusal("not_found", _ENDED, param="id")
        return found

    return [show, refusals, cancel]
