"""Administration of presets, for the command line and the admin routes.

Only types are checked here: which names, bounds and templates there can be, the store's SQL says
(sql/helpers/presets). Each function returns the JSON of the HTTP API, or a `Refusal`.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from gateway.admin.keepable import UNKEEPABLE, is_keepable
from gateway.core.errors import Refusal
from gateway.stores import Store

Answer = dict[str, Any] | Refusal
_LONGEST_NAME = 64


class CreatePreset(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /admin/presets`. A field that is null or left out gets its default."""

    name: str
    model: str
    system: str
    parameters: dict[str, Any] | None = None
    template: str | None = None
    variables: dict[str, dict[str, Any]] | None = None
    locked: bool | None = None


class UpdatePreset(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of `PATCH /admin/presets/{name}`. Only the given fields change. `restore` stands alone:
    the version to go back to."""

    model: str | UnsetType = UNSET
    system: str | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType | None = UNSET
    template: str | UnsetType | None = UNSET
    variables: dict[str, dict[str, Any]] | UnsetType | None = UNSET
    locked: bool | UnsetType = UNSET
    restore: int | UnsetType = UNSET


async def create_preset(store: Store, request: CreatePreset) -> Answer:
    fields = msgspec.structs.asdict(request)
    name = fields.pop("name")
    problem = _unkeepable({"name": name, **fields})
    if problem is not None:
        return problem
    return answer(await store.admin("create_preset", {"p_name": name, "p_fields": fields}))


async def list_presets(store: Store) -> Answer:
    """All of them, without prompts: `{"data": […]}`."""
    return answer(await store.admin("list_presets", {}))


async def get_preset(store: Store, name: str, version: int | None = None) -> Answer:
    """One with its prompt, and the versions that can be gone back to."""
    return await _on_preset(store, "get_preset", name, p_version=version)


async def update_preset(store: Store, name: str, request: UpdatePreset) -> Answer:
    named = msgspec.structs.asdict(request).items()
    changes = {name: value for name, value in named if value is not UNSET}
    if not changes:
        return Refusal("invalid_request", "Give at least one field to change.")
    problem = _unkeepable(changes)
    return problem or await _on_preset(store, "update_preset", name, p_changes=changes)


async def delete_preset(store: Store, name: str) -> Answer:
    """It is unknown from now on. What was used of it stays in the usage."""
    return await _on_preset(store, "delete_preset", name)


def version_of(text: str | None) -> int | Refusal | None:
    """The version that a query names."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return Refusal("invalid_request", "version should be a number.", param="version")
    return int(text)


def answer(row: dict[str, Any]) -> Answer:
    """What the store said, or its refusal."""
    refusal = row.get("refusal")
    if not refusal:
        return row
    reason = "not_found" if refusal == "not_found" else "invalid_request"
    return Refusal(reason, row.get("detail") or "This is not possible.", param=row.get("param"))


async def _on_preset(store: Store, function: str, name: str, **arguments: Any) -> Answer:
    if len(name) > _LONGEST_NAME or not name.isprintable():
        return Refusal("not_found", "There is no preset of this name.")
    return answer(await store.admin(function, {"p_name": name, **arguments}))


def _unkeepable(fields: dict[str, Any]) -> Refusal | None:
    for name, value in fields.items():
        if not is_keepable(value):
            return Refusal("invalid_request", f"{name} {UNKEEPABLE}.", param=name)
    return None
