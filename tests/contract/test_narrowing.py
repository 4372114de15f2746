"""What needs a scope that a key lacks is left out of its request: every store is asked who it is,
and not again for a while."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.ollama.chat import OLLAMA_CHAT
from gateway.dialects.protocol import Sanitised
from gateway.http.caller import Caller
from gateway.http.exchange import Exchange
from gateway.http.failed_keys import FailedKeyLimiter
from gateway.http.site_issuers import SiteIssuers
from gateway.http.visitors import Visitors
from gateway.proxy import authorise
from gateway.proxy.authorise import Authoriser
from gateway.proxy.outbox import Outbox
from gateway.proxy.verdict_cache import VerdictCache
from gateway.stores import Identity, StoreUnavailable
from tests.contract.conftest import Backend

pytestmark = pytest.mark.anyio
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "keep_alive": -1}


class Watched:
    """A store, and how often it was asked who a key is."""

    def __init__(self, backend: Backend) -> None:
        self.asked = 0
        self.away = False
        self._store = backend.store

    async def admin(self, function: str, arguments: object) -> dict[str, Any]:
        raise AssertionError(function)

    async def identify(self, *given: Any) -> Identity:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        return await self._store.identify(*given)


async def nothing_to_settle(batch: object) -> None:
    raise AssertionError(batch)


def asked(**fields: Any) -> Sanitised:
    found = OLLAMA_CHAT.sanitise(json.dumps({**BODY, **fields}).encode())
    assert isinstance(found, Sanitised)
    return found


def exchange() -> Exchange:
    scope = {"path": "/api/chat", "method": "POST", "headers": [], "client": ("127.0.0.1", 1)}
    return Exchange(scope, None, None)


@pytest.fixture
def watched(backend: Backend) -> Watched:
    return Watched(backend)


@pytest.fixture
def authoriser(watched: Watched, tmp_path: Path) -> Iterator[Authoriser]:
    cache = VerdictCache(watched)  # type: ignore[arg-type]
    with contextlib.closing(Outbox(tmp_path, nothing_to_settle)) as outbox:
        visitors = Visitors(cache.keys.wants_claim, SiteIssuers(watched.admin), lambda: False, ())
        yield Authoriser(cache, FailedKeyLimiter(lambda: False), outbox, visitors)


async def narrowed(authoriser: Authoriser, key_hash: str, **fields: Any) -> Sanitised:
    request = asked(**fields)
    refusal = await authoriser.narrow(exchange(), OLLAMA_CHAT, request, Caller(key_hash))
    assert refusal is None
    return request


async def test_a_key_with_the_scope_keeps_what_it_said(backend: Backend, authoriser: Authoriser):
    key = await backend.ledger.key(scopes=["chat", "ollama:native"])
    request = await narrowed(authoriser, key.hash)
    assert (request.parsed.keep_alive, request.ignored) == (-1, [])
    assert request.privilege is not None


async def test_for_one_without_it_that_is_left_out_and_it_is_asked_for_once_a_minute(
    backend: Backend,
    authoriser: Authoriser,
    watched: Watched,
    monkeypatch: pytest.MonkeyPatch,
):
    key = await backend.ledger.key(scopes=["chat"])
    for _ in range(3):
        request = await narrowed(authoriser, key.hash)
        assert (request.parsed.keep_alive, request.ignored) == (None, ["keep_alive"])
        assert request.privilege is None
    assert watched.asked == 1
    monkeypatch.setattr(authorise, "FRESH", 0.0)
    await narrowed(authoriser, key.hash)
    assert watched.asked == 2


async def test_a_request_that_needs_nothing_or_cannot_do_without_asks_for_nothing(
    authoriser: Authoriser, watched: Watched
):
    await narrowed(authoriser, "0" * 64, keep_alive=None)
    request = await narrowed(authoriser, "0" * 64, _debug_render_only=True)
    assert request.privilege is not None
    assert watched.asked == 0


async def test_a_key_that_does_not_exist_is_refused_there(authoriser: Authoriser):
    refusal = await authoriser.narrow(exchange(), OLLAMA_CHAT, asked(), Caller("0" * 64))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "invalid_api_key"


async def test_while_the_store_is_away_nobody_has_the_scope_and_that_is_not_remembered(
    backend: Backend, authoriser: Authoriser, watched: Watched
):
    key = await backend.ledger.key(scopes=["chat", "ollama:native"])
    watched.away = True
    assert (await narrowed(authoriser, key.hash)).ignored == ["keep_alive"]
    watched.away = False
    assert (await narrowed(authoriser, key.hash)).ignored == []
