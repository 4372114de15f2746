"""Everything at once that touches visitors: nobody blocks another for good, and the books agree."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.sql.ledger import DAY, NOON, SECOND, Key, Ledger, new_hash, settlement
from tests.support.sql.visitors import ISSUER, at, user

pytestmark = pytest.mark.anyio

CALLERS, ROUNDS = 12, 40  # 1500 rounds take a minute
MOST = 3000  # tokens of a visitor's day, at any time
WAYS = {  # of telling visitors apart
    "addresses": {"by": ["address"]},
    "tokens": {"by": ["token", "address"]},
    "users": {"by": ["issuer", "token"], "issuer": ISSUER, "audience": "authenticated"},
}


class Storm:
    def __init__(self, keys: dict[str, Key]) -> None:
        self.keys = keys
        self.open: list[tuple[UUID, int, int]] = []  # what was granted and has not ended
        self.tokens: list[str] = []
        self.calm = False
        self.rounds = 0

    @property
    def now(self) -> datetime:
        """A day passes in 100 rounds."""
        return NOON + timedelta(seconds=864 * self.rounds)

    async def call(self, ledger: Ledger, dice: random.Random) -> None:
        for _ in range(ROUNDS):
            self.rounds += 1
            request, prompt = uuid4(), dice.randrange(1, 60)
            shown, claim = self.someone(dice)
            verdict = await ledger.authorize(
                shown, self.now, request=request, prompt=prompt, output=dice.randrange(1, 300),
                ttl=43_200, capped=dice.random() < 0.5, visitor=claim,
            )  # fmt: skip
            if verdict.allowed:
                self.open.append((request, prompt, verdict.granted))
            if dice.random() < 0.6:
                await self.settle(ledger, dice.randrange(1, 5), dice)

    def someone(self, dice: random.Random) -> tuple[Key | str, dict[str, Any] | None]:
        line = dice.randrange(6)
        home = at(f"2001:db8:1:{line}::/64", "2001:db8:1::/48")
        match dice.randrange(4):
            case 0:
                return self.keys["addresses"], home
            case 1:
                return self.keys["users"], {**home, **user(f"user {line}", anonymous=line > 2)}
            case 2 if self.tokens:
                return dice.choice(self.tokens), None
            case _:
                return self.keys["tokens"], at(f"192.0.2.{line}")

    async def settle(self, ledger: Ledger, count: int, dice: random.Random | None = None) -> None:
        ended, self.open = self.open[:count], self.open[count:]
        more = dice.choice([1, 1, 2]) if dice else 1
        items = [settlement(one, prompt, more * granted) for one, prompt, granted in ended]
        if items:
            await ledger.settle(*items, at=self.now)

    async def sweep(self, ledger: Ledger, dice: random.Random) -> None:
        while not self.calm:
            live = [one for one, _, _ in self.open if dice.random() < 0.7]
            await ledger.sweep(self.now, live)

    async def keep_house(self, ledger: Ledger, dice: random.Random) -> None:
        while not self.calm:
            await ledger.steady(self.now)
            await ledger.value("select gateway.keep_house_at($1, 12)", self.now)
            ahead = self.now + 40 * DAY  # as if all who are here had been away
            await ledger.value("select gateway.forget_visitors($1, $2)", ahead, NOON - DAY)

    async def own(self, ledger: Ledger, dice: random.Random) -> None:
        """The owner changes limits and ways, and sites make tokens."""
        while not self.calm:
            name, key = dice.choice(list(self.keys.items()))
            limits = {"tokens_per_day": dice.randrange(MOST // 2, MOST)}
            limits |= {"requests_per_min": dice.choice([20, 1000])}
            visitors = {**WAYS[name], **limits}
            if name == "users":
                visitors["anonymous"] = limits
            changes = json.dumps({"visitors": visitors})
            await ledger.value(
                "select gateway.update_api_key_at($1, $2, $3)", self.now, key.id, changes
            )
            if name == "tokens":
                await self.make_token(ledger, key, dice)

    async def make_token(self, ledger: Ledger, key: Key, dice: random.Random) -> None:
        sql = "select gateway.make_visitor_token($1, k, $2, $3, 86400, $4, null, null, null) from"
        sql += " gateway.api_keys as k where k.id = $5"
        token, who = new_hash(), f"visitor {dice.randrange(4)}"
        await ledger.value(sql, self.now, token, who, dice.choice([None, 3]), key.id)
        self.tokens = [*self.tokens[-20:], token]


async def test_callers_sweeps_housekeeping_and_the_owner_at_once_leave_books_that_agree(
    ledger: Ledger, open_more: Callable[[], Awaitable[Ledger]]
):
    # One that needs no lock to be made while others call.
    for days in (0, 40):
        await ledger.value("select gateway.ensure_partitions_at($1)", NOON + days * DAY)
    limits = {"tokens_per_day": MOST}
    keys = {
        name: await ledger.key(
            visitors={**by, **limits, **({"anonymous": limits} if name == "users" else {})}
        )
        for name, by in WAYS.items()
    }
    storm, dice = Storm(keys), random.Random(1)
    others = [
        asyncio.create_task(work(await open_more(), random.Random(number)))
        for number, work in enumerate(
            (storm.sweep, storm.sweep, storm.keep_house, storm.own, storm.own)
        )
    ]
    ledgers = [await open_more() for _ in range(CALLERS)]
    try:
        await asyncio.gather(*(storm.call(one, random.Random(dice.random())) for one in ledgers))
    finally:
        storm.calm = True
        await asyncio.gather(*others)
    while storm.open:
        await storm.settle(ledger, 20)
    await ledger.sweep(storm.now + 10_000 * SECOND)
    assert await ledger.value("select count(*) from gateway.holds where released_at is null") == 0
    held = "select count(*) from gateway.{} where tokens_held <> 0"
    for table in ("visitor_counters", "key_counters"):
        assert await ledger.value(held.format(table)) == 0, table
    past = "select max(charged_tokens) from gateway.visitor_daily where not is_pool"
    assert 0 < await ledger.value(past) <= MOST
    agree = """
        select count(*) from
            (select day, api_key_id, sum(charged_tokens) as t from gateway.visitor_daily
             where not is_pool group by 1, 2) as v
        full join
            (select day, api_key_id, sum(charged_tokens) as t from gateway.usage_daily
             group by 1, 2) as k using (day, api_key_id)
        where v.t is distinct from k.t"""
    assert await ledger.value(agree) == 0
    counted = """
        select count(*) from gateway.visitor_counters as c
        join gateway.visitor_daily as d
        on (d.api_key_id, d.visitor, d.day) = (c.api_key_id, c.id, c.day)
        where c.tokens_used <> d.charged_tokens"""
    assert await ledger.value(counted) == 0
