"""How long a model may be silent: an answer in one piece is, until its end."""

import asyncio

from tests.support.callers import make_key, served
from tests.support.fake_upstream import Exchange, FakeUpstream, answer
from tests.support.watching_client import Client, Seen


def test_an_answer_in_one_piece_may_be_silent_for_longer_than_a_stream(
    shared_upstream: FakeUpstream, shared_dsn: str
) -> None:
    gate = shared_upstream.gate()

    async def silent(exchange: Exchange) -> None:
        await gate.passed()
        await answer(exchange)

    async def watch(url: str, key: str) -> tuple[Seen, Seen]:
        whole = await Client.ask(url, key, "whole", stream=False)
        await asyncio.to_thread(shared_upstream.wait_for_chats, 1)
        stream = await (await Client.ask(url, key, "stream")).answer()  # from later, to its end
        gate.open()
        return await whole.answer(), stream

    shared_upstream.behave = silent
    with served(shared_upstream.url, shared_dsn, OLLAMA_TIMEOUT=3) as gateway:
        whole, stream = asyncio.run(watch(gateway.url, make_key(gateway.url)))
    assert stream.status == 504
    assert whole.complete
