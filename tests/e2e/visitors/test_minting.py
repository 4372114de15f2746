"""What `POST /v1/visitor-tokens` takes, and what it says of the rest."""

from typing import Any

import httpx
import pytest

from tests.support.callers import bearer
from tests.support.failing_parts import GatewayProcess
from tests.support.visitors import key_with

TOKENS = "/v1/visitor-tokens"


@pytest.fixture(scope="module")
def site(gateway: GatewayProcess) -> str:
    return key_with(gateway.url, "token", tokens_per_day=1000)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"visitor": ""}, "visitor"),
        ({"visitor": "x" * 256}, "visitor"),
        ({"visitor": "a\u0000b"}, "visitor"),
        ({"expires_in": 9}, "expires_in"),
        ({"expires_in": 86_401}, "expires_in"),
        ({"uses": 0}, "uses"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"models": ["a"] * 101}, "models"),
        ({"models": [f"{'m' * 100}{number}" for number in range(30)]}, "models"),
        ({"models": ["a\u0000b"]}, "models"),
        ({"origin": "shop.example"}, "origin"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_named_and_makes_no_token(
    client: httpx.Client, site: str, wrong: dict[str, Any], field: str
) -> None:
    answer = client.post(TOKENS, json={"visitor": "ada"} | wrong, headers=bearer(site))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
    assert "token" not in answer.json()


def test_numbers_may_be_written_in_any_way_and_null_is_as_the_key_has_it(
    client: httpx.Client, site: str
) -> None:
    body = '{"visitor": "ada", "expires_in": 6e1, "uses": null, "models": null, "origin": null}'
    answer = client.post(TOKENS, content=body, headers=bearer(site))
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"token", "expires_at", "visitor"}
