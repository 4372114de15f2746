"""DATABASE_URL as people have it: from a provider's page, for another driver, with an odd password.

What comes out is a URL that asyncpg reads; the parameters are those of libpq (PostgreSQL's manual,
"Connection URIs"). No text that is raised here shows a part of the password.
"""

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode

_SCHEME = re.compile(r"(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_PASTED = re.compile(r"psql\s+(['\"]?)(.*)\1", re.DOTALL)  # as the pages of providers show it
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]*\]|[^\s/?#@:\[\]]*)(?::([0-9]{1,5}))?")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OTHER_MODES = {
    **{"true": "require", "1": "require", "no-verify": "require"},  # `require` verifies nothing
    **{"false": "disable", "0": "disable"},
}
# What asyncpg reads, and settings of the server, to which it passes them on.
_TAKEN = {
    *("host", "port", "user", "password", "dbname", "database", "passfile", "service", "sslmode"),
    *("sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation", "krbsrvname"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "gsslib"),
    *("application_name", "options", "search_path", "statement_timeout", "lock_timeout"),
    *("idle_in_transaction_session_timeout", "timezone", "datestyle"),
}
# What has no effect here: what asyncpg decides by itself, and what is meant for an ORM.
_KNOWN = _TAKEN | {
    "ssl",
    *("channel_binding", "client_encoding", "connect_timeout", "fallback_application_name"),
    *("gssdelegation", "gssencmode", "hostaddr", "keepalives", "keepalives_count"),
    *("keepalives_idle", "keepalives_interval", "load_balance_hosts", "max_protocol_version"),
    *("min_protocol_version", "replication", "require_auth", "requirepeer", "requiressl"),
    *("sslcertmode", "sslcompression", "sslsni", "tcp_user_timeout"),
    *("charset", "connection_limit", "currentschema", "encoding", "max_overflow", "pgbouncer"),
    *("pool_recycle", "pool_size", "pool_timeout", "pooler", "prepared_statement_cache_size"),
    *("preparethreshold", "schema", "serverversion", "socket_timeout", "sslaccept"),
    *("statement_cache_size", "uselibpqcompat"),
}


_WRONG_PLACE = (
    "should read postgresql://USER:PASSWORD@HOST:PORT/DATABASE; percent-encode what is no letter "
    "or digit in the password (# is %23, / is %2F, ? is %3F, @ is %40)"
)


def postgres_url(text: str) -> str:
    """The URL in one spelling: user and password percent-encoded, parameters that asyncpg takes."""
    pasted = _PASTED.fullmatch(text.strip())
    text = pasted[2] if pasted else text.strip()
    scheme = _SCHEME.match(text)
    if not scheme:
        raise ValueError("should begin with postgresql://")
    login, after = _split(text[scheme.end() :])
    place, _, query = after.partition("?")
    if not _is_place(place):
        raise ValueError(_WRONG_PLACE)
    hosts, slash, database = place.partition("/")
    user, colon, password = login.partition(":")
    shown = f"{_encoded(user)}{colon}{_encoded(password)}@" if login else ""
    parameters = urlencode(_parameters(query), safe="/:,", quote_via=quote)
    end = f"?{parameters}" if parameters else ""
    return f"postgresql://{shown}{hosts}{slash}{_encoded(database)}{end}"


def _split(rest: str) -> tuple[str, str]:
    """The login, and what follows it.

    A password may hold `/`, `?`, `#` and `@` as they are, and a parameter `@` (user=name@server):
    the login ends at the first `@` behind which all is well-formed."""
    ends = [-1, *(found.start() for found in re.finditer("@", rest))]
    for end in ends:
        place, _, query = rest[end + 1 :].partition("?")
        if _is_place(place) and all(name.lower() in _KNOWN for name, _ in _pairs(query)):
            return rest[: max(end, 0)], rest[end + 1 :]
    return rest[: max(ends[-1], 0)], rest[ends[-1] + 1 :]


def _is_place(text: str) -> bool:
    """Whether it is HOST[:PORT][,HOST[:PORT]…][/DATABASE]."""
    hosts, _, database = text.partition("/")
    found = [_HOST.fullmatch(host) for host in hosts.split(",")]
    ports = [one is not None and 0 < int(one[1] or 1) < 65536 for one in found]
    return all(ports) and not re.search(r"[/#@\s]", database)


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _parameters(query: str) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in _pairs(query):
        known = name.lower()
        if known in {"ssl", "sslmode"}:
            mode = _OTHER_MODES.get(value.lower(), value.lower())
            if mode not in _MODES:
                raise ValueError(f"should have an sslmode that is one of {', '.join(_MODES)}")
            kept["sslmode"] = mode
        elif known in _TAKEN:
            kept[known] = value
        elif known not in _KNOWN:
            raise ValueError(f"has the parameter '{name[:40]}', which is not known: leave it out")
    return kept


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="")
