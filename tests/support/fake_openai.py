"""How the fake model server answers on OpenAI's routes beside chat: as the reference shows."""

import json

from gateway.dialects import all_dialects
from tests.support.fake_exchange import Exchange

EXAMPLES = {dialect.upstream: dialect.reference for dialect in all_dialects()}


async def answer_as_shown(exchange: Exchange) -> None:
    """The example of the route, from the model that was asked for."""
    example, model = EXAMPLES[exchange.target], exchange.json["model"]
    shown = json.dumps(example.answer_example["model"])
    if not exchange.json.get("stream"):
        await exchange.whole({**example.answer_example, "model": model})
        return
    await exchange.head()
    await exchange.send(example.stream_example.replace(shown, json.dumps(model)).encode())
    await exchange.end()
