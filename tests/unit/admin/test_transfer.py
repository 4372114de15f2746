"""Exports are read with mistrust, and moved in calls of a bounded size."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.admin import transfer
from gateway.admin.transfer import FORMAT, KINDS, VERSION, TransferError, check, load
from gateway.stores import StoreUnavailable

HEADER = {"format": FORMAT, "version": VERSION, "exported_at": "2030-01-01T00:00:00Z"}


def row(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "row": fields}


def end(**counts: int) -> dict[str, Any]:
    return {"end": dict.fromkeys(KINDS, 0) | counts}


def lines(*items: Any) -> bytes:
    """Items as an export writes them; bytes stand for themselves."""
    return b"".join(
        item if isinstance(item, bytes) else json.dumps(item).encode() + b"\n" for item in items
    )


WHOLE = lines(HEADER, row("keys", a=1), row("logs", b=2), row("logs", b=3), end(keys=1, logs=2))


def checked(text: bytes) -> tuple[dict[str, int], bytes]:
    """The counts, and the rows that may be imported."""
    rows = io.BytesIO()
    counts = check(io.BytesIO(text), rows)
    return counts, rows.read()


def refused(text: bytes) -> str:
    with pytest.raises(TransferError) as refusal:
        checked(text)
    assert "Nothing was imported." in str(refusal.value)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_a_whole_file_gives_its_rows() -> None:
    counts, rows = checked(WHOLE)
    assert counts == dict.fromkeys(KINDS, 0) | {"keys": 1, "logs": 2}
    assert rows == lines(row("keys", a=1), row("logs", b=2), row("logs", b=3))


def test_a_file_cut_anywhere_is_refused() -> None:
    assert checked(WHOLE[:-1])[0]["logs"] == 2  # all that matters is there
    for length in range(len(WHOLE) - 1):
        refused(WHOLE[:length])


def test_a_file_that_lost_a_line_is_refused() -> None:
    whole = WHOLE.splitlines(keepends=True)
    for number in range(len(whole)):
        refused(b"".join(whole[:number] + whole[number + 1 :]))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (b"", 0, "cut"),
        (lines(HEADER), 1, "cut"),
        (b"\n", 1, "not a file from `localllm db export`"),
        (b"PK\x03\x04\x00\xff", 1, "not a file from `localllm db export`"),
        (lines({"format": "pg_dump", "version": 1}), 1, "not a file from `localllm db export`"),
        (lines(HEADER | {"version": 2}), 1, "version 2"),
        (lines(HEADER, b"{nonsense\n"), 2, "cannot be read"),
        (lines(HEADER, b"\xff\xfe\n"), 2, "cannot be read"),
        (lines(HEADER, b'{"kind":"keys","row":' + b"[" * 100_000 + b"\n"), 2, "cannot be read"),
        (lines(HEADER, []), 2, "cannot be read"),
        (lines(HEADER, {"kind": "keys", "row": []}), 2, "cannot be read"),
        (lines(HEADER, {"kind": "keys", "row": {}, "x": 1}), 2, "cannot be read"),
        (lines(HEADER, b'{"kind":"keys","row":{"a":"\\ud800"}}\n'), 2, "cannot be read"),
        (lines(HEADER, b'{"kind":"keys","row":{"a":NaN}}\n'), 2, "cannot be read"),
        (lines(HEADER, {"kind": "keys"}), 2, "not a kind"),
        (lines(HEADER, row("passwords")), 2, "'passwords' is not a kind"),
        (lines(HEADER, row("logs"), row("keys")), 3, "keys must come before logs"),
        (lines(HEADER, b'{"kind":"keys","row":{"a":"\\u0000"}}\n'), 2, "damaged"),
        (lines(HEADER, HEADER), 2, "cannot be read"),
        (lines(HEADER, row("keys"), end()), 3, "footer"),
        (lines(HEADER, {"end": {"keys": 0}}), 2, "footer"),
        (lines(HEADER, end() | row("keys")), 2, "footer"),
        (lines(WHOLE, row("logs")), 6, "nothing may follow"),
        (lines(WHOLE, b"\n"), 6, "nothing may follow"),
        (lines(WHOLE, WHOLE), 6, "nothing may follow"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: bytes, line: int, said: str) -> None:
    message = refused(text)
    assert f"line {line}" in message
    assert said in message


def test_a_gigantic_line_is_refused_without_being_read() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.taken += len(buffer)
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(TransferError, match="longer than"):
        check(io.BufferedReader(endless), io.BytesIO())
    assert endless.taken < 2 * transfer.LONGEST_LINE


class FakeStore:
    """Answers calls of administration from a list, and remembers them."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[Mapping[str, Any]] = []

    async def admin(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append({"function": function, **arguments})
        answer = self.answers.pop(0) if self.answers else {"imported": 1, "present": 0}
        if isinstance(answer, Exception):
            raise answer
        return answer


def quiet(*_: Any) -> None: ...


def spooled(*items: Any) -> io.BytesIO:
    return io.BytesIO(lines(*items))


@pytest.mark.anyio
async def test_every_page_of_every_kind_is_exported_in_order() -> None:
    pages: list[Any] = [{"rows": [], "next": None} for _ in KINDS]
    pages[:1] = [{"rows": [{"n": 1}, {"n": 2}], "next": "2"}, {"rows": [{"n": 3}], "next": None}]
    store, target = FakeStore(*pages), io.BytesIO()
    counts = await transfer.export(store, target, quiet)  # type: ignore[arg-type]
    assert [(call["p_kind"], call["p_cursor"]) for call in store.calls] == [
        ("keys", None),
        ("keys", "2"),
        *((kind, None) for kind in KINDS[1:]),
    ]
    again, rows = checked(target.getvalue())
    assert counts == again == dict.fromkeys(KINDS, 0) | {"keys": 3}
    assert rows == b"".join(b'{"kind":"keys","row":{"n":%d}}\n' % n for n in (1, 2, 3))


@pytest.mark.anyio
async def test_a_call_carries_one_kind_and_not_too_much() -> None:
    store = FakeStore()
    many = [row("keys", n=n) for n in range(1001)]
    large = [row("logs", model="m" * 400_000) for _ in range(5)]
    await load(store, spooled(*many, row("daily"), *large), quiet)  # type: ignore[arg-type]
    sent = [(call["p_kind"], len(call["p_rows"])) for call in store.calls]
    assert sent == [
        *(("keys", size) for size in (500, 500, 1)),
        ("daily", 1),
        *(("logs", size) for size in (2, 2, 1)),
    ]
    assert [call["p_rows"][0] for call in store.calls][:3] == [{"n": n} for n in (0, 500, 1000)]


@pytest.mark.anyio
async def test_what_came_and_what_was_there_is_added_up() -> None:
    store = FakeStore(
        {"imported": 3, "present": 497},
        {"imported": 1, "present": 0},
        {"imported": 0, "present": 1},
    )
    rows = spooled(*[row("keys")] * 501, row("logs"))
    loaded = await load(store, rows, quiet)  # type: ignore[arg-type]
    nothing = dict.fromkeys(KINDS, 0)
    assert loaded.imported == nothing | {"keys": 4}
    assert loaded.present == nothing | {"keys": 497, "logs": 1}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"refusal": "invalid", "detail": "the hash must be 64 hex digits"}, "64 hex digits. "),
        (StoreUnavailable("the database is away."), "the database is away. "),
    ],
)
async def test_a_failure_on_the_way_names_the_lines_and_that_it_can_be_run_again(
    failure: Any, said: str
) -> None:
    store = FakeStore({"imported": 500, "present": 0}, failure)
    with pytest.raises(TransferError) as problem:
        await load(store, spooled(*[row("keys")] * 503), quiet)  # type: ignore[arg-type]
    assert str(problem.value).startswith("lines 502 to 504: ")
    assert said in str(problem.value)
    assert "nothing is counted twice" in str(problem.value)
