"""Administration of keys, for the command line and the admin routes.

Requests are checked here and brought into canonical form; the store's SQL does the rest. Each
function returns the JSON of the HTTP API, or a `Refusal`. The plain key never reaches the store.
"""

from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from gateway.admin.fields import InvalidField, check_changes, identifier
from gateway.admin.usage_query import UsageQuery
from gateway.config.settings import Settings
from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.core.key_fields import BOUNDS
from gateway.stores import Claim, Store

SAVE_IT = "Save this key — it will not be shown again."
DEFAULT_GRACE_SECONDS: int = BOUNDS["grace_seconds"]["default"]

Answer = dict[str, Any] | Refusal


class CreateKey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /admin/api-keys`. A field that is null or left out gets its default."""

    label: str
    owner_email: str | None = None
    rate_limit_per_min: int | None = None
    monthly_token_limit: int | None = None
    max_output_tokens: int | None = None
    allowed_models: list[str] | None = None
    allowed_origins: list[str] | None = None
    scopes: list[str] | None = None
    expires_at: str | None = None
    visitors: dict[str, Any] | None = None


class UpdateKey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of `PATCH /admin/api-keys/{id}`. Only the given fields change; null removes a limit."""

    label: str | msgspec.UnsetType = msgspec.UNSET
    owner_email: str | msgspec.UnsetType | None = msgspec.UNSET
    rate_limit_per_min: int | msgspec.UnsetType = msgspec.UNSET
    monthly_token_limit: int | msgspec.UnsetType = msgspec.UNSET
    max_output_tokens: int | msgspec.UnsetType | None = msgspec.UNSET
    allowed_models: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    allowed_origins: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    scopes: list[str] | msgspec.UnsetType = msgspec.UNSET
    expires_at: str | msgspec.UnsetType | None = msgspec.UNSET
    visitors: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET


class RotateKey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /admin/api-keys/{id}/rotate`: how long the old key keeps working."""

    grace_seconds: int = DEFAULT_GRACE_SECONDS


class Visitor(NamedTuple):
    """Who asks for their own use: as `Store.identify` is told."""

    key_hash: str
    origin: str | None
    claim: Claim


async def create_key(store: Store, settings: Settings, request: CreateKey) -> Answer:
    """Create a key. The answer is the only place where it ever appears in full."""
    wishes = {
        name: value for name, value in msgspec.structs.asdict(request).items() if value is not None
    }
    try:
        values = check_changes(wishes, future=True)
    except InvalidField as problem:
        return _invalid(problem)
    key = keys.make_key(settings.api_key_prefix)
    rate, tokens = settings.default_rate_limit_per_min, settings.default_monthly_token_limit
    row = await store.admin(
        "create_api_key",
        {
            "p_key_hash": keys.hash_key(key),
            "p_prefix": keys.display_prefix(key),
            "p_label": values["label"],
            "p_owner_email": values.get("owner_email"),
            "p_rate_limit_per_min": values.get("rate_limit_per_min", rate),
            "p_monthly_token_limit": values.get("monthly_token_limit", tokens),
            "p_allowed_models": values.get("allowed_models"),
            "p_allowed_origins": values.get("allowed_origins"),
            "p_scopes": values.get("scopes"),
            "p_expires_at": values.get("expires_at"),
            "p_max_output_tokens": values.get("max_output_tokens"),
            "p_visitors": values.get("visitors"),
        },
    )
    return _with_key(row, key)


async def list_keys(store: Store, cursor: str | None = None, limit: int = 50) -> Answer:
    """One page, oldest first: `{"data": […], "next": cursor or null}`."""
    if not 1 <= limit <= 1000:
        return Refusal("invalid_request", "limit should be between 1 and 1000.", param="limit")
    if cursor and not cursor.isprintable():  # Postgres takes no zero byte
        text = "This cursor does not come from a list of keys."
        return Refusal("invalid_request", text, param="cursor")
    return _answer(await store.admin("list_api_keys", {"p_cursor": cursor, "p_limit": limit}))


async def update_key(store: Store, key_id: str, request: UpdateKey) -> Answer:
    """Change the given fields. The change applies from the key's next request on."""
    named = msgspec.structs.asdict(request).items()
    changes = {name: value for name, value in named if value is not msgspec.UNSET}
    if not changes:
        return Refusal("invalid_request", "Give at least one field to change.")
    try:
        values, found = check_changes(changes), identifier(key_id)
    except InvalidField as problem:
        return _invalid(problem)
    expiry = values.get("expires_at")
    if expiry is not None:
        values["expires_at"] = expiry.isoformat()
    return _answer(await store.admin("update_api_key", {"p_id": found, "p_changes": values}))


