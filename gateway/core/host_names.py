"""Names of machines that nobody can buy: they lead to one's own machine or network, or nowhere."""

import re

# Reserved, or kept from sale (RFC 6761, 6762, 8375; ICANN on .internal and .home).
_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home", ".home.arpa")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*", re.ASCII)


def is_of_own_network(name: str) -> bool:
    """Of a name in lower case: whether it has no dot, or one of those endings."""
    return "." not in name or name.endswith(_ENDINGS)


def host_pattern(text: str) -> str:
    """An entry of ALLOWED_HOSTS: a name, an address, or `*.` and the end of names. ValueError."""
    name = text.strip().lower().removesuffix(".")
    if len(name) > 253 or not _NAME.fullmatch(name.removeprefix("*.")):
        raise ValueError
    return name
