"""Keys as clients send them: whatever form they come in, the one of this gateway counts."""

from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest

from gateway.core import keys
from gateway.core.errors import Refusal
from gateway.http.authentication import Authenticator, shown_keys
from gateway.http.caller import Caller
from gateway.http.exchange import Exchange
from gateway.http.failed_keys import FAILURES, FailedKeyLimiter
from gateway.http.site_issuers import SiteIssuers
from gateway.http.visitors import Visitors
from gateway.stores import Identity, StoreUnavailable

pytestmark = pytest.mark.anyio

KEY, OTHER, THIRD = (keys.make_key("llm") for _ in range(3))
BASIC = b64encode(f"x:{KEY}".encode()).decode()
ADDRESS = "198.51.100.7"


def named(case: str | dict[str, str]) -> str:
    """Of a case: its keys are random, so they are no names."""
    return case if isinstance(case, str) else " ".join(case)


def headers(**shown: str) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): value.encode() for name, value in shown.items()}


@pytest.mark.parametrize(
    "shown",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer   {KEY} "},
        {"authorization": KEY},
        {"authorization": f"Bearer Bearer {KEY}"},
        {"authorization": f"Token {KEY}"},
        {"authorization": f"Basic {BASIC}"},
        {"authorization": f"basic  {BASIC}"},
        {"authorization": f"Basic {b64encode(f'{KEY}:'.encode()).decode()}"},
        {"x_api_key": KEY},
        {"x_api_key": f" {KEY} "},
        {"x_api_key": f"Bearer {KEY}"},
        {"api_key": KEY},
        {"x_api_key": "", "authorization": f"Bearer {KEY}"},
        {"x_api_key": " ", "api_key": "", "authorization": f"Bearer {KEY}"},
        {"x_api_key": "sk-ant-stale", "authorization": f"Bearer {KEY}"},
        {"x_api_key": KEY, "authorization": "Bearer sk-ant-stale"},
        {"x_api_key": KEY, "api_key": KEY, "authorization": f"Bearer {KEY}"},
        {"x_api_key": KEY[:-1], "authorization": KEY},
    ],
    ids=named,
)
def test_a_key_is_found_in_every_form_that_clients_send_it_in(shown: dict[str, str]):
    assert shown_keys(headers(**shown)) == [KEY]


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("missing_api_key", {}),
        ("missing_api_key", {"x_api_key": "", "authorization": " "}),
        ("malformed_api_key", {"authorization": "Bearer"}),
        ("malformed_api_key", {"authorization": "Bearer sk-nonsense", "x_api_key": "ollama"}),
        ("malformed_api_key", {"authorization": "Basic ???"}),
        ("malformed_api_key", {"authorization": f"Basic {BASIC[:-3]}"}),
        ("malformed_api_key", {"authorization": "Basic /w=="}),
        ("malformed_api_key", {"authorization": f"Basic {KEY}"}),
        ("malformed_api_key", {"authorization": f"Bearer {BASIC}"}),
        ("malformed_api_key", {"x_api_key": KEY + "é"}),
        ("malformed_api_key", {"x_api_key": f"{KEY},{OTHER}"}),
    ],
    ids=named,
)
def test_what_holds_no_key_is_refused_without_a_look_up(reason: str, shown: dict[str, str]):
    refusal = shown_keys(headers(**shown))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert refusal.message.startswith("Incorrect API key provided: ")


class Door:
    """An authenticator, and the keys that it has looked up."""

    def __init__(self, **reasons: str | None) -> None:
        """By key, why it is refused, if so; any other does not exist."""
        self.reasons = reasons
        self.looked_up: list[str] = []
        self.failed_keys = FailedKeyLimiter(lambda: False)
        visitors = Visitors(lambda key_hash: False, SiteIssuers(self._no_sites), lambda: False, ())
        self.authenticator = Authenticator(self.failed_keys, self._identify, visitors)

    async def _no_sites(self, function: str, arguments: object) -> dict[str, Any]:
        return {"data": []}

    async def _identify(self, caller: Caller, scope: str | None, origin: str | None) -> Identity:
        names = {keys.hash_key(key): key for key in (KEY, OTHER, THIRD)}
        key = names[caller.key_hash]
        self.looked_up.append(key)
        if self.reasons.get(key) == "away":
            raise StoreUnavailable("it is away.")
        reason = self.reasons.get(key, "invalid_api_key")
        return Identity(reason is None, reason, UUID(int=1))

    async def ask(self, *shown: str) -> str | Refusal:
        """The key that counts, of one or several."""
        names = ("x_api_key", "api_key", "authorization")
        sent = headers(**dict(zip(names, shown, strict=False)))
        scope = {
            "client": (ADDRESS, 1),
            "path": "/",
            "method": "GET",
            "headers": list(sent.items()),
        }
        found = await self.authenticator.caller(Exchange(scope, None, None))
        if isinstance(found, Refusal):
            return found
        return {keys.hash_key(key): key for key in (KEY, OTHER, THIRD)}[found.key_hash]


