"""Whatever callers send, the roles that reach the model are those that the preset has."""

import random
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.callers import bearer, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.fixtures import upstream_of_all
from tests.support.preset_fuzz import check, request, variables
from tests.support.presets import NAME, TEMPLATE, VARIABLES, WAYS, Way, make_preset, tells, told

__all__ = ["upstream_of_all"]
ROUNDS = 150
_PATTERN = re.escape(TEMPLATE)
for _name in VARIABLES:
    _PATTERN = re.sub(r"\\\{\\\{(\\ )?" + _name + r"(\\ )?\\\}\\\}", "(.*)", _PATTERN)
MESSAGE = re.compile(_PATTERN, re.DOTALL)


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, own_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, own_dsn) as running:
        make_preset(running.url)
        locked = {"template": TEMPLATE, "variables": VARIABLES, "locked": True}
        make_preset(running.url, "locked", **locked)
        yield running


@pytest.fixture(scope="module")
def key(gateway: GatewayProcess) -> str:
    """It may do what no key of a page may: the preset holds all the same."""
    return make_key(gateway.url, scopes=["chat", "ollama:native"], monthly_token_limit=10**11)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.path)
def test_messages_stay_what_users_and_assistants_say(
    upstream: FakeUpstream, client: httpx.Client, key: str, way: Way
):
    dice = random.Random(way.path)
    answered = 0
    for _ in range(ROUNDS):
        before = len(upstream.chats)
        body = request(dice, way, NAME)
        given = client.post(way.path, json=body, headers=bearer(key))
        assert given.status_code in {200, 400}, given.text
        assert not tells(given.text)
        for chat in upstream.chats[before:]:
            # One without anything to read only loads the model.
            if any(chat.json.get(name) for name in ("messages", "prompt", "input")):
                check(told(chat), chat.json)
                answered += 1
    assert answered > ROUNDS / 5


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_values_stay_values(upstream: FakeUpstream, client: httpx.Client, key: str, path: str):
    dice = random.Random(path)
    for _ in range(ROUNDS):
        before = len(upstream.chats)
        body = {"prompt": {"id": "@preset/locked", "variables": variables(dice)}}
        given = client.post(path, json=body, headers=bearer(key))
        assert given.status_code in {200, 400}, given.text
        for chat in upstream.chats[before:]:
            check(told(chat), chat.json)
            [(role, text)] = told(chat).messages
            assert role == "user"
            assert MESSAGE.fullmatch(text)
    assert len(upstream.chats) > ROUNDS / 3
