"""The head of an answer and the first bytes of its body leave together."""

import asyncio

import pytest

from gateway.http.head_with_body import HeadWithBody

pytestmark = pytest.mark.anyio


class Wire:
    """Stands for a transport: notes each call that would write to the socket."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.calls: list[str] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.calls.append("write")
        self.written.append(data)

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.calls.append("writelines")
        self.written.append(b"".join(parts))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def answer(wire: Wire) -> HeadWithBody:
    return HeadWithBody(wire, asyncio.get_running_loop(), wire.close)


async def test_head_and_body_are_one_write(wire: Wire, answer: HeadWithBody):
    answer.write(b"head")
    answer.write(b"body")
    await asyncio.sleep(0)
    assert wire.written == [b"headbody"]


async def test_what_follows_is_written_as_it_comes(wire: Wire, answer: HeadWithBody):
    for part in (b"head", b"one", b"two"):
        answer.write(part)
    assert wire.written == [b"headone", b"two"]


async def test_a_head_without_a_body_leaves_at_the_end_of_the_turn(
    wire: Wire, answer: HeadWithBody
):
    answer.write(b"head")
    await asyncio.sleep(0)
    assert wire.written == [b"head"]
    answer.write(b"later")
    assert wire.written == [b"head", b"later"]


async def test_a_head_for_a_client_that_has_left_is_not_written(wire: Wire, answer: HeadWithBody):
    answer.write(b"head")
    wire.closed = True
    await asyncio.sleep(0)
    assert wire.written == []


async def test_closing_loses_no_head(wire: Wire, answer: HeadWithBody):
    answer.write(b"head")
    answer.close()
    assert (wire.written, wire.closed) == ([b"head"], True)


async def test_an_empty_part_is_not_kept_as_one_that_is_still_to_be_written(
    wire: Wire, answer: HeadWithBody
):
    """asyncio's own transport would try to write it for ever, from Python 3.12 on."""
    answer.write(b"head")
    answer.write(b"")
    assert wire.calls == ["write"]
    assert wire.written == [b"head"]
