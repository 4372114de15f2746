"""What was checked is what is sent, on every route that passes a request on: nothing that a model
server could read in another way gets through."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from tests.support.requests.routes import ROUTES, Route
from tests.support.requests.spoiled import doubled, keys_of, spoiled, unknown_keys

GRANTED = 7
each_route = pytest.mark.parametrize("route", ROUTES, ids=[one.path for one in ROUTES])


def refusal(route: Route, body: bytes) -> Refusal:
    result = route.dialect.sanitise(body)
    assert isinstance(result, Refusal)
    assert result.kind.status == 400
    return result


def sent(route: Route, request: Any) -> dict[str, Any] | Refusal:
    asked = route.dialect.sanitise(json.dumps(request).encode())
    if isinstance(asked, Refusal):
        return asked
    body = route.dialect.serialise(asked, GRANTED)
    return body if isinstance(body, Refusal) else json.loads(body)


def test_every_route_is_here_but_those_that_make_a_chat_of_something_else():
    assert {one.path for one in all_dialects()} - {one.path for one in ROUTES} == {
        "/v1/generate",
        "/v1/audio/transcriptions",
    }


@each_route
def test_every_known_field_arrives(route: Route):
    request = sent(route, route.full)
    assert isinstance(request, dict), request
    lost = unknown_keys(route.full, request, route.open)
    assert lost <= {"max_completion_tokens"}  # of two names for the cap one is enough
    assert not unknown_keys(request, route.full, route.open)


@each_route
def test_a_key_that_go_would_take_for_a_known_one_is_refused_at_every_depth(route: Route):
    cases = spoiled(route.full, route.open)
    assert len(cases) >= 2 * len(route.full)
    for name, text in cases:
        assert "in case only" in refusal(route, text.encode()).message, name


@each_route
def test_a_key_that_stands_twice_is_refused_at_every_depth(route: Route):
    for name, text in doubled(route.full):
        assert "twice" in refusal(route, text.encode()).message, name


@each_route
@pytest.mark.parametrize("tail", [b"{}", b"x", b"\0", b',{"model":"other"}'])
def test_nothing_may_follow_the_request(route: Route, tail: bytes):
    refusal(route, json.dumps(route.minimal).encode() + tail)


@each_route
def test_a_field_that_nobody_knows_is_dropped_at_every_depth(route: Route):
    def sprinkled(tree: Any) -> Any:
        if isinstance(tree, list):
            return [sprinkled(item) for item in tree]
        if isinstance(tree, dict):
            return {**{key: sprinkled(value) for key, value in tree.items()}, "nobody_knows": -1}
        return tree

    for request in (route.minimal, route.full):
        extra = {**sprinkled(request), "n": 3, "best_of": 3, "user": "u", "num_ctx": 5}
        made = sent(route, extra)
        assert isinstance(made, dict), made
        assert not unknown_keys(made, route.full, route.open)
        assert "nobody_knows" not in keys_of(made, route.open)


# Documents near the shapes: known keys, foreign ones and variants, right and wrong values.
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
known = st.sampled_from(sorted(set().union(*(keys_of(one.full, ()) for one in ROUTES))))
some_keys = known | known.map(str.title) | known.map(lambda k: k.replace("s", "\u017f")) | st.text()
values = st.recursive(
    scalars | st.sampled_from([value for one in ROUTES for value in one.full.values()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(some_keys, inner, max_size=4),
    max_leaves=12,
)


def documents(route: Route) -> st.SearchStrategy[Any]:
    own = st.dictionaries(st.sampled_from(sorted(route.full)), values, max_size=6)
    changes = st.dictionaries(known, values, max_size=5) | own | route.near
    return values | st.builds(
        lambda base, more: {**base, **more}, st.sampled_from([route.minimal, route.full]), changes
    )


@each_route
@given(data=st.data())
def test_of_what_is_accepted_only_known_keys_survive_and_our_json_reads_the_same(
    route: Route, data: st.DataObject
):
    holds_to_what_it_checked(route, data.draw(documents(route)))


@each_route
@pytest.mark.parametrize(
    "more", [{}, {"\ud800": 1}, {"x": {"\ud800": "\udfff"}}, {"metadata": {"\ud800": "\udfff"}}]
)
def test_half_a_surrogate_pair_where_nobody_looks_is_no_failure(route: Route, more: dict[str, Any]):
    holds_to_what_it_checked(route, {**route.minimal, **more})
    holds_to_what_it_checked(route, {**route.full, **more})


def holds_to_what_it_checked(route: Route, document: Any) -> None:
    found = route.dialect.sanitise(json.dumps(document).encode())
    if isinstance(found, Refusal):
        assert found.kind.status == 400
        return
    text = route.dialect.serialise(found, GRANTED)
    if isinstance(text, Refusal):
        assert text.kind.status == 400
        return
    tree = json.loads(text)
    assert not unknown_keys(tree, route.full, route.open)
    again = route.dialect.sanitise(text)
    assert not isinstance(again, Refusal)
    assert again.max_output == (found.max_output if found.loads else again.max_output and GRANTED)
    assert again.prompt_bound == found.prompt_bound
    assert again.privilege == found.privilege
    assert route.dialect.serialise(again, GRANTED) == text
    if route.path == "/v1/messages":  # where other tools would run on the server
        assert all(tool.get("type", "custom") == "custom" for tool in tree.get("tools") or ())


@each_route
@given(body=st.binary())
@example(body=b"\xff")
def test_any_bytes_at_all_get_an_answer(route: Route, body: bytes):
    result = route.dialect.sanitise(body)
    if isinstance(result, Refusal):
        assert result.kind.status == 400
    else:  # an object with nothing in it loads the default model, where a request may do that
        assert result.loads
        assert isinstance(json.loads(body), dict)


@each_route
@pytest.mark.parametrize("spelling", ["gpt-oss:120b-cloud", "x:CLOUD", " m:cloud", "x:cloud:local"])
def test_what_would_leave_the_machine_is_marked_or_refused(route: Route, spelling: str):
    asked = route.dialect.sanitise(json.dumps({**route.minimal, "model": spelling}).encode())
    assert isinstance(asked, Refusal) or asked.cloud


@each_route
def test_the_model_is_the_canonical_one_that_was_checked(route: Route):
    names = {"registry.ollama.ai/library/Gemma3:270m": "gemma3:270m", "gemma3": "gemma3"}
    for spelling, goes_on in names.items():
        request = sent(route, {**route.minimal, "model": spelling})
        assert isinstance(request, dict)
        assert request["model"] == goes_on
    assert refusal(route, json.dumps({**route.minimal, "model": "../x"}).encode()).param == "model"
