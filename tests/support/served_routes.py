"""Which routes there are, as the application itself tells."""

from typing import Any

from litestar import Litestar
from litestar.routes import ASGIRoute, HTTPRoute

from gateway.routes.admin_events import PATH as EVENTS


def served_routes(app: Any) -> set[tuple[str, str]]:
    """Method and path of each, as the reference writes paths; without OPTIONS and HEAD, and without
    the files that pages load."""
    assert isinstance(app, Litestar)
    served: set[tuple[str, str]] = set()
    for route in app.routes:
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
            served.add(("GET" if path == EVENTS else "POST", path))  # the pipeline takes this alone
    return served
