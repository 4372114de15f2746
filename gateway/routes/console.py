"""The owner's console: a page and the modules that it loads. It asks the owner's routes.

The middleware closes it to callers from outside, as it does those routes.
"""

from html import escape
from string import Template

from litestar import Response, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.config.settings import Settings
from gateway.routes.support.answers import READ, AnyRequest
from gateway.static import policy, read
from gateway.static.tree import Tree

MAIN = "console/main.js"
_LIBRARIES = tuple(
    f"vendor/{name}/*" for name in ("preact", "htm", "preact-signals", "preact-signals-core")
)
SHARED = (*_LIBRARIES, "vendor/uplot/*", "vendor/lean-qr/*", "console/lib/**/*")
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


def page_headers(*connected: str) -> dict[str, str]:
    """Of a page of modules. `connected`: which addresses it may ask beside its own server."""
    allowed = policy.headers(
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        " ".join(("connect-src 'self'", *filter(None, connected))),
    )
    return {**allowed, "cache-control": "no-cache"}


def preload(tree: Tree, main: str) -> str:
    """What lets a browser ask for all modules at once."""
    names = tree.imported(main)
    return "\n".join(f'<link rel="modulepreload" href="{tree.url(name)}">' for name in names)


def tree_file(tree: Tree, request: AnyRequest, digest: str, name: str) -> Response[bytes]:
    """A file of the tree, to be kept for good."""
    name = name.removeprefix("/")
    found = tree.find(digest, name)
    if found is None:
        raise NotFoundException
    content, media = found
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": f'"{tree.digest[:16]}"',  # the address tells the files of one tree apart
    }
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=media, headers=headers)