async def rotate_key(
    store: Store, settings: Settings, key_id: str, grace_seconds: int = DEFAULT_GRACE_SECONDS
) -> Answer:
    """Replace the key with a new one. The old one keeps working for `grace_seconds`."""
    try:
        check_changes({"grace_seconds": grace_seconds})
        found = identifier(key_id)
    except InvalidField as problem:
        return _invalid(problem)
    key = keys.make_key(settings.api_key_prefix)
    row = await store.admin(
        "rotate_api_key",
        {
            "p_id": found,
            "p_key_hash": keys.hash_key(key),
            "p_prefix": keys.display_prefix(key),
            "p_grace_seconds": grace_seconds,
        },
    )
    return _with_key(row, key)


async def revoke_key(store: Store, key_id: str) -> Answer:
    """Refuse the key, and the ones that it replaced, from now on. Its usage is kept."""
    try:
        found = identifier(key_id)
    except InvalidField as problem:
        return _invalid(problem)
    return _answer(await store.admin("revoke_api_key", {"p_id": found}))


async def key_usage(store: Store, key_id: str | UUID, asked: UsageQuery) -> Answer:
    """The JSON of `GET /v1/usage`: limits, month and rows of one key."""
    return await _usage(store, "usage_report", key_id, asked)


async def visitor_usage(store: Store, visitor: Visitor, asked: UsageQuery) -> Answer:
    """The JSON of `GET /v1/usage` for a visitor: the visitor's own, and nothing of the key's."""
    if asked.group_by:
        text = "A visitor's use comes by day; leave group_by out."
        return Refusal("invalid_request", text, param="group_by")
    if asked.start and asked.end and asked.end < asked.start:
        return Refusal("invalid_request", "The range ends before it begins.", param="to")
    arguments = {
        "p_key_hash": visitor.key_hash,
        "p_scope": None,
        "p_origin": visitor.origin,
        "p_claim": msgspec.to_builtins(visitor.claim),
        "p_from": asked.start,
        "p_to": asked.end,
    }
    return _answer(await store.admin("visitor_report", arguments))


async def all_usage(store: Store, asked: UsageQuery) -> Answer:
    """The JSON of `GET /admin/usage`: rows of one key or of all."""
    return await _usage(store, "admin_usage", asked.key_id, asked)


async def _usage(
    store: Store, function: str, key_id: str | UUID | None, asked: UsageQuery
) -> Answer:
    try:
        found = identifier(key_id) if isinstance(key_id, str) else key_id
    except InvalidField as problem:
        return _invalid(problem)
    if asked.start and asked.end and asked.end < asked.start:
        return Refusal("invalid_request", "The range ends before it begins.", param="to")
    arguments: dict[str, Any] = {"p_key_id": found, "p_from": asked.start, "p_to": asked.end}
    if asked.group_by:
        arguments["p_group_by"] = list(asked.group_by)
    return _answer(await store.admin(function, arguments))


def _invalid(problem: InvalidField) -> Refusal:
    reason = "not_found" if problem.name == "id" else "invalid_request"
    return Refusal(reason, str(problem), param=problem.name)


def _answer(row: dict[str, Any]) -> Answer:
    refusal = row.get("refusal")
    if refusal == "not_found":
        return Refusal("not_found", row.get("detail") or "There is no key with this id.")
    if refusal == "invalid_visitors":  # SQL knows best what they may be
        return Refusal("invalid_request", row["detail"], param="visitors")
    if refusal:
        return Refusal("invalid_request", row.get("detail") or "This is not possible.")
    return row


def _with_key(row: dict[str, Any], key: str) -> Answer:
    answer = _answer(row)
    if isinstance(answer, Refusal):
        return answer
    return {"id": answer.get("id"), "key": key, **answer, "message": SAVE_IT}
