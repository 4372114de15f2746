"""Websites as browsers name them in the header Origin, and patterns for several.

Its TypeScript twin is `supabase/functions/_shared/origins.ts`; `tests/vectors` holds both together.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

# It stands in the OpenAPI document as it is: JSON Schema has no flags.
ORIGIN = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:\[([0-9A-Fa-f:]+)\]|([^ \t-\r/?#@:\\\[\]]+))(?::([0-9]{0,5}))?/*"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ANYTHING = "[a-z0-9._:[\\]-]+"  # what `*` stands for: part of a host, and its port
_IN_HOST, _IN_PORT = "x-any", "1"  # what stands for it where a pattern is checked


def origin(text: str) -> str:
    """`scheme://host[:port]` in lower case, without the scheme's own port."""
    try:
        found = ORIGIN.fullmatch(text.strip())
        if not found:
            raise ValueError
        scheme, port = found[1].lower(), int(found[4] or -1)
        host = f"[{IPv6Address(found[2])}]" if found[2] else _host(found[3])
        if port > 65535:
            raise ValueError
    except ValueError:
        shown = f"should be a list of origins such as https://example.com, not '{text[:80]}'"
        raise ValueError(shown) from None
    return f"{scheme}://{host}" + (
        f":{port}" if port not in (-1, _DEFAULT_PORTS.get(scheme)) else ""
    )


def _host(text: str) -> str:
    """The name of a host as it stands in a browser's Origin header: ASCII, in lower case."""
    host = text.lower() if text.isascii() else _ascii_host(text)
    if len(host) > 253 or not re.fullmatch(r"[a-z0-9._-]+", host):
        raise ValueError
    last = host.removesuffix(".").rpartition(".")[2]
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):  # browsers rewrite 127.1 and 0x7f.0.0.1
        return str(IPv4Address(host))
    return host


def _ascii_host(text: str) -> str:
    """As browsers do it (UTS 46, faß.de stays apart from fass.de): Python's own codec does not."""
    import idna  # takes a while to load, and few need it

    mapped = idna.uts46_remap(text[:253], std3_rules=False, transitional=False)
    labels = mapped.split(".")
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in labels
    )


def cors_entry(text: str) -> str:
    """An entry of CORS_ORIGINS in the form in which it is compared: `*`, an origin, or a pattern
    such as `https://*.example.com`, `http://localhost:*` or `chrome-extension://*`. ValueError: no
    page can match it; the text has the right spelling, where there is one."""
    try:
        return _entry(text)
    except ValueError:
        pass
    scheme, separator, rest = text.rpartition("://")
    scheme = scheme if separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) else "https"
    likely = f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}"
    try:
        instead = f": write {_entry(likely)}"
    except ValueError:
        instead = ""
    raise ValueError(
        f"should be a list of websites; '{text[:80]}' is the origin of no page{instead}"
    )


def _entry(text: str) -> str:
    if "*" not in text or text == "*":
        return text if text == "*" else origin(text)
    if _IN_HOST in text.lower() or "*" in text.partition("://")[0]:
        raise ValueError
    start, colon, port = text.rpartition(":")
    checked = f"{start}:{_IN_PORT}" if colon and port == "*" else text
    found = origin(checked.replace("*", _IN_HOST)).replace(_IN_HOST, "*")
    return found.removesuffix(_IN_PORT) + "*" if checked != text else found


def cors_pattern(entries: Iterable[str]) -> re.Pattern[str] | None:
    """What matches the origins, in lower case, of all the patterns among `cors_entry`s."""
    patterns = [
        _ANYTHING.join(map(re.escape, entry.split("*")))
        for entry in entries
        if "*" in entry and entry != "*"
    ]
    return re.compile("|".join(patterns)) if patterns else None
