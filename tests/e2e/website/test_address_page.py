"""examples/web-address: the key is public, and each visitor has a day of their own."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.website.conftest import site_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import QUESTION, bearer
from tests.support.chat_page import ChatPage
from tests.support.fake_upstream import MODEL, PROMPT_TOKENS, WORDS, FakeUpstream
from tests.support.tunnel.up import Up
from tests.support.website.site import copy, new_origin, static

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
TEXT = "".join(WORDS)
ONE_ANSWER = PROMPT_TOKENS + len(WORDS)


def ask_from(house: Up, address: str, key: str, **more: str) -> httpx.Response:
    """A program somewhere in the world, without a browser."""
    headers = {**bearer(key), "X-Stand-In-Client": address, **more}
    with httpx.Client(trust_env=False, timeout=60) as client:
        url = f"{house.edge}/v1/chat/completions"
        return client.post(url, json={**QUESTION, "max_tokens": 8}, headers=headers)


async def test_a_visitor_asks_until_their_day_is_used_up_and_others_still_can(
    house: Up, upstream: FakeUpstream, chromium: Browser, tmp_path: Path
) -> None:
    origin = new_origin()
    made = await site_key(house, origin, "address", tokens_per_day=200)
    folder = copy("web-address", tmp_path, GATEWAY=house.edge, KEY=made["key"], MODEL=MODEL)
    with static(folder, origin):
        page = ChatPage(chromium, await chromium.open(origin))
        assert chromium.complaints() == []
        await page.ask()
        await page.shows(TEXT)
        [chat] = upstream.chats
        assert chat.json["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]
        await page.ask(question="x" * 300)
        told = await page.shows("", "what is left of this visitor's day")
        assert f"{200 - ONE_ANSWER} of 200 are left until" in told
        assert "UTC" not in told  # but in the visitor's own time
        assert len(upstream.chats) == 1
    other = await asyncio.to_thread(ask_from, house, "198.51.100.7", made["key"])
    assert other.status_code == 200


async def test_a_key_copied_from_the_page_is_worth_one_visitor_s_day(
    house: Up, upstream: FakeUpstream
) -> None:
    made = await site_key(house, "https://shop.example", "address", tokens_per_day=200)
    answers = [
        await asyncio.to_thread(ask_from, house, "203.0.113.9", made["key"]) for _ in range(12)
    ]
    refused: list[Any] = [one.json()["error"] for one in answers if one.status_code == 429]
    assert {error["code"] for error in refused} == {"visitor_quota"}
    assert len(upstream.chats) == 12 - len(refused)
    assert len(upstream.chats) * ONE_ANSWER <= 200


async def test_a_page_of_another_website_cannot_use_the_key(
    house: Up, upstream: FakeUpstream, chromium: Browser, tmp_path: Path
) -> None:
    made = await site_key(house, "https://shop.example", "address")
    folder = copy("web-address", tmp_path, GATEWAY=house.edge, KEY=made["key"], MODEL=MODEL)
    with static(folder, new_origin()) as elsewhere:
        page = ChatPage(chromium, await chromium.open(elsewhere))
        await page.ask()
        await page.shows("", "the key is not for this website")
    assert upstream.chats == []
