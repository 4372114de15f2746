"""What an owner may write into the fields of a key, and the one form in which it is kept."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from gateway.names import canonical_name

NULLABLE = {"owner_email", "allowed_models", "allowed_origins", "expires_at"}
SCOPES = ("chat", "embeddings", "models:read", "models:pull")

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_LABEL_LENGTH = 100
_LIST_LENGTH = 100
_DEFAULT_PORTS = {"http": 80, "https": 443}


class InvalidField(ValueError):
    """A field that cannot be used; the text names it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name} {text}.")
        self.name = name


def check_changes(changes: Mapping[str, Any], *, future: bool = False) -> dict[str, Any]:
    """The fields in canonical form. `future`: an expiry that has passed is refused."""
    values: dict[str, Any] = {}
    for name, value in changes.items():
        try:
            values[name] = _checked(name, value)
        except ValueError as problem:
            raise InvalidField(name, str(problem).rstrip(".")) from None
    expiry = values.get("expires_at")
    if future and expiry is not None and expiry <= datetime.now(UTC):
        raise InvalidField("expires_at", "lies in the past")
    return values


def _checked(name: str, value: Any) -> Any:
    if value is not None:
        return _CHECKS[name](value)
    if name not in NULLABLE:
        raise ValueError("should not be null")
    return None


def identifier(text: str) -> UUID:
    """The id of a key."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidField(
            "id", "should be the id of a key, as the list of keys shows it"
        ) from None


def label(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= _LABEL_LENGTH or not text.isprintable():
        raise ValueError(f"should be 1 to {_LABEL_LENGTH} printable characters")
    return text


def email(text: str) -> str:
    text = text.strip()
    if not _EMAIL.fullmatch(text) or not text.isprintable():
        raise ValueError("should be an e-mail address")
    return text


def number(low: int, high: int) -> Callable[[int], int]:
    """A check for whole numbers from `low` to `high`."""

    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"should be between {low} and {high}")
        return value

    return check


def models(names: list[str]) -> list[str] | None:
    """Canonical names without repetition; none at all: every model."""
    return _unique(names, canonical_name)


def origins(items: list[str]) -> list[str] | None:
    """Origins as browsers send them; `*` or none at all: every website."""
    return None if "*" in items else _unique(items, origin)


def origin(text: str) -> str:
    """`scheme://host[:port]` in lower case, without the scheme's own port."""
    problem = f"should be a list of origins such as https://example.com, not {text[:80]!r}"
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError:
        raise ValueError(problem) from None
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if not parts.scheme or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host) or extra:
        raise ValueError(problem)
    host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def scopes(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in SCOPES]
    if unknown or not names:
        raise ValueError(f"should be some of {', '.join(SCOPES)}")
    return [name for name in SCOPES if name in names]


def moment(text: str) -> datetime:
    """An ISO 8601 date or time; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("should be a time such as 2030-01-31T12:00:00Z") from None


def _unique(items: list[str], form: Callable[[str], str]) -> list[str] | None:
    if len(items) > _LIST_LENGTH:
        raise ValueError(f"should have at most {_LIST_LENGTH} entries")
    return list(dict.fromkeys(form(item) for item in items)) or None


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "label": label,
    "owner_email": email,
    "rate_limit_per_min": number(1, 1_000_000),
    "monthly_token_limit": number(0, 10**12),
    "allowed_models": models,
    "allowed_origins": origins,
    "scopes": scopes,
    "expires_at": moment,
}
