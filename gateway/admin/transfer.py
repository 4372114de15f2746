"""Keys and usage as lines of JSON, that every store can give and take; no key changes by it.

A header, a line for each row, and a footer that counts them, so that a file which was cut is seen.
All of a file is checked before any of it is imported, and what was checked is what is imported.
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
    "logs",
)  # a row needs those before it
FORMAT, VERSION = "localllm export", 1
LONGEST_LINE = 4 * 2**20
_ROWS_A_CALL, _BYTES_A_CALL = 500, 2**20

Counts = dict[str, int]
Report = Callable[[str, int], None]


class TransferError(Exception):
    """What is to be moved cannot be; the text says why and what to do."""


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
    """Write all that the store has; how many rows of each kind that was."""
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
    """Copy the rows of an export, or raise TransferError, which names the line."""
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
            f"it was cut after line {number}: export again, or fetch the whole file. "
            "Nothing was imported."
        )
    rows.seek(0)
    return checked.counts


class _Check:
    """What each line has to be, after those before it."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(KINDS, 0)
        self.complete = False
        self._begun = False
        self._kind = 0

    def is_row(self, text: bytes) -> bool:
        """Whether this line is a row, and not the header or the footer."""
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
            raise TransferError(f"{line.kind[:40]!r} is no kind of row that this version knows.")
        if KINDS.index(line.kind) < self._kind:
            raise TransferError(f"{line.kind} have to come before {KINDS[self._kind]}.")
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
            raise TransferError("this is no file of `localllm db export`.")
        if header.version != VERSION:
            raise TransferError(
                f"this is version {header.version} of the format, which this localllm does not "
                "know: use the one that wrote it, or a newer one."
            )
        self._begun = True

    def _end(self, line: _Line) -> None:
        if line != _Line(end=self.counts):
            raise TransferError("the footer counts other rows than those that came.")
        self.complete = True


async def load(store: Store, rows: BinaryIO, report: Report) -> dict[str, tuple[int, int]]:
    """Import checked rows: of each kind, how many came and how many were there already."""
    totals: dict[str, tuple[int, int]] = dict.fromkeys(KINDS, (0, 0))
    first = 2  # after the header
    for kind, batch in _batches(rows):
        lines = f"lines {first} to {first + len(batch) - 1}"
        arguments = {"p_kind": kind, "p_rows": batch}
        done = await _explained(store.admin("import_data", arguments), lines)
        came, there = totals[kind]
        totals[kind] = came + done["imported"], there + done["present"]
        report(kind, sum(totals[kind]))
        first += len(batch)
    return totals


def _batches(rows: BinaryIO) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """As many rows of one kind as one call may carry."""
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
            f"{lines}: {problem} What stands before is imported: import the whole file again "
            "when that is put right, and nothing is counted twice."
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
