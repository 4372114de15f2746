"""What was checked is what is sent, on each OpenAI route (chat has tests of its own)."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from tests.support.requests.openai import EXAMPLES, Example
from tests.support.requests.spoiled import doubled, spoiled
from tests.support.requests.unknown_keys import unknown_keys

every_route = pytest.mark.parametrize("route", EXAMPLES, ids=[one.path for one in EXAMPLES])


def refusal(route: Example, body: bytes) -> Refusal:
    result = route.dialect.sanitise(body)
    assert isinstance(result, Refusal)
    assert result.kind.status == 400
    return result


def sent(route: Example, request: Any, granted: int = 7) -> dict[str, Any] | Refusal:
    asked = route.dialect.sanitise(json.dumps(request).encode())
    if isinstance(asked, Refusal):
        return asked
    body = route.dialect.serialise(asked, granted)
    return body if isinstance(body, Refusal) else json.loads(body)


@every_route
def test_every_known_field_arrives(route: Example):
    request = sent(route, route.full)
    assert isinstance(request, dict), request
    assert not unknown_keys(route.full, request)
    assert not unknown_keys(request, route.full)


@every_route
def test_a_key_that_go_would_take_for_a_known_one_is_refused_at_every_depth(route: Example):
    cases = spoiled(route.full)
    assert len(cases) >= 2 * len(route.full)
    for name, text in cases:
        assert "in case only" in refusal(route, text.encode()).message, name


@every_route
def test_a_key_that_stands_twice_is_refused_at_every_depth(route: Example):
    for name, text in doubled(route.full):
        assert "twice" in refusal(route, text.encode()).message, name


@every_route
@pytest.mark.parametrize("tail", [b"{}", b"x", b"\0", b',{"model":"other"}'])
def test_nothing_may_follow_the_request(route: Example, tail: bytes):
    refusal(route, json.dumps(route.minimal).encode() + tail)


@every_route
def test_a_field_that_nobody_knows_is_dropped_at_every_depth(route: Example):
    def sprinkled(tree: Any) -> Any:
        if isinstance(tree, list):
            return [sprinkled(item) for item in tree]
        if isinstance(tree, dict):
            return {**{key: sprinkled(value) for key, value in tree.items()}, "keep_alive": -1}
        return tree

    for request in (route.minimal, route.full):
        extra = {**sprinkled(request), "n": 3, "best_of": 3, "options": {"num_ctx": 1}, "user": "u"}
        extra.update(_debug_render_only=True, num_ctx=5, raw=True)
        schemas = {"parameters", "schema"}  # in a schema any key may stand
        assert not {"keep_alive", "n", "options", "raw"} & keys_of(sent(route, extra), schemas)


def keys_of(tree: Any, skipped: set[str]) -> set[str]:
    if isinstance(tree, list):
        return set().union(*(keys_of(item, skipped) for item in tree))
    if not isinstance(tree, dict):
        return set()
    below = (keys_of(value, skipped) for key, value in tree.items() if key not in skipped)
    return set(tree).union(*below)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
every_key = sorted(set().union(*(keys_of(one.full, set()) for one in EXAMPLES)))
every_value = [value for one in EXAMPLES for value in one.full.values()]
known = st.sampled_from(every_key)
some_keys = known | known.map(str.title) | known.map(lambda k: k.replace("s", "\u017f")) | st.text()
values = st.recursive(
    scalars | st.sampled_from(every_value),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(some_keys, inner, max_size=4),
    max_leaves=12,
)


@every_route
@given(changes=st.dictionaries(known, values, max_size=5) | values)
@example(changes={})
@example(changes={"\ud800": 1})
def test_of_what_is_accepted_only_known_keys_survive_and_our_json_reads_the_same(route, changes):
    for base in (route.minimal, route.full):
        document = {**base, **changes} if isinstance(changes, dict) else changes
        request = sent(route, document)
        if isinstance(request, Refusal):
            assert request.kind.status == 400
            continue
        assert not unknown_keys(request, route.full)
        assert sent(route, request) == request


@every_route
@given(body=st.binary())
def test_any_bytes_at_all_get_an_answer(route, body):
    refusal(route, body)


@every_route
@pytest.mark.parametrize("spelling", ["gpt-oss:120b-cloud", "x:CLOUD", " m:cloud", "x:cloud:local"])
def test_what_would_leave_the_machine_is_marked_or_refused(route: Example, spelling: str):
    asked = route.dialect.sanitise(json.dumps({**route.minimal, "model": spelling}).encode())
    assert isinstance(asked, Refusal) or asked.cloud


@every_route
def test_the_model_is_the_canonical_one_that_was_checked(route: Example):
    names = {"registry.ollama.ai/library/Gemma3:270m": "gemma3:270m", "gemma3": "gemma3"}
    for spelling, goes_on in names.items():
        request = sent(route, {**route.minimal, "model": spelling})
        assert isinstance(request, dict)
        assert request["model"] == goes_on
    assert refusal(route, json.dumps({**route.minimal, "model": "../x"}).encode()).param == "model"
