"""The prompt is in no answer of any route, whatever the model server tells of the request."""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway.admin.fields import SCOPES
from tests.support.callers import ADMIN_SECRET, bearer, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_exchange import Exchange
from tests.support.fake_upstream import FakeUpstream, answer
from tests.support.fixtures import upstream_of_all
from tests.support.lane_calls import CALLS, PUBLIC_CALLS, Call, send
from tests.support.presets import NAME, VALUES, VARIABLES, WAYS, Way, make_preset, tells

__all__ = ["upstream_of_all"]
WRONG: list[dict[str, Any]] = [
    *({"messages": one} for one in ([], "x", [{"role": "system", "content": "x"}], [1], [{}])),
    *({"input": one} for one in ([], 1, [{"role": "developer", "content": "x"}], [{}])),
    *({"prompt": one} for one in ("", 1, {}, {"variables": {"x": 1}}, {"id": NAME, "version": 9})),
    *({name: "x"} for name in ("system", "instructions", "suffix", "template", "raw", "context")),
    *({name: [{"type": "function"}]} for name in ("tools", "functions", "mcp_servers")),
    *({name: -1} for name in ("max_tokens", "max_output_tokens", "temperature", "stream")),
    *({name: {"num_predict": "x"}} for name in ("options", "response_format", "text", "format")),
    {"_debug_render_only": True},
    {"keep_alive": 0},
]


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, own_dsn: str) -> Iterator[GatewayProcess]:
    with served(shared_upstream.url, own_dsn, DEBUG="true") as running:
        make_preset(running.url)
        make_preset(running.url, "locked", variables=VARIABLES, locked=True)
        yield running
        assert running.running is not None
        assert not tells(running.running.output)


@pytest.fixture(scope="module")
def key(gateway: GatewayProcess) -> str:
    """It may do everything that a key can."""
    return make_key(gateway.url, scopes=list(SCOPES))


def by_way(way: Way) -> str:
    return way.path


