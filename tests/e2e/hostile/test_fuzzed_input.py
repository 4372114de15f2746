"""What nobody thought of: requests made from the OpenAPI document, and bytes made from nothing."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.dialects import all_counters, all_dialects
from gateway.reference.openapi import document
from tests.support.callers import ADMIN_SECRET, QUESTION, bearer
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.presets import forget_presets
from tests.support.raw_client import ask, chat, exchange, parse, request

SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much)
# The same examples each time: what this run finds is of this change.
bounded = settings(deadline=None, suppress_health_check=SHARED, database=None, derandomize=True)
a_few = settings(bounded, max_examples=15)  # besides those that schemathesis makes of a schema
# What a dialect is sent is tried with any value in any place by tests/unit/dialects/test_any_json:
# here each example would cost half a second, to be made of so large a schema.
fewer = settings(bounded, max_examples=5)
many = settings(bounded, max_examples=150)

schema = schemathesis.openapi.from_dict(document())
of_dialects = schemathesis.openapi.from_dict(document())
of_dialects.config.phases.coverage.enabled = False


@pytest.fixture(autouse=True)
def survived(gateway: GatewayProcess, key: str) -> Iterator[None]:
    """After it all the gateway answers, and has had no failure inside. Others see no preset that
    some body made."""
    assert gateway.running is not None
    before = len(gateway.running.output)
    yield
    forget_presets(gateway.url)
    assert chat(gateway.port, key).status == 200
    assert "Traceback" not in gateway.running.output[before:]


LIBERAL = {one.path for one in (*all_dialects(), *all_counters())}


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection for many requests."""
    with requests.Session() as made:
        made.trust_env = False  # to look for a proxy takes as long as the request
        yield made


def keeps_to_its_document(operation: schemathesis.schemas.APIOperation) -> Callable[..., None]:
    """The test of one route. Each gets a name: the ids that pytest gives to schemathesis's tests of
    one function are all the same, and side by side only one of such tests would be run."""

    source, examples = (of_dialects, fewer) if operation.path in LIBERAL else (schema, a_few)

    @source.include(method=operation.method.upper(), path=operation.path).parametrize()
    @examples
    def test(
        case: schemathesis.Case, gateway: GatewayProcess, key: str, session: requests.Session
    ) -> None:
        headers = {**bearer(key), "X-Admin-Secret": ADMIN_SECRET}
        # No schema says that a range ends after it begins, or that 1.0 is no whole number.
        unsaid = [schemathesis.checks.positive_data_acceptance]
        # What is asked beside the known names is passed over, and what the model is sent is taken
        # if what it says of no use here can be left out.
        if case.query or operation.path in LIBERAL:
            unsaid.append(schemathesis.checks.negative_data_rejection)
        case.call_and_validate(
            base_url=gateway.url, session=session, headers=headers, excluded_checks=unsaid
        )

    return test


# They take nothing: the first does not end, and the second looks at all of the machine.
TAKE_NOTHING = {"/admin/events", "/admin/doctor"}

for _result in schema.get_all_operations():
    _operation = _result.ok()
    if _operation.path in TAKE_NOTHING:
        continue
    _name = f"test_a_route_keeps_to_what_the_document_says_of_it[{_operation.label}]"
    globals()[_name] = keeps_to_its_document(_operation)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below),
    max_leaves=6,
)
models = st.sampled_from([MODEL, "FAKE", "x:cloud", "remote-alias", "a/b/c", "../x", " fake "])
caps = st.integers(-3, 10_000)
flags = st.none() | st.booleans()
wishes = st.fixed_dictionaries(
    {},
    optional={
        "model": models,
        "stream": flags,
        "max_tokens": caps,
        "max_completion_tokens": caps,
        "stream_options": st.fixed_dictionaries({"include_usage": flags}),
        "stop": st.text() | st.lists(st.text()),
    },
)
# What should not be there, or not so: most of it is refused.
traps = st.dictionaries(
    st.sampled_from(
        ["Model", "\u017ftream", "max_to\u212aens", "Stream_Options", "n", "model", "tools", "stop"]
    ),
    anything | models,
    max_size=2,
)


@given(wishes, traps)
@many
def test_a_request_is_refused_or_reaches_the_model_as_it_was_checked(
    gateway: GatewayProcess, key: str, shared_upstream: FakeUpstream, wished: Any, trap: Any
) -> None:
    shared_upstream.received.clear()
    body = {**QUESTION, **wished, **trap}
    answer = chat(gateway.port, key, json.dumps(body).encode("utf-8", "surrogatepass"))
    if answer.status != 200:
        assert answer.status in {400, 403}, answer
        assert answer.error["type"] == "invalid_request_error"
        assert shared_upstream.chats == []
        return
    [received] = shared_upstream.chats
    sent = received.json
    assert set(sent) <= {"model", "messages", "stream", "stream_options", "max_tokens", "tools"} | {
        "response_format",
        "stop",
    }
    assert "cloud" not in sent["model"]
    assert "remote" not in sent["model"]
    assert 1 <= sent["max_tokens"] <= 8192
    assert sent.get("stream") in (None, False, True)
    if sent.get("stream"):
        assert sent["stream_options"] == {"include_usage": True}


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda some: b'{"model":' + some))
@many
def test_no_bytes_in_a_body_are_more_than_a_400(
    gateway: GatewayProcess, key: str, shared_upstream: FakeUpstream, body: bytes
) -> None:
    answer = chat(gateway.port, key, body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_request")
    assert shared_upstream.chats == []


lines = st.sampled_from(
    [
        *(b"GET /v1/usage HTTP/1.1\r\n", b"POST /v1/chat/completions HTTP/1.1\r\n", b"\r\n", b": "),
        *(b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"Host: x\r\n"),
        *(b"Upgrade: h2c\r\n", b"Connection: Upgrade\r\n", b"Expect: 100-continue\r\n", b"5"),
        *(b"OPTIONS * HTTP/1.0\r\n", b"HEAD / HTTP/1.1\r\n", b"\x00", b"\xff", b"X-API-Key: a\r\n"),
    ]
)


@given(st.lists(lines | st.binary(max_size=30), max_size=12).map(b"".join))
@many
def test_no_bytes_on_a_connection_are_more_than_a_refusal(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, sent: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        try:
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionResetError:
            received = b""
    while received:
        answer = parse(received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"))
        assert answer.status < 500 or answer.status == 503
        received = b"" if answer.headers.get("allow") or not answer.body else answer.rest
    assert shared_upstream.chats == []


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60))
@many
def test_no_text_in_the_place_of_a_key_is_more_than_a_401(
    gateway: GatewayProcess, shared_upstream: FakeUpstream, shown: str
) -> None:
    for header in (f"X-API-Key: {shown}", f"Authorization: Bearer {shown}"):
        answer = ask(gateway.port, request("GET", "/v1/models", b"", header))
        assert answer.status in {400, 401}  # 400: a character that no header may hold
        assert answer.error["code"] in {"invalid_api_key", "invalid_request"}


@given(st.text(st.sampled_from("/.%2fe5c0v1chatompletin?#;\\ax"), max_size=40))
@many
def test_no_path_leads_to_the_model_but_its_own(
    gateway: GatewayProcess, key: str, shared_upstream: FakeUpstream, path: str
) -> None:
    received = exchange(
        gateway.port, [request("POST", f"/{path}", b"{}", f"Authorization: Bearer {key}")]
    )
    assert parse(received).status in {400, 404, 405}
    assert shared_upstream.chats == []
