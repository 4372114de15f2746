"""Ollama's own routes that only read: what `ollama list`, `ps` and `show` ask for."""

import re

import msgspec
from litestar import Response, post, route
from litestar.handlers import HTTPRouteHandler

from gateway.backends.backend import Backend
from gateway.backends.ollama_shapes import (
    InstalledModel,
    InstalledModels,
    OllamaVersion,
    ShownModel,
    ShowRequest,
)
from gateway.core import alias_names, model_names
from gateway.core.decoding import decode
from gateway.core.errors import Refusal
from gateway.dialects.ollama import privileges
from gateway.dialects.shared import strict_json
from gateway.http.body import ClientGone
from gateway.http.body_budget import Lease
from gateway.http.exchange import Exchange
from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.key_holder import has_scopes, identify, refused_model
from gateway.routes.support.listing import usable_models
from gateway.routes.support.preset_listing import (
    as_ollama,
    as_shown,
    preset_called,
    usable_presets,
)
from gateway.services import Services

_MAX_BODY = 64 * 1024
_SCOPE = "models:read"
_WHOLE = f"{_SCOPE} {privileges.SCOPE}"  # for what is not for everybody


def native_routes(services: Services) -> list[HTTPRouteHandler]:
    def with_aliases(listed: InstalledModels) -> InstalledModels:
        others = [
            msgspec.structs.replace(model, name=alias, model=alias)
            for model in listed.models
            for alias in alias_names.aliases_of(services.settings.model_aliases, model.name)
        ]
        return InstalledModels([*listed.models, *others])

    def here(refusal: Refusal) -> Refusal:
        """A route that is not there is Ollama's."""
        return services.pool.no_ollama() if refusal.reason == "not_found" else refusal

    async def list_models(request: AnyRequest, path: str) -> InstalledModels | Refusal:
        holder = await identify(services, request, _SCOPE)
        if isinstance(holder, Refusal):
            return holder
        listed = await usable_models(services, holder.identity, path, InstalledModels, _entries)
        if isinstance(listed, Refusal):
            return here(listed)
        presets = await usable_presets(services, holder.identity) if path == "/api/tags" else []
        return InstalledModels([*listed, *map(as_ollama, presets)])

    @route("/api/version", http_method=READ)
    async def version(request: AnyRequest) -> Response[bytes]:
        holder = await identify(services, request, None)
        if isinstance(holder, Refusal):
            return respond(request, holder)
        told = await services.pool.each("/api/version")
        return respond(request, here(told) if isinstance(told, Refusal) else _lowest(told))

    @route("/api/tags", http_method=READ)
    async def tags(request: AnyRequest) -> Response[bytes]:
        listed = await list_models(request, "/api/tags")
        return respond(request, listed if isinstance(listed, Refusal) else with_aliases(listed))

    @route("/api/ps", http_method=READ)
    async def ps(request: AnyRequest) -> Response[bytes]:
        return respond(request, await list_models(request, "/api/ps"))

    @post("/api/show", status_code=200)
    async def show(request: AnyRequest) -> Response[bytes]:
        return respond(request, await show_model(request))

    async def show_model(request: AnyRequest) -> ShownModel | msgspec.Raw | Refusal:
        holder = await identify(services, request, _SCOPE)
        if isinstance(holder, Refusal):
            return holder
        asked = await show_request(
            request, Lease(services.bodies, services.verdict_cache.keys.payer(holder.caller))
        )
        if isinstance(asked, Refusal):
            return asked
        shown = asked.model or asked.name or services.pool.default_model
        preset = await preset_called(services, holder.identity, shown)
        if preset is not None:
            return as_shown(preset)
        spelling = alias_names.real_name(services.settings.model_aliases, shown)
        refusal = await refused_model(services, spelling, holder.identity, native=True)
        if refusal is not None:
            return refusal.about(shown)
        name = model_names.requested_name(spelling)
        question = msgspec.json.encode({"model": model_names.upstream_name(spelling, name)})
        told = await services.pool.show(name, model_names.is_cloud(spelling), question)
        if isinstance(told, Refusal):
            missing = told.reason == "not_found"
            return Refusal("unknown_model", model=shown[:200], param="model") if missing else told
        readable = decode(told, ShownModel)
        if readable is None:
            return _unreadable("/api/show")
        return (
            msgspec.Raw(told) if await has_scopes(services, holder, _WHOLE) else readable.cleared()
        )

    return [version, tags, ps, show]


def _entries(listed: InstalledModels) -> list[tuple[str, InstalledModel]]:
    return [(model.name, model) for model in listed.models]


def _unreadable(path: str) -> Refusal:
    return Refusal("upstream_error", f"What the model server says at {path} cannot be read.")


def _lowest(told: list[tuple[Backend, bytes]]) -> OllamaVersion | Refusal:
    """Of several machines the oldest: what it can do, a request can count on."""
    versions = [one for _, answer in told if (one := decode(answer, OllamaVersion))]
    oldest = min(versions, key=lambda one: _numbers(one.version), default=None)
    return oldest or _unreadable("/api/version")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]{1,9}", version)]


async def show_request(request: AnyRequest, lease: Lease) -> ShowRequest | Refusal:
    """What is asked, within the time that any body may take, and the bodies of its caller."""
    try:
        exchange = Exchange(request.scope, request.receive, request.send)
        data = await exchange.body(_MAX_BODY, lease)
    except ClientGone:  # nobody reads it
        return Refusal("request_timeout")
    return data if isinstance(data, Refusal) else strict_json.parse(data, ShowRequest)
