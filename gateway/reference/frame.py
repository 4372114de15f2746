"""What every page has around it: head, style, and a policy that lets nothing else in."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from gateway.reference.html import Child, Html, join, tag, void

BASE = "https://base.invalid"  # stands for the page's own address until a request says what it is

_STYLE = Path(__file__).with_name("style.css").read_text("utf-8")
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%230b7a75'/%3E"
    "%3Cpath d='M5 4v8h6' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E"
)
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def frame(title: str, *children: Child) -> Html:
    """A whole page."""
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        tag("title", title),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        void("link", rel="icon", href=_ICON),
        tag("style", Html(_STYLE)),
    )
    page = tag("html", head, tag("body", *children), lang="en")
    return Html("<!doctype html>\n" + join(page))
