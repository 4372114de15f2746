"""A body that takes long to read is read in a thread, and a small one at once."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.core import keys
from gateway.proxy import pipeline
from gateway.proxy.off_loop import LARGE, MANY, takes_long
from gateway.proxy.sanitise import sanitise
from tests.support.bare_gateway import bare_gateway, served

MESSAGE = {"role": "user", "content": "hi"}


def asked(*messages: Any) -> bytes:
    return json.dumps({"model": "m", "messages": messages}).encode()


@pytest.mark.parametrize(
    ("body", "long"),
    [
        (asked(MESSAGE), False),
        (asked({**MESSAGE, "content": "a word " * 30_000}), False),
        (asked(*[{**MESSAGE, "content": "a word " * 300}] * 60), False),
        (asked(*[MESSAGE] * MANY), True),
        (b'{"input":[%s1]}' % (b"1," * 20_000), True),
        (b'{"input":%s' % (b"[" * 20_000), True),
        (b" " * (LARGE + 1), True),
    ],
    ids=["small", "a long text", "long texts", "messages", "numbers", "depth", "large"],
)
def test_time_goes_to_values(body: bytes, long: bool) -> None:
    assert takes_long(body) is long


@pytest.mark.anyio
async def test_others_do_not_wait_for_a_body_of_many_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[str] = []

    def noted(*arguments: Any) -> Any:
        readers.append(threading.current_thread().name)
        return sanitise(*arguments)

    monkeypatch.setattr(pipeline, "sanitise", noted)
    key = keys.make_key("llm")
    with bare_gateway(tmp_path) as services:
        async with (
            served(services) as url,
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
        ):
            for count in (1, MANY // 2):  # of less than 64 KB, so no store is asked before
                body = asked(*[MESSAGE] * count)
                headers = {"Authorization": f"Bearer {key}"}
                answer = await client.post(
                    f"{url}/v1/chat/completions", content=body, headers=headers
                )
                assert answer.status_code == 503
    assert [name.rpartition("_")[0] for name in readers] == ["", "large-bodies"]
