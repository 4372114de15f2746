"""What users of a website's log-in may ask, with a plan, and without an account."""

from typing import Any

import pytest

from tests.support.sql.ledger import NOON, Ledger, settlement
from tests.support.sql.visitors import at, by_issuer, report, user

pytestmark = pytest.mark.anyio


async def test_a_user_of_the_issuer_needs_no_key(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer(tokens_per_day=100))
    claim = user("ada", key_id=str(key.id))
    assert (await ledger.authorize("", visitor=claim, prompt=10, output=80)).granted == 80
    refused = await ledger.authorize(key, visitor=claim, prompt=10, output=80)
    assert refused.reason == "visitor_tokens_held"
    assert (await ledger.authorize("", visitor=user("bob", key_id=str(key.id)))).allowed
    told = await report(ledger, "", claim)
    assert told["day"]["tokens_held"] == 90 and told["limits"]["tokens_per_day"] == 100
    await ledger.admin("revoke_api_key", NOON, key.id)
    assert (await ledger.authorize("", visitor=claim)).reason == "key_revoked"


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://else.example"},
        {"audience": "anon"},
        {"audience": None},
        {"issuer": None},
    ],
)
async def test_a_user_of_another_issuer_is_nobody(ledger: Ledger, wrong: dict[str, Any]):
    key = await ledger.key(visitors=by_issuer())
    claim = user("ada", key_id=str(key.id)) | wrong
    for shown in ("", key):
        assert (await ledger.authorize(shown, visitor=claim)).reason == "invalid_visitor_token"


async def test_a_key_that_takes_no_users_any_more_takes_none(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer())
    claim = user("ada", key_id=str(key.id))
    assert (await ledger.authorize("", visitor=claim)).allowed
    await ledger.admin("update_api_key", NOON, key.id, '{"visitors": null}')
    assert (await ledger.authorize("", visitor=claim)).reason == "invalid_visitor_token"
    assert (await ledger.authorize("", visitor={"key_id": str(key.id)})).reason == "invalid_api_key"


async def test_anonymous_users_of_one_address_share_the_lower_tier(ledger: Ledger):
    key = await ledger.key(
        visitors=by_issuer(tokens_per_day=1000, anonymous={"tokens_per_day": 100})
    )

    def nobody(number: int, address: str) -> dict[str, Any]:
        return user(f"anonymous-{number}", anonymous=True, **at(address))

    request = await ledger.hold(key, prompt=10, output=90, visitor=nobody(1, "192.0.2.1"))
    await ledger.settle(settlement(request, 10, 90))
    again = await ledger.authorize(key, visitor=nobody(2, "192.0.2.1"))
    assert again.reason == "visitor_quota"
    assert (await ledger.authorize(key, visitor=nobody(3, "192.0.2.2"))).allowed
    assert (await ledger.authorize(key, prompt=10, output=800, visitor=user("ada"))).granted == 800


async def test_anonymous_users_of_one_network_share_what_16_of_them_may(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer(anonymous={"requests_per_min": 1}))
    answers = [
        await ledger.authorize(
            key,
            visitor=user(
                f"anonymous-{n}", anonymous=True, **at(f"2001:db8:1:{n:x}::/64", "2001:db8:1::/48")
            ),
        )
        for n in range(20)
    ]
    assert sum(one.allowed for one in answers) == 16


async def test_anonymous_users_are_refused_where_there_is_no_tier_for_them(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer())
    claim = user("x", anonymous=True, **at("192.0.2.1"))
    assert (await ledger.authorize(key, visitor=claim)).reason == "visitor_anonymous"


async def test_anonymous_users_without_limits_of_their_own_are_let_in(ledger: Ledger):
    key = await ledger.key(visitors=by_issuer(tokens_per_day=1, anonymous={}))
    claim = user("x", anonymous=True, **at("192.0.2.1"))
    assert (await ledger.authorize(key, visitor=claim)).allowed


async def test_a_plan_has_limits_of_its_own_and_an_unknown_one_the_site_s(ledger: Ledger):
    plans = {"pro": {"tokens_per_day": 5000}}
    key = await ledger.key(visitors=by_issuer(tokens_per_day=100, requests_per_min=3, plans=plans))
    seen: list[tuple[int | None, int | None]] = []
    for plan in ("pro", "gold", None):
        verdict = await ledger.authorize(key, visitor=user(f"of {plan}", plan=plan))
        assert verdict.visitor
        seen.append((verdict.visitor.token_limit, verdict.visitor.rate_limit))
    assert seen == [(5000, 3), (100, 3), (100, 3)]
