"""What an owner may write into the fields of a key, and the one form in which it is kept.

Its TypeScript twin is `supabase/functions/admin/fields.ts`; `tests/vectors` holds both to one form,
`core/key_fields.json` has the bounds of both.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gateway.admin.keepable import UNKEEPABLE, is_keepable
from gateway.core.key_fields import BOUNDS, SCOPES, span
from gateway.core.model_names import canonical_entry
from gateway.core.origins import origin

NULLABLE = {
    *("owner_email", "max_output_tokens", "allowed_models", "allowed_origins", "expires_at"),
    "visitors",
}

_EMAIL = re.compile(BOUNDS["owner_email"]["pattern"])

# Narrower than what Python's own parsers take, so that every language reads the same text alike.
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# It stands in the OpenAPI document as it is: JSON Schema has no flags.
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
    r"(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)?)?",
    re.ASCII,
)


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
    if not _ID.fullmatch(text):
        raise InvalidField("id", "should be the id of a key, as the list of keys shows it")
    return UUID(text)


def label(text: str) -> str:
    text = text.strip()
    least, most = BOUNDS["label"]["minLength"], BOUNDS["label"]["maxLength"]
    if not least <= len(text) <= most or not text.isprintable():
        raise ValueError(f"should be {least} to {most} printable characters")
    return text


def email(text: str) -> str:
    text = text.strip()
    if not _EMAIL.fullmatch(text) or not text.isprintable():
        raise ValueError("should be an e-mail address")
    return text


def number(name: str) -> Callable[[int], int]:
    """The check of the whole number in the field `name`."""
    low, high = span(name)

    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"should be between {low} and {high}")
        return value

    return check


def models(names: list[str]) -> list[str] | None:
    """Names, and patterns with `*`, in canonical form without repetition. `*`: every model; none at
    all: no model."""
    kept = _unique("allowed_models", names, canonical_entry)
    return None if "*" in kept else kept


def origins(items: list[str]) -> list[str] | None:
    """Origins as browsers send them; `*` or none at all: every website."""
    return None if "*" in items else _unique("allowed_origins", items, origin) or None


def scopes(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in SCOPES]
    if unknown or not names:
        raise ValueError(f"should be some of {', '.join(SCOPES)}")
    return [name for name in SCOPES if name in names]


def keepable(value: dict[str, Any]) -> dict[str, Any]:
    """What else it may hold, SQL says (gateway.visitors_problem)."""
    if not is_keepable(value):
        raise ValueError(UNKEEPABLE)
    return value


def moment(text: str) -> datetime:
    """An ISO 8601 date or time; without a zone it is UTC."""
    try:
        if not MOMENT.fullmatch(text.strip()):
            raise ValueError
        found = datetime.fromisoformat(text.strip())
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("should be a time such as 2030-01-31T12:00:00Z") from None


def _unique(name: str, items: list[str], form: Callable[[str], str]) -> list[str]:
    most = BOUNDS[name]["maxItems"]
    if len(items) > most:
        raise ValueError(f"should have at most {most} entries")
    return list(dict.fromkeys(form(item) for item in items))


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "label": label,
    "owner_email": email,
    "rate_limit_per_min": number("rate_limit_per_min"),
    "monthly_token_limit": number("monthly_token_limit"),
    "max_output_tokens": number("max_output_tokens"),
    "grace_seconds": number("grace_seconds"),
    "allowed_models": models,
    "allowed_origins": origins,
    "scopes": scopes,
    "expires_at": moment,
    "visitors": keepable,
}
