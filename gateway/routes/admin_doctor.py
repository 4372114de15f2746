"""`POST /admin/doctor`: what `localllm doctor` finds, behind X-Admin-Secret."""

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from gateway.routes.support.answers import AnyRequest, respond
from gateway.routes.support.login import Login
from gateway.services import Services


def admin_doctor_routes(services: Services) -> list[HTTPRouteHandler]:
    denied = Login(services)

    @post("/admin/doctor", status_code=200)
    async def examine(request: AnyRequest) -> Response[bytes]:
        return respond(request, await denied(request) or await services.doctor.examine())

    return [examine]
