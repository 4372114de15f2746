"""The headers of pages: what they may load, and who may show them."""

from base64 import b64encode
from hashlib import sha256


def headers(*allowed: str) -> dict[str, str]:
    """For a page that loads what is allowed and nothing else, and that nobody frames. `allowed`:
    directives of a Content-Security-Policy."""
    closed = ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")
    return {
        "content-security-policy": "; ".join(("default-src 'none'", *allowed, *closed)),
        "referrer-policy": "no-referrer",
    }


def source(text: str) -> str:
    """What allows an inline style of exactly this text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
