"""Ollama's own routes that only read: what `ollama list`, `ps` and `show` ask for."""

from typing import TypeVar

import msgspec
from litestar import HttpMethod, Response, post, route
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from gateway import aliases, names
from gateway.call import Call, ClientGone
from gateway.decoding import decode
from gateway.dialects import strict
from gateway.errors import Refusal
from gateway.installed import InstalledModels, OllamaVersion, ShownModel, ShowRequest
from gateway.pipeline import Gateway
from gateway.routes.answers import AnyRequest, respond
from gateway.routes.holder import identify, refused_model

_READ = (HttpMethod.GET, HttpMethod.HEAD)
_MAX_BODY = 64 * 1024
_SCOPE = "models:read"
_NOT_HERE = Refusal("not_supported")
Shape = TypeVar("Shape", bound=Struct)


def native_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    async def read(
        path: str,
        shape: type[Shape],
        body: bytes | None = None,
        missing: Refusal = _NOT_HERE,
    ) -> Shape | Refusal:
        """What Ollama says there, as far as it is for everybody. `missing`: what a 404 means."""
        answer = await gateway.upstream.read("POST" if body else "GET", path, body)
        if isinstance(answer, Refusal):
            return missing if answer.reason == "not_found" else answer
        told = decode(answer, shape)
        return told or Refusal(
            "upstream_error", f"What the model server says at {path} is no JSON."
        )

    def with_aliases(listed: InstalledModels) -> InstalledModels:
        others = [
            msgspec.structs.replace(model, name=alias, model=alias)
            for model in listed.models
            for alias in aliases.aliases_of(gateway.settings.model_aliases, model.name)
        ]
        return InstalledModels([*listed.models, *others])

    async def list_models(request: AnyRequest, path: str) -> InstalledModels | Refusal:
        identity = await identify(gateway, request, _SCOPE)
        if isinstance(identity, Refusal):
            return identity
        told = await read(path, InstalledModels)
        if isinstance(told, Refusal):
            return told
        usable = InstalledModels([])
        for model in told.models:
            refusal = await refused_model(gateway, model.name, identity)
            if refusal is None:
                usable.models.append(model)
            elif refusal.kind.status >= 500:  # it is not known which of them are of the cloud
                return refusal
        return usable

    @route("/api/version", http_method=_READ)
    async def version(request: AnyRequest) -> Response[bytes]:
        identity = await identify(gateway, request, None)
        if isinstance(identity, Refusal):
            return respond(request, identity)
        return respond(request, await read("/api/version", OllamaVersion))

    @route("/api/tags", http_method=_READ)
    async def tags(request: AnyRequest) -> Response[bytes]:
        listed = await list_models(request, "/api/tags")
        return respond(request, listed if isinstance(listed, Refusal) else with_aliases(listed))

    @route("/api/ps", http_method=_READ)
    async def ps(request: AnyRequest) -> Response[bytes]:
        return respond(request, await list_models(request, "/api/ps"))

    @post("/api/show", status_code=200)
    async def show(request: AnyRequest) -> Response[bytes]:
        return respond(request, await show_model(request))

    async def show_model(request: AnyRequest) -> ShownModel | Refusal:
        identity = await identify(gateway, request, _SCOPE)
        if isinstance(identity, Refusal):
            return identity
        asked = await show_request(request)
        if isinstance(asked, Refusal):
            return asked
        spelling = asked.model or asked.name
        spelling = aliases.real_name(gateway.settings.model_aliases, spelling)
        refusal = await refused_model(gateway, spelling, identity)
        if refusal is not None:
            return refusal
        if gateway.catalogue.foreign:
            return Refusal("not_supported")
        name = names.canonical_name(spelling)
        missing = Refusal("unknown_model", model=name, param="model")
        question = msgspec.json.encode({"model": names.upstream_name(spelling, name)})
        shown = await read("/api/show", ShownModel, question, missing)
        return shown if isinstance(shown, Refusal) else shown.cleared()

    return [version, tags, ps, show]


async def show_request(request: AnyRequest) -> ShowRequest | Refusal:
    """What is asked, within the time that any body may take."""
    try:
        data = await Call(request.scope, request.receive, request.send).body(_MAX_BODY)
    except ClientGone:  # nobody reads it
        return Refusal("request_timeout")
    return data if isinstance(data, Refusal) else strict.parse(data, ShowRequest)
