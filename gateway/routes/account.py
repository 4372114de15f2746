"""What the holder of a key may see: the models it can use and what it has used."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

from gateway.admin import keys, usage_query
from gateway.core import alias_names, model_names
from gateway.core.errors import Refusal
from gateway.dialects.anthropic.models import model_info, model_page
from gateway.http.exchange import Exchange
from gateway.routes.support.answers import (
    READ,
    AnyRequest,
    family_path,
    is_anthropic,
    path_of,
    respond,
)
from gateway.routes.support.key_holder import identify
from gateway.routes.support.listing import usable_models
from gateway.routes.support.preset_listing import as_openai, usable_presets
from gateway.services import Services

_DRAIN_SECONDS = 2.0


def account_routes(services: Services) -> list[HTTPRouteHandler]:
    async def usable(request: AnyRequest) -> list[dict[str, Any]] | Refusal:
        holder = await identify(services, request, "models:read")
        if isinstance(holder, Refusal):
            return holder
        identity = holder.identity
        found = await usable_models(services, identity, "/v1/models", _Listed, _entries)
        if isinstance(found, Refusal):
            return found
        return [*found, *map(as_openai, await usable_presets(services, identity))]

    @route("/v1/models", http_method=READ)
    async def models(request: AnyRequest) -> Response[bytes]:
        found = await usable(request)
        if isinstance(found, Refusal):
            return respond(request, found, path=family_path(request))
        others = [
            {**model, "id": alias}
            for model in found
            for alias in alias_names.aliases_of(services.settings.model_aliases, model["id"])
        ]
        listed = [*found, *others]
        if is_anthropic(request):
            return respond(request, model_page(listed))
        return respond(request, {"object": "list", "data": listed})

    @route("/v1/models/{model:path}", http_method=READ)
    async def model(request: AnyRequest) -> Response[bytes]:
        found = await usable(request)
        if not isinstance(found, Refusal):
            asked = path_of(request).removeprefix("/v1/models/")
            found = _called(asked, found, services.settings.model_aliases)
        if not isinstance(found, Refusal) and is_anthropic(request):
            return respond(request, model_info(found))
        return respond(request, found, path=family_path(request))

    @route("/v1/usage", http_method=READ)
    async def usage(request: AnyRequest) -> Response[bytes]:
        holder = await identify(services, request, None)
        if isinstance(holder, Refusal):
            return respond(request, holder)
        asked = usage_query.read(request.scope["query_string"], usage_query.OF_ONE_KEY)
        if isinstance(asked, Refusal):
            return respond(request, asked)
        await services.outbox.drained(_DRAIN_SECONDS)  # a caller reads its own last request
        if holder.identity.visitor is not None:
            exchange = Exchange(request.scope, request.receive, request.send)
            claim = holder.caller.claim or services.visitors.whereabouts(exchange)
            visitor = keys.Visitor(holder.caller.key_hash, holder.origin, claim)
            return respond(request, await keys.visitor_usage(services.store, visitor, asked))
        key_id = holder.identity.key_id
        assert key_id is not None
        return respond(request, await keys.key_usage(services.store, key_id, asked))

    return [models, model, usage]


class _Listed(msgspec.Struct):
    data: list[dict[str, Any]] | None = None


def _entries(listed: _Listed) -> list[tuple[str, dict[str, Any]]]:
    """Of each model only what OpenAI tells of one. What has no name cannot be asked for."""
    fields = ("id", "object", "created", "owned_by")
    return [
        (name, {key: model.get(key) for key in fields})
        for model in listed.data or ()
        if isinstance(name := model.get("id"), str)
    ]


def _called(
    asked: str, usable: list[dict[str, Any]], other_names: Mapping[str, str]
) -> dict[str, Any] | Refusal:
    """The model of that name, however it is spelled; an alias is shown as one. What this key may
    not use is as unknown as what is not there."""
    unknown = Refusal("unknown_model", model=asked[:200], param="model")
    try:
        name = model_names.requested_name(asked)
    except ValueError:
        return unknown
    real = other_names.get(name)
    wanted = model_names.requested_name(real) if real else name
    for model in usable:
        if model_names.requested_name(model["id"]) == wanted:
            return {**model, "id": asked} if real else model
    return unknown
