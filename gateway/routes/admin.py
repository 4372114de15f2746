"""The owner's routes, behind X-Admin-Secret. The same contract as the Supabase function `admin`."""

from typing import Any

from litestar import Response, delete, patch, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET

from gateway.admin import keys, usage_query
from gateway.admin.keys import CreateKey, RotateKey, UpdateKey
from gateway.admin.trusted_addresses import address_refusal
from gateway.core.errors import Refusal
from gateway.routes.support.admin_body import admin_body
from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.login import Login
from gateway.services import Services


def admin_routes(services: Services) -> list[HTTPRouteHandler]:
    settings, store = services.settings, services.store
    denied = Login(services)

    def addressed(visitors: dict[str, Any] | None) -> Refusal | None:
        return address_refusal(settings, visitors, has_tunnel=services.has_tunnel())

    @post("/admin/api-keys")
    async def create(request: AnyRequest) -> Response[bytes]:
        asked = await denied(request) or await admin_body(request, CreateKey)
        if not isinstance(asked, Refusal):
            refusal = addressed(asked.visitors)
            asked = refusal or await keys.create_key(store, settings, asked)
        return respond(request, asked, 201)

    @route("/admin/api-keys", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes]:
        refusal = await denied(request)
        if refusal:
            return respond(request, refusal)
        query = request.query_params
        limit = query.get("limit", "50")
        if not (limit.isascii() and limit.isdigit() and len(limit) < 6):
            refusal = Refusal("invalid_request", "limit should be a number.", param="limit")
            return respond(request, refusal)
        return respond(request, await keys.list_keys(store, query.get("cursor"), int(limit)))

    @patch("/admin/api-keys/{key_id:str}")
    async def update(request: AnyRequest, key_id: FromPath[str]) -> Response[bytes]:
        asked = await denied(request) or await admin_body(request, UpdateKey)
        if not isinstance(asked, Refusal):
            visitors = None if asked.visitors is UNSET else asked.visitors
            asked = addressed(visitors) or await keys.update_key(store, key_id, asked)
        return respond(request, asked)

    @post("/admin/api-keys/{key_id:str}/rotate", status_code=200)
    async def rotate(request: AnyRequest, key_id: FromPath[str]) -> Response[bytes]:
        asked = await denied(request) or await admin_body(request, RotateKey)
        if not isinstance(asked, Refusal):
            asked = await keys.rotate_key(store, settings, key_id, asked.grace_seconds)
        return respond(request, asked)

    @delete("/admin/api-keys/{key_id:str}", status_code=200)
    async def revoke(request: AnyRequest, key_id: FromPath[str]) -> Response[bytes]:
        refusal = await denied(request)
        return respond(request, refusal or await keys.revoke_key(store, key_id))

    @route("/admin/usage", http_method=READ)
    async def usage(request: AnyRequest) -> Response[bytes]:
        refusal = await denied(request)
        if refusal:
            return respond(request, refusal)
        query = request.scope["query_string"]
        asked = usage_query.read(query, usage_query.OF_ALL_KEYS, ("api_key_id",))
        if isinstance(asked, Refusal):
            return respond(request, asked)
        await services.outbox.drained(2.0)
        return respond(request, await keys.all_usage(store, asked))

    return [create, show, update, rotate, revoke, usage]
