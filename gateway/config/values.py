"""Parse the text of a setting into its value. The ValueError of a bad one says what it should be,
and follows the name of the setting: "PORT (x) should be a whole number".
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from gateway.core.host_names import host_pattern, is_of_own_network
from gateway.core.keys import PREFIX_SHAPE
from gateway.core.model_names import canonical_name, requested_name
from gateway.core.origins import cors_entry

_CARRIER = ipaddress.ip_network("100.64.0.0/10")  # Tailscale's, too
SHORTEST_SECRET = 12  # characters: ten guesses in a quarter of an hour find nothing as long


def boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("should be true or false")


def choice(*allowed: str) -> Callable[[str], str]:
    """One of some words, however it is spelled."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ValueError(f"should be one of {', '.join(allowed)}")
        return word

    return parse


def integer(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", text.strip(), re.ASCII):
            raise ValueError("should be a whole number")
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"should be between {low} and {high}")
        return value

    return parse


def seconds(text: str, *, or_none: bool = False) -> float:
    """A number of seconds greater than 0; `or_none` allows 0, which switches something off."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("should be a number of seconds") from None
    if or_none and value == 0:
        return value
    if not 0 < value <= 86_400:
        raise ValueError("should be more than 0 and at most 86400 seconds")
    return value


def seconds_or_none(text: str) -> float:
    return seconds(text, or_none=True)


def size(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,12})\s*(|B|KB|KIB|MB|MIB)", text.strip().upper(), re.ASCII)
    if not found:
        raise ValueError("should be a number of bytes, such as 20971520 or 20MiB")
    value = int(found[1]) * {"": 1, "B": 1, "K": 1024, "M": 1024**2}[found[2][:1]]
    if not 1024 <= value <= 2**30:
        raise ValueError("should be between 1KiB and 1024MiB")
    return value


def http_url(text: str) -> str:
    text = text.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError:  # a port that is not a number, or an unclosed bracket
        raise ValueError(_NO_ADDRESS) from None
    # `http//host` and `http:/host` would be a host named http.
    named = parts.hostname and parts.hostname not in {"http", "https"}
    if parts.scheme not in {"http", "https"} or not named or not port_ok:
        raise ValueError(_NO_ADDRESS)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("should not contain a user name, query or fragment")
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("should contain only ASCII characters without spaces")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


_API = re.compile(r"/(?:v1|api)(?:/chat/completions|/chat|/generate)?$", re.IGNORECASE)
_NO_ADDRESS = "should be an address such as http://localhost:11434"


def http_urls(text: str) -> tuple[str, ...]:
    """One or more addresses, separated by commas or white space, or a JSON list."""
    if "@" in text:  # checked first: a password with a comma in it would be split and shown
        raise ValueError("should not contain a user name or password")
    found: list[str] = []
    entries = _listed(text)
    for entry in entries:
        try:
            url = _API.sub("", http_url(entry))  # documents of LM Studio and vLLM print it with /v1
        except ValueError as problem:
            which = f"names {entry[:80]!r}, which " if len(entries) > 1 else ""
            raise ValueError(f"{which}{problem}") from None
        if url in found:
            raise ValueError(f"names {url} twice")
        found.append(url)
    if not found:
        raise ValueError(_NO_ADDRESS)
    return tuple(found)


def _listed(text: str) -> list[str]:
    """The entries of a list, which may be JSON. (`[::1]` is an address, not JSON.)"""
    try:
        entries = json.loads(text)
    except ValueError:
        return list(filter(None, re.split(r"[\s,]+", text)))
    if not isinstance(entries, list):
        return [text]
    return [
        entry if isinstance(entry, str) else str(entry) for entry in cast(list[object], entries)
    ]


def without_password(text: str) -> str:
    """A value that may be shown: what precedes an `@` can be a user name and a password."""
    return re.sub(r"\S*@", "…@", text)


def host(text: str) -> str:
    text = text.strip()
    if text == "localhost":
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("should be an IP address such as 127.0.0.1") from None


def origins(text: str) -> tuple[str, ...]:
    """Websites, and patterns for them, separated by commas; or a JSON list."""
    items = [part.strip().strip("\"'") for part in text.strip("[] ").split(",")]
    if not all(items):
        raise ValueError('should be "*" or a list such as https://a.example,https://b.example')
    return tuple(dict.fromkeys(cors_entry(item) for item in items))


def hosts(text: str) -> tuple[str, ...]:
    """Names that the server answers to; with `*.` in front, all names that end so."""
    found: list[str] = []
    for entry in _listed(text):
        try:
            found.append(host_pattern(entry))
        except ValueError:
            should = "should be a list of names such as llm.example.com,*.example.net"
            raise ValueError(f"{should}, without https:// and port") from None
    return tuple(dict.fromkeys(found))


def networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Addresses, and networks such as 10.0.0.0/8."""
    try:
        return tuple(ipaddress.ip_network(entry, strict=False) for entry in _listed(text))
    except ValueError:
        raise ValueError("should be a list of addresses such as 127.0.0.1,10.0.0.0/8") from None


def admin_secret(text: str) -> str:
    text = text.strip()  # a header does not carry the blanks at its ends
    if len(text) < SHORTEST_SECRET:
        raise ValueError(
            f"should have {SHORTEST_SECRET} characters or more, for example the output of: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return text


def prefix(text: str) -> str:
    if not PREFIX_SHAPE.fullmatch(text):
        raise ValueError("should be 1 to 16 letters, digits or '-', starting with a letter")
    return text


def access_team(text: str) -> str:
    """The team domain of Cloudflare Access, in full."""
    name = text.strip().lower().removeprefix("https://").rstrip("/")
    team = name.removesuffix(".cloudflareaccess.com")
    if not re.fullmatch(r"(?!-)[a-z0-9-]{1,63}(?<!-)", team, re.ASCII):
        raise ValueError("should be a team's name or domain, such as myteam.cloudflareaccess.com")
    return f"{team}.cloudflareaccess.com"


def access_audience(text: str) -> tuple[str, ...]:
    tags = tuple(filter(None, re.split(r"[\s,]+", text)))
    if not tags or not all(re.fullmatch(r"[\w-]{16,128}", tag, re.ASCII) for tag in tags):
        raise ValueError("should be the AUD tag from the page of the Access application")
    return tags


def model(text: str) -> str:
    """A model name or an id that only another server than Ollama has, in the owner's spelling."""
    requested_name(text)
    return text.strip()


def ollama_models(text: str) -> tuple[str, ...]:
    names = _listed(text)
    for name in names:
        canonical_name(name)
    return tuple(name.strip() for name in names)


def aliases(text: str) -> Mapping[str, str]:
    """`alias=model, …` as a mapping from the canonical name of the alias."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        alias, equals, model = (word.strip() for word in part.partition("="))
        if not equals or "=" in model:  # `a=b c=d` lacks a comma
            raise ValueError("should be a list such as gpt-4o-mini=qwen2.5:7b")
        requested_name(model)
        name = canonical_name(alias)
        if name in found:
            raise ValueError(f"names {alias} twice")
        found[name] = model
    chained = [model for model in found.values() if requested_name(model) in found]
    if chained:
        raise ValueError(f"uses {chained[0]} both as an alias and as a model")
    return found


def path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def is_near(host: str) -> bool:
    """Whether the host is on this machine or in the owner's own network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and (is_of_own_network(host) or host.endswith(".ts.net"))
    return address.is_private or address in _CARRIER
