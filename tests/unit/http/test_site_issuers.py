"""Which issuers count is asked of the store, and not guessed while it is away."""

import base64
import json
from typing import Any
from uuid import UUID

import pytest

from gateway.core.errors import Refusal
from gateway.http import site_issuers
from gateway.http.site_issuers import SiteIssuers
from gateway.stores import StoreUnavailable

pytestmark = pytest.mark.anyio

KNOWN, NEW = "https://known.example", "https://new.example"


def token_of(issuer: str) -> str:
    """One that nobody has signed."""
    claims = {"iss": issuer, "aud": "a", "sub": "ada", "exp": 2**40}
    parts = [json.dumps(one).encode() for one in ({"alg": "ES256", "kid": "k"}, claims)]
    return ".".join(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (*parts, b"x"))


class Store:
    def __init__(self) -> None:
        self.away, self.asked = False, 0

    async def admin(self, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert (function, arguments) == ("visitor_issuers", {})
        self.asked += 1
        if self.away:
            raise StoreUnavailable("it is away.")
        return {"data": [{"key_id": str(UUID(int=1)), "issuer": KNOWN, "audience": "a"}]}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_issuers, "PAUSE", 0.0)


async def test_an_issuer_that_no_site_has_is_refused():
    store = Store()
    answer = await SiteIssuers(store.admin).verify(token_of(NEW))
    assert isinstance(answer, Refusal) and answer.reason == "invalid_visitor_token"


async def test_while_the_store_is_away_an_unknown_issuer_is_not_said_to_be_none():
    store = Store()
    issuers = SiteIssuers(store.admin)
    await issuers.verify(token_of(NEW))
    store.away = True
    with pytest.raises(StoreUnavailable):
        await issuers.verify(token_of(NEW))
    store.away = False
    answer = await issuers.verify(token_of(NEW))
    assert isinstance(answer, Refusal) and answer.reason == "invalid_visitor_token"


async def test_unknown_tokens_ask_the_store_no_more_often_than_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(site_issuers, "PAUSE", 60.0)
    store = Store()
    issuers = SiteIssuers(store.admin)
    for number in range(20):
        await issuers.verify(token_of(f"https://{number}.example"))
    assert store.asked == 1
