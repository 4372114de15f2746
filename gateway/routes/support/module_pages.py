"""Pages that are made of modules: the console and the account page. Which files they share, what
they may load, and how browsers get the files."""

from litestar import Response
from litestar.exceptions import NotFoundException

from gateway.routes.support.answers import AnyRequest
from gateway.static import policy
from gateway.static.tree import Tree

_LIBRARIES = tuple(
    f"vendor/{name}/*" for name in ("preact", "htm", "preact-signals", "preact-signals-core")
)
SHARED = (*_LIBRARIES, "vendor/uplot/*", "vendor/lean-qr/*", "console/lib/**/*")


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
