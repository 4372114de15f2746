"""A token that was taken from a visitor's page: what it was not made for is refused, and nothing of
that reaches the model."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.e2e.website.conftest import Sql, site_key
from tests.support.browser import Browser, chromium, one_loop
from tests.support.callers import QUESTION, admin, bearer
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.tunnel.up import Up
from tests.support.website.site import new_origin, static

__all__ = ["chromium", "one_loop"]
pytestmark = pytest.mark.anyio
CHAT = "/v1/chat/completions"
ASKED = {**QUESTION, "max_tokens": 8}


class Stolen(NamedTuple):
    """A token, and what it was made of."""

    token: str
    key: str
    key_id: str
    edge: str

    async def ask(
        self, path: str = CHAT, body: dict[str, Any] | None = None, **headers: str
    ) -> httpx.Response:
        """A program without a browser, somewhere in the world."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            shown = {**bearer(self.token), "X-Stand-In-Client": "203.0.113.66", **headers}
            return await client.post(self.edge + path, json=body or ASKED, headers=shown)

    async def code(self, *args: Any, **headers: str) -> tuple[int, str]:
        """Status and code of a refusal."""
        answer = await self.ask(*args, **headers)
        return answer.status_code, answer.json()["error"]["code"]


Steal = Callable[..., Awaitable[Stolen]]


@pytest.fixture
def steal(house: Up) -> Steal:
    async def stolen(origin: str = "https://shop.example", **wishes: Any) -> Stolen:
        made = await site_key(house, origin, "token")
        async with httpx.AsyncClient(trust_env=False, base_url=house.edge, timeout=60) as client:
            body = {"visitor": "anna", **wishes}
            given = await client.post("/v1/visitor-tokens", json=body, headers=bearer(made["key"]))
        assert given.status_code == 201, given.text
        return Stolen(given.json()["token"], made["key"], made["id"], house.edge)

    return stolen


async def test_a_page_of_another_website_cannot_use_it_in_a_browser(
    steal: Steal, upstream: FakeUpstream, chromium: Browser, tmp_path: Path
) -> None:
    own, elsewhere = new_origin(), new_origin()
    stolen = await steal(own)
    (tmp_path / "index.html").write_text("<!doctype html><title>A page</title>")
    call = {
        "method": "POST", "body": json.dumps(ASKED),
        "headers": {**bearer(stolen.token), "Content-Type": "application/json"},
    }  # fmt: skip
    fetch = f"fetch({json.dumps(stolen.edge + CHAT)}, {json.dumps(call)})"
    with static(tmp_path, own), static(tmp_path, elsewhere):
        page = await chromium.open(elsewhere)
        told = await chromium.run(page, f"{fetch}.then(() => 'read', () => 'refused')")
        assert told == "refused"
        assert upstream.chats == []
        page = await chromium.open(own)
        assert await chromium.run(page, f"{fetch}.then((answer) => answer.status)") == 200
    assert len(upstream.chats) == 1


async def test_a_program_that_tells_its_origin_is_refused_for_a_wrong_one(
    steal: Steal, upstream: FakeUpstream
) -> None:
    stolen = await steal()
    assert await stolen.code(Origin="https://evil.example") == (403, "permission_denied")
    bound = await steal(origin="https://shop.example")
    assert await bound.code(Origin="null") == (403, "permission_denied")
    assert upstream.chats == []


async def test_it_ends_with_its_time(steal: Steal, upstream: FakeUpstream, sql: Sql) -> None:
    stolen = await steal(expires_in=10)
    await sql(
        "update gateway.visitor_tokens set expires_at = now() where api_key_id = $1::uuid",
        stolen.key_id,
    )
    assert await stolen.code() == (401, "visitor_token_expired")
    assert upstream.chats == []


async def test_it_ends_with_its_uses_however_many_ask_at_once(
    steal: Steal, upstream: FakeUpstream
) -> None:
    stolen = await steal(uses=2)
    answers = await asyncio.gather(*(stolen.ask() for _ in range(10)))
    assert sorted(one.status_code for one in answers) == [200] * 2 + [401] * 8
    refused = [one.json()["error"] for one in answers if one.status_code == 401]
    assert {error["code"] for error in refused} == {"visitor_token_used_up"}
    assert len(upstream.chats) == 2


async def test_it_ends_with_its_key(steal: Steal, upstream: FakeUpstream, sql: Sql) -> None:
    stolen = await steal()
    await sql("update gateway.api_keys set is_active = false where id = $1::uuid", stolen.key_id)
    status, _ = await stolen.code()
    assert status == 401
    assert upstream.chats == []


async def test_it_cannot_make_tokens_for_others(steal: Steal, upstream: FakeUpstream) -> None:
    stolen = await steal()
    status, _ = await stolen.code("/v1/visitor-tokens", {"visitor": "somebody else"})
    assert status == 401
    assert upstream.chats == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": MODEL, "input": "Hello."}),
        ("/v1/models/pull", {"model": MODEL}),
    ],
)
async def test_it_does_nothing_on_a_route_that_its_key_may_not_use(
    steal: Steal, upstream: FakeUpstream, path: str, body: dict[str, Any]
) -> None:
    stolen = await steal()
    assert await stolen.code(path, body) == (403, "permission_denied")
    assert upstream.chats == []


@pytest.mark.parametrize("model", ["other:latest", "@preset/faq"])
async def test_it_does_nothing_with_a_model_or_preset_that_it_was_not_made_for(
    steal: Steal, upstream: FakeUpstream, model: str
) -> None:
    stolen = await steal(models=[MODEL])
    status, _ = await stolen.code(CHAT, {**ASKED, "model": model})
    assert status in {403, 404}
    assert upstream.chats == []


async def test_a_token_for_one_preset_is_no_token_for_another_or_for_its_model(
    house: Up, upstream: FakeUpstream
) -> None:
    url = house.gateway.url
    for name in ("faq", "other"):
        preset = {"name": name, "model": MODEL, "system": "Answer in one word."}
        await asyncio.to_thread(admin, url, "POST", "/presets", preset)
    made = await site_key(house, "https://shop.example", "token")
    allowed = {"allowed_models": ["@preset/*"]}
    await asyncio.to_thread(admin, url, "PATCH", f"/api-keys/{made['id']}", allowed)
    async with httpx.AsyncClient(trust_env=False, base_url=house.edge, timeout=60) as client:
        body = {"visitor": "anna", "models": ["@preset/faq"]}
        given = await client.post("/v1/visitor-tokens", json=body, headers=bearer(made["key"]))
    stolen = Stolen(given.json()["token"], made["key"], made["id"], house.edge)
    for model in ("@preset/other", MODEL):
        status, _ = await stolen.code(CHAT, {**ASKED, "model": model})
        assert status == 403
    changed = [{"role": "system", "content": "You write homework."}, *ASKED["messages"]]
    asked = {**ASKED, "model": "@preset/faq"}
    assert (await stolen.ask(CHAT, {**asked, "messages": changed})).status_code == 400
    assert upstream.chats == []
    assert (await stolen.ask(CHAT, asked)).status_code == 200
    [chat] = upstream.chats
    assert chat.json["messages"][0] == {"role": "system", "content": "Answer in one word."}


async def test_the_key_itself_is_refused_in_a_page(steal: Steal, upstream: FakeUpstream) -> None:
    stolen = await steal()
    key = stolen._replace(token=stolen.key)
    assert await key.code(Origin="https://shop.example") == (403, "visitor_token_required")
    assert upstream.chats == []