def whole(answer: httpx.Response) -> str:
    """All of it that a caller gets, also the JSON that stands in JSON."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{answer.status_code}\n{headers}\n{answer.text}"


async def indiscreet(exchange: Exchange) -> None:
    """A model server that adds all of the request to each object of its answer."""
    told = exchange.json
    names = ("context", "instructions", "input", "prompt", "messages", "system", "template")
    more = {name: exchange.body.decode() for name in names} | {"echo": told, "metadata": told}
    more["text"] = {"format": told}
    sent, plain_whole = exchange.send, exchange.whole

    def added(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        inner = {
            name: added(one)
            for name, one in value.items()
            if name in {"response", "message"} and isinstance(one, dict)
        }
        return {**more, **value, **inner, "instructions": str(told)}

    def line(text: bytes) -> bytes:
        prefix = b"data: " if text.startswith(b"data: {") else b""
        if not text.removeprefix(prefix).startswith(b"{"):
            return text
        return prefix + json.dumps(added(json.loads(text.removeprefix(prefix)))).encode()

    async def send(data: bytes) -> None:
        await sent(b"\n".join(map(line, data.split(b"\n"))))

    async def body(value: object, status: int = 200) -> None:
        found = json.loads(value) if isinstance(value, bytes) else value
        await plain_whole(added(found), status)

    exchange.send, exchange.whole = send, body  # type: ignore[method-assign]
    await answer(exchange)


def failing(status: int) -> Callable[[Exchange], Awaitable[None]]:
    async def fail(exchange: Exchange) -> None:
        text = f"exceeds the context: {exchange.body.decode()}"
        error = text if exchange.target.startswith("/api/") else {"message": text, "type": "x"}
        await exchange.whole({"error": error, "type": "error"}, status)

    return fail


async def broken(exchange: Exchange) -> None:
    """Of a stream, after some of it."""
    told = exchange.body.decode()
    native = exchange.target.startswith("/api/")
    await exchange.head("application/x-ndjson" if native else "text/event-stream")
    if native:
        await exchange.send(json.dumps({"error": told}).encode() + b"\n")
    elif exchange.target == "/v1/responses":
        failed = {"status": "failed", "error": {"code": "x", "message": told}, "output": []}
        event = json.dumps({"type": "response.failed", "response": failed})
        await exchange.send(f"event: response.failed\ndata: {event}\n\n".encode())
    else:
        event = json.dumps({"type": "error", "error": {"message": told}})
        await exchange.send(f"event: error\ndata: {event}\n\n".encode())
    await exchange.end()


async def not_json(exchange: Exchange) -> None:
    await exchange.whole(b"<html>" + exchange.body + b"</html>")


BEHAVIOURS: dict[str, Any] = {
    "well": answer,
    "indiscreet": indiscreet,
    "broken": broken,
    "not JSON": not_json,
    **{str(status): failing(status) for status in (400, 404, 429, 500, 501, 503)},
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("way", WAYS, ids=by_way)
def test_no_answer_tells_it_however_the_model_server_behaves(
    upstream: FakeUpstream, client: httpx.Client, key: str, way: Way, behaviour: str
):
    upstream.behave = BEHAVIOURS[behaviour]
    for stream in (False, True):
        body = {**way.body, "model": NAME, "stream": stream}
        given = client.post(way.path, json=body, headers=bearer(key))
        assert not tells(whole(given)), whole(given)
        assert NAME in given.text or given.status_code >= 400 or behaviour == "broken"
        if behaviour == "indiscreet":
            assert given.status_code == 200
            assert "Say hello" not in given.text
    assert tells(json.dumps([json.loads(one.body) for one in upstream.chats], ensure_ascii=False))


@pytest.mark.parametrize("way", WAYS, ids=by_way)
def test_what_an_indiscreet_server_adds_does_not_break_the_answer(
    upstream: FakeUpstream, client: httpx.Client, key: str, way: Way
):
    for stream in (False, True):
        body = {**way.body, "model": NAME, "stream": stream}
        upstream.behave = answer
        plain = client.post(way.path, json=body, headers=bearer(key))
        upstream.behave = indiscreet
        other = client.post(way.path, json=body, headers=bearer(key))
        assert len(other.text.splitlines()) == len(plain.text.splitlines())
        assert ("error" in other.text) == ("error" in plain.text)


@pytest.mark.parametrize("call", CALLS + PUBLIC_CALLS, ids=lambda one: one.name)
def test_no_route_tells_it(client: httpx.Client, key: str, call: Call):
    for name in (NAME, "@preset/locked"):
        path = call.path.replace("fake:latest", name)
        asked = call._replace(path=path)
        if isinstance(call.body, dict) and call.scope:
            asked = asked.with_body(model=name)
        for given in (send(client, asked, key), client.post(path), client.get(path)):
            assert not tells(whole(given)), path


def test_no_refusal_tells_it(client: httpx.Client, key: str):
    for way in WAYS:
        for wrong in WRONG:
            for name in (NAME, "@preset/locked"):
                body = {**way.body, "model": name, **wrong}
                given = client.post(way.path, json=body, headers=bearer(key))
                assert not tells(whole(given)), (way.path, wrong)
    for wrong in ({"product": 1}, {"x": "y"}, {}):
        prompt = {"id": "@preset/locked", "variables": VALUES | wrong}
        for path in ("/v1/chat/completions", "/v1/responses"):
            given = client.post(path, json={"prompt": prompt}, headers=bearer(key))
            assert not tells(whole(given))


def test_lists_have_its_name_for_who_may_use_it_and_no_more(
    gateway: GatewayProcess, client: httpx.Client, key: str
):
    other = make_key(gateway.url, allowed_models=["fake:latest"])
    only = make_key(gateway.url, allowed_models=["@preset/f*"])

    def listed(shown: str, **headers: str) -> tuple[set[str], set[str]]:
        head = bearer(shown) | headers
        openai = client.get("/v1/models", headers=head).json()["data"]
        ollama = client.get("/api/tags", headers=bearer(shown)).json()["models"]
        return {one["id"] for one in openai}, {one["name"] for one in ollama}

    for headers in ({}, {"anthropic-version": "2023-06-01"}):
        assert listed(only, **headers) == ({NAME}, {NAME})
        assert listed(other, **headers) == ({"fake:latest"}, {"fake:latest"})
        assert all({NAME, "@preset/locked", "fake:latest"} <= one for one in listed(key, **headers))
    assert client.get(f"/v1/models/{NAME}", headers=bearer(only)).json()["id"] == NAME
    assert client.get(f"/v1/models/{NAME}", headers=bearer(other)).status_code == 404
    shown = client.post("/api/show", json={"model": NAME}, headers=bearer(only))
    assert shown.json()["capabilities"] == ["completion"]
    assert "fake" not in shown.text
    assert client.post("/api/show", json={"model": NAME}, headers=bearer(other)).status_code == 403


def test_only_the_owner_reads_it(client: httpx.Client, key: str):
    path = "/admin/presets/faq"
    assert not tells(whole(client.get(path)))
    assert not tells(whole(client.get(path, headers=bearer(key))))
    owner = {"X-Admin-Secret": ADMIN_SECRET}
    assert not tells(whole(client.get("/admin/presets", headers=owner)))
    assert tells(client.get(path, headers=owner).json()["system"])
