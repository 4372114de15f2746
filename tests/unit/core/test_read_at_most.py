"""A body of unknown length takes bounded memory."""

from collections.abc import AsyncIterator

import pytest

from gateway.core.read_at_most import read_at_most

pytestmark = pytest.mark.anyio


async def parts(*given: bytes | Exception) -> AsyncIterator[bytes]:
    for part in given:
        if isinstance(part, Exception):
            raise part
        yield part


@pytest.mark.parametrize(
    ("given", "kept", "whole"),
    [
        ([], b"", True),
        ([b"abc"], b"abc", True),
        ([b"ab", b"cd"], b"abcd", True),
        ([b"ab", b"cde"], b"abcd", False),
        ([b"abcd", b"e"], b"abcd", False),
        ([b"abcdefgh"], b"abcd", False),
    ],
)
async def test_what_is_beyond_the_limit_is_left_and_told(
    given: list[bytes], kept: bytes, whole: bool
):
    body = bytearray()
    assert await read_at_most(4, parts(*given), body) is whole
    assert bytes(body) == kept


async def test_nothing_is_asked_for_once_it_is_too_much():
    body = bytearray()
    assert not await read_at_most(4, parts(b"abcde", ZeroDivisionError()), body)


async def test_what_came_before_it_broke_is_there():
    body = bytearray()
    with pytest.raises(ZeroDivisionError):
        await read_at_most(4, parts(b"ab", ZeroDivisionError()), body)
    assert bytes(body) == b"ab"
