"""Export and import of keys and usage as lines of JSON, for every store. Keys do not change.

A file has a header, one line per row, and a footer that counts the rows, which shows whether the
file was cut. The whole file is checked before anything is imported, and what was checked is what
is imported.
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec

from gateway.stores import Store, StoreUnavailable

KINDS: tuple[str, ...] = (
    "keys",
    "retired_keys",
    "counters",
    "daily",
    "visitor_daily",
    "logs",
    "presets",
    "preset_versions",
)  # rows refer to rows of the kinds before them
_NEWER = ("visitor_daily", "presets", "preset_versions")  # which older exports lack
FORMAT, VERSION = "localllm export", 1
LONGEST_LINE = 4 * 2**20
_ROWS_A_CALL, _BYTES_A_CALL = 500, 2**20

Counts = dict[str, int]  # rows of each kind
Report = Callable[[str, int], None]


class TransferError(Exception):
    """The export or import is not possible; the text says why and what to do."""


class _Header(msgspec.Struct):
    format: str
    version: int
    exported_at: str = ""


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A row, or the footer."""

    kind: str = ""
    row: dict[str, Any] | None = None
    end: Counts | None = None


_header = msgspec.json.Decoder(_Header)
_line = msgspec.json.Decoder(_Line)


async def export(store: Store, target: BinaryIO, report: Report) -> Counts:
    """Write everything in the store; the number of rows of each kind."""
    counts = dict.fromkeys(KINDS, 0)
    _write(target, _Header(FORMAT, VERSION, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"))
    for kind in KINDS:
        cursor: Any = None
        while True:
            asked = {"p_kind": kind, "p_cursor": cursor, "p_limit": _ROWS_A_CALL}
            page = _accepted(await store.admin("export_data", asked))
            for row in page["rows"]:
                _write(target, _Line(kind, row))
            counts[kind] += len(page["rows"])
            report(kind, counts[kind])
            cursor = page["next"]
            if cursor is None:
                break
    _write(target, _Line(end=counts))
    return counts


def check(source: BinaryIO, rows: BinaryIO) -> Counts:
    """Check an export and copy its rows to `rows`. Raises TransferError, which names the line."""
    checked = _Check()
    number = 0
    while text := source.readline(LONGEST_LINE + 1):
        number += 1
        try:
            if checked.is_row(text):
                rows.write(text)
        except TransferError as problem:
            raise TransferError(f"line {number}: {problem} Nothing was imported.") from None
    if not checked.complete:
        raise TransferError(
            f"it was cut after line {number}: export again, or copy the whole file. "
            "Nothing was imported."
        )
    rows.seek(0)
    return checked.counts


class _Check:
    """Checks line by line that a file is a complete export."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(KINDS, 0)
        self.complete = False
        self._begun = False
        self._kind = 0

    def is_row(self, text: bytes) -> bool:
        """Check one line. True for a row, False for the header and the footer."""
        if len(text) > LONGEST_LINE:
            raise TransferError(f"it is longer than {LONGEST_LINE >> 20} MiB.")
        if self.complete:
            raise TransferError("nothing may follow the footer.")
        if not self._begun:
            self._begin(text)
            return False
        line = _decoded(_line, text)
        if line.end is not None:
            self._end(line)
            return False
        if line.kind not in KINDS or line.row is None:
            raise TransferError(f"{line.kind[:40]!r} is not a kind of row that this version knows.")
        if KINDS.index(line.kind) < self._kind:
            raise TransferError(f"{line.kind} must come before {KINDS[self._kind]}.")
        if b"\\u0000" in text or not text.endswith(b"\n"):
            raise TransferError("it is damaged.")
        self._kind = KINDS.index(line.kind)
        self.counts[line.kind] += 1
        return True

    def _begin(self, text: bytes) -> None:
        try:
            header = _decoded(_header, text)
        except TransferError:
            header = _Header("", 0)
        if header.format != FORMAT:
            raise TransferError("this is not a file from `localllm db export`.")
        if header.version != VERSION:
            raise TransferError(
                f"this localllm does not know version {header.version} of the format: use the "
                "localllm that wrote it, or a newer one."
            )
        self._begun = True

    def _end(self, line: _Line) -> None:
        told = dict.fromkeys(_NEWER, 0) | (line.end or {})
        if line.kind or line.row is not None or told != self.counts:
            raise TransferError("the footer does not match the rows.")
        self.complete = True


class Difference(msgspec.Struct):
    """A key that exists here with other values than in the file."""

    id: str
    prefix: str
    label: str
    fields: list[str]  # the columns that differ


class Loaded(msgspec.Struct):
    """What an import did: how many rows of each kind came, and how many existed already."""

    imported: Counts = msgspec.field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    present: Counts = msgspec.field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    different: list[Difference] = msgspec.field(default_factory=list[Difference])


async def load(store: Store, rows: BinaryIO, report: Report) -> Loaded:
    """Import checked rows."""
    loaded = Loaded()
    rotated: set[str] = set()  # ids of keys that have another hash here
    first = 2  # after the header
    for kind, batch in _batches(rows):
        lines = f"lines {first} to {first + len(batch) - 1}"
        fresh = batch
        if kind == "retired_keys":
            # What was good for a key that stays as it is here must not become good again.
            fresh = [row for row in batch if row.get("api_key_id") not in rotated]
        arguments = {"p_kind": kind, "p_rows": fresh}
        done = await _explained(store.admin("import_data", arguments), lines)
        different = msgspec.convert(done.get("different", []), list[Difference])
        loaded.different += different
        rotated.update(key.id for key in different if "key_hash" in key.fields)
        loaded.imported[kind] += done["imported"]
        loaded.present[kind] += len(batch) - done["imported"]
        report(kind, loaded.imported[kind] + loaded.present[kind])
        first += len(batch)
    return loaded


def _batches(rows: BinaryIO) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows in batches of one kind that fit into one call."""
    kind, batch, size = "", list[dict[str, Any]](), 0
    for text in rows:
        line = _line.decode(text)
        full = len(batch) == _ROWS_A_CALL or size + len(text) > _BYTES_A_CALL
        if batch and (full or line.kind != kind):
            yield kind, batch
            batch, size = [], 0
        assert line.row is not None
        kind = line.kind
        batch.append(line.row)
        size += len(text)
    if batch:
        yield kind, batch


async def _explained(call: Awaitable[dict[str, Any]], lines: str) -> dict[str, Any]:
    try:
        return _accepted(await call)
    except (StoreUnavailable, TransferError) as problem:
        raise TransferError(
            f"{lines}: {problem} The lines before were imported. Fix the problem and import the "
            "whole file again; nothing is counted twice."
        ) from problem


def _accepted(answer: dict[str, Any]) -> dict[str, Any]:
    if "refusal" in answer:
        raise TransferError(str(answer.get("detail") or answer["refusal"]).rstrip(".") + ".")
    return answer


def _write(target: BinaryIO, line: msgspec.Struct) -> None:
    target.write(msgspec.json.encode(line) + b"\n")


def _decoded(decoder: msgspec.json.Decoder[Any], text: bytes) -> Any:
    try:
        return decoder.decode(text)
    except (ValueError, RecursionError) as problem:  # msgspec's own errors are ValueErrors
        raise TransferError(f"it cannot be read ({problem}).") from None
