"""The composition root: which parts there are, and what they are given."""

from litestar import Litestar

from gateway.http.middleware import Middleware
from gateway.proxy.pipeline import Gateway
from gateway.routes.account import account_routes
from gateway.routes.admin import admin_routes
from gateway.routes.health import health_routes
from gateway.routes.native import native_routes
from gateway.routes.pages import page_routes
from gateway.routes.proxied import proxied_routes
from gateway.routes.pull import pull_routes
from gateway.routes.support.answers import on_exception


def make_app(gateway: Gateway) -> Middleware:
    """The ASGI application around a gateway."""
    litestar = Litestar(
        route_handlers=[
            *proxied_routes(gateway),
            *account_routes(gateway),
            *pull_routes(gateway),
            *native_routes(gateway),
            *admin_routes(gateway),
            *health_routes(gateway),
            *page_routes(gateway),
        ],
        exception_handlers={Exception: on_exception},
        openapi_config=None,  # reference/openapi.py makes it: Litestar sees no raw ASGI routes
        debug=False,
        logging_config=None,  # the command line says how to log
    )
    return Middleware(litestar, gateway.settings, gateway.has_tunnel)
