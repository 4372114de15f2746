"""The owner's routes for the request log, behind X-Admin-Secret."""

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.admin import requests, requests_query
from gateway.core.errors import Refusal
from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.login import Login
from gateway.services import Services


def admin_request_routes(services: Services) -> list[HTTPRouteHandler]:
    store = services.store
    denied = Login(services)

    @route("/admin/requests", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes]:
        asked = await denied(request) or requests_query.read(request.scope["query_string"])
        if isinstance(asked, Refusal):
            return respond(request, asked)
        await services.outbox.drained(2.0)
        return respond(request, await requests.list_requests(store, asked))

    @route("/admin/requests/{request_id:str}", http_method=READ)
    async def get(request: AnyRequest, request_id: FromPath[str]) -> Response[bytes]:
        refusal = await denied(request)
        if refusal:
            return respond(request, refusal)
        await services.outbox.drained(2.0)
        return respond(request, await requests.get_request(store, request_id))

    return [show, get]