async def test_one_key_alone_is_not_looked_up_here():
    door = Door()
    assert await door.ask(KEY) == KEY
    assert door.looked_up == []


@pytest.mark.parametrize("reason", [None, "origin_not_allowed"])
async def test_of_several_keys_the_first_that_exists_counts_and_is_known_from_then_on(
    reason: str | None,
):
    door = Door(**{KEY: reason, THIRD: None})
    for _ in range(3):
        assert await door.ask(OTHER, KEY, THIRD) == KEY
    assert door.looked_up == [OTHER, KEY, KEY, KEY]


@pytest.mark.parametrize("reason", ["key_revoked", "key_expired"])
async def test_a_key_that_has_ended_does_not_stand_before_a_good_one(reason: str):
    door = Door(**{KEY: None, OTHER: reason})
    exchange = Exchange({"client": None, "path": "/", "method": "GET", "headers": []}, None, None)
    door.failed_keys.note(exchange, keys.hash_key(OTHER), None)  # it has worked once,
    door.failed_keys.note(exchange, keys.hash_key(OTHER), reason)  # and then its end was seen
    assert await door.ask(OTHER, KEY) == KEY
    refusal = await door.ask(OTHER, THIRD)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@pytest.mark.parametrize("others", [{}, {THIRD: "key_revoked"}], ids=["none exists", "one is over"])
async def test_several_keys_are_one_failure_and_no_way_around_the_limit(others: dict[str, str]):
    door = Door(**others)
    for _ in range(FAILURES):
        refusal = await door.ask(KEY, OTHER, THIRD)
        assert isinstance(refusal, Refusal)
        assert refusal.kind.status == 401
    assert len(door.looked_up) == 3 * FAILURES
    refusal = await door.ask(KEY, OTHER, THIRD)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "too_many_failures"
    assert len(door.looked_up) == 3 * FAILURES


async def test_a_known_key_is_no_cover_for_guesses():
    door = Door(**{KEY: None})
    assert await door.ask(OTHER, KEY) == KEY
    door.looked_up.clear()
    for _ in range(FAILURES):
        assert await door.ask(OTHER, THIRD, KEY) == KEY
    assert door.looked_up == [KEY] * FAILURES


async def test_a_key_that_worked_until_it_was_revoked_hides_no_good_one():
    door = Door(**{OTHER: None, KEY: None})
    assert await door.ask(OTHER, KEY) == OTHER
    door.reasons[OTHER] = "key_revoked"
    assert await door.ask(OTHER, KEY) == KEY


async def test_a_known_key_goes_on_while_the_store_is_away():
    door = Door(**{KEY: None})
    assert await door.ask(OTHER, KEY) == KEY
    door.reasons[KEY] = "away"
    assert await door.ask(OTHER, KEY) == KEY


async def test_while_the_store_is_away_several_keys_are_told_to_come_back():
    refusal = await Door(**{OTHER: "away"}).ask(KEY, OTHER)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "store_unavailable"


FOREIGN = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2Vsc2UuZXhhbXBsZSJ9.AAAA"


async def test_a_log_in_s_token_beside_a_key_is_no_guess_and_alone_it_is():
    door = Door()
    for _ in range(FAILURES + 1):
        assert await door.ask(KEY, "", f"Bearer {FOREIGN}") == KEY
    assert await door.ask(OTHER) == OTHER
    for _ in range(FAILURES):
        refusal = await door.ask("", "", f"Bearer {FOREIGN}")
        assert isinstance(refusal, Refusal) and refusal.reason == "invalid_visitor_token"
    refusal = await door.ask("", "", f"Bearer {FOREIGN}")
    assert isinstance(refusal, Refusal) and refusal.reason == "too_many_failures"
