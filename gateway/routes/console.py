"""The owner's console: a page and the modules that it loads. It asks the owner's routes.

The middleware closes it to callers from outside, as it does those routes.
"""

from html import escape
from string import Template

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.config.settings import Settings
from gateway.routes.support.answers import READ, AnyRequest
from gateway.routes.support.module_pages import SHARED, page_headers, preload, tree_file
from gateway.static import read
from gateway.static.tree import Tree

MAIN = "console/main.js"
_FUNCTION = "/functions/v1/admin"


def console_routes(settings: Settings) -> list[HTTPRouteHandler]:
    tree = Tree("/console", *SHARED, "console/**/*")
    function = settings.supabase_url.rstrip("/") + _FUNCTION if settings.supabase_url else ""
    shown = Template(read("console/index.html")).substitute(
        base=tree.base, preload=preload(tree, MAIN), function=escape(function)
    )
    # The admin secret goes to this gateway or to the project that the owner has set, nowhere else.
    headers = page_headers(f"{function}/" if function else "")

    @route("/console", http_method=READ)
    async def console() -> Response[str]:
        return Response(shown, media_type="text/html", headers=headers)

    @route("/console/{digest:str}/{name:path}", http_method=READ)
    async def console_file(
        request: AnyRequest, digest: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        return tree_file(tree, request, digest, name)

    return [console, console_file]
