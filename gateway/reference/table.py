"""Every route there is: who may call it, what it takes and what it answers.

The OpenAPI document and the reference are made from this table; a test holds it to what the
application serves.
"""

from gateway.reference.account_routes import ACCOUNT_ROUTES
from gateway.reference.admin_routes import ADMIN_ROUTES
from gateway.reference.machine_routes import MACHINE_ROUTES
from gateway.reference.native_routes import NATIVE_ROUTES
from gateway.reference.overview_routes import OVERVIEW_ROUTES
from gateway.reference.preset_routes import PRESET_ROUTES
from gateway.reference.proxied_routes import PROXIED_ROUTES
from gateway.reference.pull_route import PULL_ROUTES
from gateway.reference.route import Route
from gateway.reference.server_routes import SERVER_ROUTES


def _by_group(*routes: Route) -> tuple[Route, ...]:
    """The routes of a group together; the groups in the order of their first ones, but what most
    clients speak comes first."""
    groups = list(dict.fromkeys(("Chat", *(route.group for route in routes))))
    return tuple(sorted(routes, key=lambda route: groups.index(route.group)))


ROUTES = _by_group(
    *PROXIED_ROUTES,
    *NATIVE_ROUTES,
    *ACCOUNT_ROUTES,
    *PULL_ROUTES,
    *ADMIN_ROUTES,
    *PRESET_ROUTES,
    *OVERVIEW_ROUTES,
    *MACHINE_ROUTES,
    *SERVER_ROUTES,
)
