"""What is sent to a model server before the body, and where to."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit


class Origin(NamedTuple):
    """Where a connection leads."""

    host: str
    port: int
    tls: bool


@lru_cache(maxsize=64)
def read_url(url: str) -> tuple[Origin, str]:
    """Where an address leads, and what is asked there. ValueError: it is none."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"{url!r} names no host")
    tls = parts.scheme == "https"
    path = parts.path or "/"
    origin = Origin(parts.hostname, parts.port or (443 if tls else 80), tls)
    return origin, f"{path}?{parts.query}" if parts.query else path


@lru_cache(maxsize=256)
def _fixed(method: str, path: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    text = "\r\n".join(lines)
    if text.count("\n") != len(headers) or text.count("\r") != len(headers):
        raise ValueError("a header or path has a line break in it")
    return text.encode("latin-1")


def head(method: str, path: str, headers: tuple[tuple[str, str], ...], length: int) -> bytes:
    """The head of a request with a body of so many bytes. ValueError: it would be more than one."""
    fixed = _fixed(method, path, headers)
    if method == "GET" and not length:
        return fixed + b"\r\n\r\n"
    return b"%s\r\nContent-Length: %d\r\n\r\n" % (fixed, length)
