"""`/account`: the page of somebody who holds a key. It asks with that key and knows no more."""

from html import escape
from string import Template

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.routes.pages import base_url
from gateway.routes.support.answers import READ, AnyRequest
from gateway.routes.support.module_pages import SHARED, page_headers, preload, tree_file
from gateway.services import Services
from gateway.static import read
from gateway.static.tree import Tree

_MAIN = "account/account.js"
_FILES = (
    *("account/*", "console/pages.css", "console/chat/*"),
    *("console/usage/days.js", "console/usage/series.js"),
)


def account_page_routes(services: Services) -> list[HTTPRouteHandler]:
    tree = Tree("/account", *SHARED, *_FILES)
    page = Template(read("account/account.html"))
    loaded = {"base": tree.base, "preload": preload(tree, _MAIN)}
    headers = page_headers()

    @route("/account", http_method=READ)
    async def account(request: AnyRequest) -> Response[str]:
        address = escape(_public_address(services, request))
        shown = page.substitute(loaded, address=address)
        return Response(shown, media_type="text/html", headers=headers)

    @route("/account/{digest:str}/{name:path}", http_method=READ)
    async def account_file(
        request: AnyRequest, digest: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        return tree_file(tree, request, digest, name)

    return [account, account_file]


def _public_address(services: Services, request: AnyRequest) -> str:
    """What to paste into a program. Who came by a name that is known outside knows the address
    already; to others the tunnel's name is told, which leads here from everywhere."""
    headers = dict(request.scope["headers"])
    name = services.hosts.public_name
    if name and not services.hosts.is_outside(request.scope, headers):
        return f"https://{name}"
    return base_url(request)
