"""The requests that were refused lately, and why, for the owner who is asked about one.

They are kept in memory, so they are those of this gateway since it started. Whoever has not shown a
key that works has a list of their own: strangers cannot drive out what the owner looks for.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct

from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.core.record import Record
from gateway.http.authentication import shown_keys
from gateway.overview.running import iso
from gateway.reference.markdown import without_links
from gateway.reference.refusals import public_text, remedy

MOST, MOST_STRANGERS = 400, 100
_LONGEST = 300  # characters of a text
_OWNERS = ("/admin", "/console")  # where the owner sees what is wrong at once
# Their text is the model server's, which may quote the prompt.
_IN_OTHER_WORDS = "upstream_"
# What a text quotes. A name of a field, type or model has this form; anything else may be a prompt.
_QUOTE = re.compile(r"""(?<!\w)(["`'])(.*?)\1(?!\w)""", re.DOTALL)  # an apostrophe is none
_NAME = re.compile(r"[A-Za-z0-9_.:/@$\[\]|+-]{1,60}")


class Refused(Struct, frozen=True, gc=False):
    """One refused request. Neither a prompt nor a key stands in it."""

    time: str | None
    request_id: UUID
    route: str
    status: int
    code: str
    message: str
    hint: str | None
    key_id: UUID | None
    prefix: str | None  # of the key that it showed
    visitor: UUID | None
    model: str | None


class Refusals:
    """Called with each request at its end (core/record.py). `has_worked`: whether the key with this
    hash is known to exist; `on_note` is told of each one that is kept."""

    def __init__(self, has_worked: Callable[[str], bool]) -> None:
        self._has_worked = has_worked
        self._kept: deque[Refused] = deque(maxlen=MOST)
        self._strangers: deque[Refused] = deque(maxlen=MOST_STRANGERS)
        self.on_note: Callable[[Refused], None] = lambda refused: None

    def __call__(self, record: Record, scope: Mapping[str, Any]) -> None:
        refusal = record.refusal
        if refusal is None or record.route.startswith(_OWNERS):
            return
        shown = shown_keys(dict(scope["headers"]))
        shown = [] if isinstance(shown, Refusal) else shown
        refused = _refused(record, refusal, shown[0] if shown else None)
        known = record.key_id is not None or any(
            self._has_worked(keys.hash_key(key)) for key in shown
        )
        (self._kept if known else self._strangers).append(refused)
        self.on_note(refused)

    def newest(self) -> list[Refused]:
        """All that are kept, the newest first."""
        both = [*self._kept, *self._strangers]
        return sorted(both, key=lambda one: one.time or "", reverse=True)


def key_ids(refused: Iterable[Refused]) -> set[UUID]:
    """Of whose labels are needed."""
    return {one.key_id for one in refused if one.key_id is not None}


def as_json(refused: Refused, labels: Mapping[UUID, str]) -> dict[str, Any]:
    """A `RefusedRequest` of the reference."""
    key_id = refused.key_id
    return {
        "time": refused.time,
        "request_id": refused.request_id,
        "route": refused.route,
        "status": refused.status,
        "code": refused.code,
        "message": refused.message,
        "hint": refused.hint,
        "key": None if key_id is None else {"id": key_id, "name": labels.get(key_id)},
        "prefix": refused.prefix,
        "visitor": refused.visitor,
        "model": refused.model,
    }


def _refused(record: Record, refusal: Refusal, key: str | None) -> Refused:
    others = refusal.reason.startswith(_IN_OTHER_WORDS)
    message = public_text(refusal.reason) if others else refusal.message
    model = refusal.model or record.model
    return Refused(
        time=iso(record.time),
        request_id=record.id,
        route=_plain(record.route),
        status=refusal.kind.status,
        code=refusal.kind.code,
        message=_plain(_without_quotes(message)),
        hint=without_links(remedy(refusal.reason)) or None,
        key_id=record.key_id,
        prefix=keys.display_prefix(key) if key else None,
        visitor=record.visitor,
        model=_plain(model) if model else None,
    )


def _without_quotes(text: str) -> str:
    """Without what a caller wrote, but for names. Cut first: it can have megabytes."""

    def shown(found: re.Match[str]) -> str:
        quote = found[1]
        return found[0] if _NAME.fullmatch(found[2]) else f"{quote}…{quote}"

    start = text[: 2 * _LONGEST]
    told = _QUOTE.sub(shown, start)
    if len(start) < len(text):  # the end of a quote may be missing
        told = re.split(r"""(?<!\w)["`'](?!…)[^"`']*$""", told)[0] + "…"
    return told


def _plain(text: str) -> str:
    """Short, without a key, and such that JSON can hold it."""
    return keys.hide(text, _LONGEST).encode("utf-8", "replace").decode()
