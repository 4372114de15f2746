"""The owner's routes for models, behind X-Admin-Secret: which there are, pull, load, unload."""

from typing import Any

from litestar import Response, post, route
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler

from gateway.admin.models import ModelOfMachine
from gateway.core.errors import Refusal
from gateway.http.exchange import Exchange
from gateway.pulls.messages import read
from gateway.pulls.telling import OwnTeller
from gateway.routes.support.admin_body import admin_body
from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.login import Login
from gateway.routes.support.pulling import join_pull, tell_pull
from gateway.services import Services

PULL = "/admin/models/pull"
_MAX_BODY = 64 * 1024
_USUAL, _AT_ONCE = None, 0  # how long a model stays in memory


def admin_model_routes(services: Services) -> list[HTTPRouteHandler | ASGIRouteHandler]:
    login, models = Login(services), services.models

    @route("/admin/models", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes]:
        refusal = await login(request)
        if refusal:
            return respond(request, refusal)
        data = await models.read()
        return respond(request, {"object": "list", "data": data, "next_cursor": None})

    @post("/admin/models/load", status_code=200)
    async def load(request: AnyRequest) -> Response[bytes]:
        return await _keep(request, _USUAL)

    @post("/admin/models/unload", status_code=200)
    async def unload(request: AnyRequest) -> Response[bytes]:
        return await _keep(request, _AT_ONCE)

    async def _keep(request: AnyRequest, keep_alive: int | None) -> Response[bytes]:
        asked = await login(request) or await admin_body(request, ModelOfMachine)
        if not isinstance(asked, Refusal):
            asked = await models.keep(asked, keep_alive)
        return respond(request, asked)

    async def pull(scope: Any, receive: Any, send: Any) -> None:
        async with Exchange(scope, receive, send) as exchange:
            refusal = exchange.refuse_method("OPTIONS", "POST") or await login.of(scope)
            refusal = refusal or await _pull(services, exchange)
            if refusal is not None:
                await exchange.refuse(refusal)

    return [show, load, unload, ASGIRouteHandler([PULL], copy_scope=False)(pull)]


async def _pull(services: Services, exchange: Exchange) -> Refusal | None:
    """As /v1/models/pull, for no key and counted for none; a stream unless it is not wanted."""
    body = await exchange.body(_MAX_BODY)
    if isinstance(body, Refusal):
        return body
    wanted = read(body, services.settings.model_aliases, streams=True)
    if isinstance(wanted, Refusal):
        return wanted
    pull = await join_pull(services, wanted, "the owner")
    if isinstance(pull, Refusal):
        return pull
    return await tell_pull(services, exchange, pull, wanted, OwnTeller(wanted.shown))
