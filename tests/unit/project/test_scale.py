"""`python -m bench.scale --write` finds its places in docs/scale.md; its model spends as told."""

import asyncio
import json

import pytest

from bench.caller import Caller
from bench.scale import load, report
from bench.scale.stream_cost import StreamCost
from bench.upstream import Connection


def test_the_page_has_a_place_for_each_part_and_the_rest_stays():
    page = report.PAGE.read_text("utf-8")
    parts = {name: f"new {name}" for name in report.PARTS}
    changed = report.replaced(page, parts)
    assert all(f"<!-- scale {name} -->\nnew {name}\n<!-- /scale -->" in changed for name in parts)
    assert changed.count("<!--") == page.count("<!--") == 2 * len(parts)
    assert report.replaced(changed, parts) == changed


def test_cores_are_those_of_the_tokens_and_of_the_answers():
    cost = StreamCost(token=50e-6, gateway=1e-3, postgres=0.5e-3)
    assert cost.cores(1000, 100) == pytest.approx(1000 * 50e-6 + 10 * 1.5e-3)


@pytest.mark.parametrize("most", [256, 7])
def test_the_model_of_the_limits_takes_all_that_it_is_allowed(most: int):
    async def ask() -> int:
        server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
        async with server:
            caller = await Caller.connect(server.sockets[0].getsockname()[1])
            sent = load.request("key", "spends-1024").replace(b": 256", b": %-3d" % most)
            reply = await caller.exchange(sent, 10)
            caller.close()
        return json.loads(reply.body)["usage"]["completion_tokens"]

    assert asyncio.run(ask()) == most
