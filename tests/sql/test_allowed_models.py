"""Which models a key may use: names and patterns, as the vectors and the gateway read them."""

import json

import pytest

from gateway.core.model_names import is_allowed
from tests.support.paths import VECTORS
from tests.support.sql.ledger import Ledger

pytestmark = pytest.mark.anyio

VECTORS = json.loads((VECTORS / "allowed_models.json").read_text("utf-8"))
ALLOWED = "select gateway.model_allowed($1, $2)"


async def test_an_entry_allows_the_models_of_the_vectors_and_no_other(ledger: Ledger):
    for vector in VECTORS["matched"]:
        for entries in ([vector["entry"]], ["another:1", vector["entry"]]):
            assert await ledger.value(ALLOWED, vector["name"], entries) is vector["matches"], vector


async def test_the_gateway_and_the_database_agree_on_every_pair_of_the_vectors(ledger: Ledger):
    entries = {one["entry"] for one in VECTORS["matched"]}
    names = {one["name"] for one in VECTORS["matched"]} | entries
    for entry in sorted(entries):
        allowed = (
            "select array_agg(n) from unnest($1::text[]) as n where gateway.model_allowed(n, $2)"
        )
        found = await ledger.value(allowed, sorted(names), [entry])
        assert found == [name for name in sorted(names) if is_allowed(name, [entry])] or None, entry


async def test_no_list_says_nothing_and_an_empty_one_allows_no_model(ledger: Ledger):
    assert await ledger.value(ALLOWED, "m", None) is None
    assert await ledger.value(ALLOWED, "m", []) is False
    key = await ledger.key(models=[])
    assert (await ledger.authorize(key, model="m")).reason == "model_not_allowed"
    assert (await ledger.identify(key)).allowed_models == []


@pytest.mark.parametrize(
    ("models", "allowed", "refused"),
    [
        (["qwen2.5:*"], ["qwen2.5:7b", "qwen2.5:latest"], ["qwen2.5-coder:7b", "qwen2x5:7b", ""]),
        (["hf.co/bartowski/*", "small:1b"], ["hf.co/bartowski/x:q4", "small:1b"], ["small:1b2"]),
        (["x_y*"], ["x_y:1"], ["xay:1", "x%y:1"]),
    ],
)
async def test_a_request_is_let_through_for_just_these_models(
    ledger: Ledger, models: list[str], allowed: list[str], refused: list[str]
):
    key = await ledger.key(models=models)
    for model in allowed:
        assert (await ledger.authorize(key, model=model)).allowed, model
    for model in refused:
        assert (await ledger.authorize(key, model=model)).reason == "model_not_allowed", model
    assert (await ledger.identify(key)).allowed_models == models
