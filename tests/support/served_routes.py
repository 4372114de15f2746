"""Which routes there are, as the application itself tells."""

from typing import Any

from litestar import Litestar
from litestar.routes import ASGIRoute, HTTPRoute

from gateway.routes.admin_events import PATH as EVENTS
from gateway.routes.proxied import ModelRoutes


def served_routes(app: Any) -> set[tuple[str, str]]:
    """Method and path of each, as the reference writes paths; without OPTIONS and HEAD, and without
    the files that pages load."""
    assert isinstance(app, ModelRoutes)
    assert isinstance(app.others, Litestar)
    served = {("POST", path) for path in app.dialects}  # the pipeline takes this alone
    for route in app.others.routes:
        if route.path.startswith(("/docs/", "/console/", "/account/")):
            continue
        path = (
            route.path.replace("{key_id:str}", "{id}")
            .replace("{request_id:str}", "{id}")
            .replace(":path}", "}")
            .replace("{name:str}", "{name}")
        )
        if isinstance(route, HTTPRoute):
            served |= {(name, path) for name in route.methods if name not in {"OPTIONS", "HEAD"}}
        else:
            assert isinstance(route, ASGIRoute)
            served.add(("GET" if path == EVENTS else "POST", path))
    return served
