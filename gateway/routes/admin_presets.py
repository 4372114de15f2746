"""The owner's routes for presets, behind X-Admin-Secret."""

from litestar import Response, delete, patch, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.admin import presets
from gateway.admin.presets import CreatePreset, UpdatePreset
from gateway.core.errors import Refusal
from gateway.routes.support.admin_body import admin_body
from gateway.routes.support.answers import READ, AnyRequest, respond
from gateway.routes.support.login import Login
from gateway.services import Services


def admin_preset_routes(services: Services) -> list[HTTPRouteHandler]:
    store = services.store
    denied = Login(services)

    @post("/admin/presets")
    async def create(request: AnyRequest) -> Response[bytes]:
        asked = await denied(request) or await admin_body(request, CreatePreset)
        if not isinstance(asked, Refusal):
            asked = await presets.create_preset(store, asked)
            services.presets.changed()
        return respond(request, asked, 201)

    @route("/admin/presets", http_method=READ)
    async def show(request: AnyRequest) -> Response[bytes]:
        refusal = await denied(request)
        return respond(request, refusal or await presets.list_presets(store))

    @route("/admin/presets/{name:str}", http_method=READ)
    async def get(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        version = await denied(request) or presets.version_of(request.query_params.get("version"))
        if isinstance(version, Refusal):
            return respond(request, version)
        return respond(request, await presets.get_preset(store, name, version))

    @patch("/admin/presets/{name:str}")
    async def update(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        asked = await denied(request) or await admin_body(request, UpdatePreset)
        if not isinstance(asked, Refusal):
            asked = await presets.update_preset(store, name, asked)
            services.presets.changed()
        return respond(request, asked)

    @delete("/admin/presets/{name:str}", status_code=200)
    async def remove(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        answer = await denied(request) or await presets.delete_preset(store, name)
        services.presets.changed()
        return respond(request, answer)

    return [create, show, get, update, remove]
