"""Ollama's routes that only read tell a key what it may know; all its others are not there."""

import json
from typing import Any

import httpx
import pytest

from tests.support.callers import bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_ollama import shown
from tests.support.fake_upstream import CLOUD_MODEL, MODEL, Exchange, FakeUpstream
from tests.support.lane_calls import OWN_LOOKS
from tests.support.paths import RECORDINGS
from tests.support.raw_client import exchange, parse, request

LISTS = ["/api/tags", "/api/ps"]
READS = [*LISTS, "/api/version"]


def recorded(name: str) -> Any:
    return json.loads((RECORDINGS / name / "response.body").read_text("utf-8"))


def error(answer: httpx.Response) -> str:
    """The message of an error in Ollama's shape."""
    told = answer.json()
    assert list(told) == ["error"]
    assert isinstance(told["error"], str)
    return told["error"]


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [model["name"] for model in answer.json()["models"]]


def reached(upstream: FakeUpstream) -> set[str]:
    """What was asked of it, but for the looks that the gateway itself takes at times."""
    return {one.target for one in upstream.received} - OWN_LOOKS


@pytest.mark.parametrize("path", READS)
def test_nothing_is_told_without_a_key(
    upstream: FakeUpstream, client: httpx.Client, path: str
) -> None:
    for headers in ({}, bearer("llm_" + "0" * 26)):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert error(answer)
    answer = client.post("/api/show", json={"model": MODEL})
    assert answer.status_code == 401
    assert error(answer)
    assert reached(upstream) == set()


def test_lists_need_the_scope_that_reads_models(gateway: GatewayProcess, client: Any) -> None:
    key = bearer(make_key(gateway.url, scopes=["chat"]))
    for path in LISTS:
        assert client.get(path, headers=key).status_code == 403
    assert client.post("/api/show", headers=key, json={"model": MODEL}).status_code == 403
    assert client.get("/api/version", headers=key).json() == {"version": "0.33.0"}


@pytest.mark.parametrize("path", LISTS)
def test_a_key_sees_the_models_that_it_may_use_and_none_of_the_cloud(
    gateway: GatewayProcess, client: httpx.Client, key: str, path: str
) -> None:
    assert names(client.get(path, headers=bearer(key))) == [MODEL]
    narrow = make_key(gateway.url, allowed_models=["another"])
    assert names(client.get(path, headers=bearer(narrow))) == []
    wide = make_key(gateway.url, allowed_models=["another", MODEL])
    assert names(client.get(path, headers=bearer(wide))) == [MODEL]


@pytest.mark.parametrize("path", LISTS)
def test_the_cloud_s_models_are_listed_where_the_owner_allows_them(
    shared_upstream: FakeUpstream, shared_dsn: str, path: str
) -> None:
    with served(shared_upstream.url, shared_dsn, ALLOW_CLOUD_MODELS="true") as gateway:
        key = bearer(make_key(gateway.url))
        with connect(gateway.url) as client:
            assert names(client.get(path, headers=key)) == [MODEL, CLOUD_MODEL]


def test_what_a_real_ollama_listed_comes_through_but_for_where_a_model_came_from(
    upstream: FakeUpstream, shared_dsn: str
) -> None:
    before = upstream.models
    try:
        for path, recording in (("/api/tags", "nat-tags"), ("/api/ps", "nat-ps")):
            told = recorded(recording)
            upstream.models = recorded(recording)["models"]
            with served(upstream.url, shared_dsn) as gateway, connect(gateway.url) as client:
                answer = client.get(path, headers=bearer(make_key(gateway.url)))
            for model in told["models"]:
                del model["details"]["parent_model"]
            assert answer.json() == told
            assert answer.headers["content-type"] == "application/json"
    finally:
        upstream.models = before


@pytest.mark.parametrize("spelling", [MODEL, "Fake", "fake", "registry.ollama.ai/library/fake"])
def test_what_a_model_is_comes_through_without_its_modelfile_prompts_template_licence_and_paths(
    client: httpx.Client, key: str, upstream: FakeUpstream, spelling: str
) -> None:
    answer = client.post("/api/show", headers=bearer(key), json={"model": spelling})
    assert answer.status_code == 200
    real = recorded("nat-show")
    assert "SECRET" in json.dumps(shown())
    assert "SECRET" not in answer.text
    assert "blobs" not in answer.text
    del real["modelfile"], real["template"], real["details"]["parent_model"]
    del real["model_info"]["general.license"]  # the fake one's is long
    del real["model_info"]["general.tags"]
    assert answer.json() == real
    [asked] = [one for one in upstream.received if one.target == "/api/show"]
    assert list(asked.json) == ["model"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "nothing"}, 404),
        ({"model": CLOUD_MODEL}, 403),
        ({"model": "x:cloud"}, 403),
        ({"model": "../x"}, 400),
        ({"model": ""}, 404),  # the default model, which is not here
        ({"model": 5}, 400),
        ({}, 404),
        ({"model": None, "name": "nothing"}, 404),
        ([], 400),
        ({"model": MODEL, "Model": "x:cloud"}, 400),
    ],
)
def test_a_model_that_may_not_be_shown_is_refused_in_ollama_s_shape(
    upstream: FakeUpstream, client: httpx.Client, key: str, body: object, status: int
) -> None:
    answer = client.post("/api/show", headers=bearer(key), json=body)
    assert answer.status_code == status
    assert error(answer)
    if status != 404:
        assert reached(upstream) == set()


def test_a_body_without_end_is_refused(client: httpx.Client, key: str) -> None:
    answer = client.post("/api/show", headers=bearer(key), json={"model": "x" * 70_000})
    assert answer.status_code == 413
    assert error(answer)


def test_an_encoded_body_is_refused_as_on_every_other_route(client: httpx.Client, key: str) -> None:
    headers = {**bearer(key), "content-encoding": "gzip"}
    answer = client.post("/api/show", headers=headers, content=b"\x1f\x8b")
    assert answer.status_code == 415
    assert error(answer)


def test_a_key_is_not_told_whether_another_s_model_is_there(
    gateway: GatewayProcess, client: httpx.Client
) -> None:
    narrow = bearer(make_key(gateway.url, allowed_models=["another"]))
    answers = [
        client.post("/api/show", headers=narrow, json={"model": model})
        for model in (MODEL, "nothing:latest")
    ]
    texts = {error(answer).replace(MODEL, "").replace("nothing:latest", "") for answer in answers}
    assert [answer.status_code for answer in answers] == [403, 403]
    assert len(texts) == 1


@pytest.mark.parametrize("path", READS)
def test_a_head_request_is_answered_like_get_without_a_body(
    client: httpx.Client, key: str, path: str
) -> None:
    answer = client.head(path, headers=bearer(key))
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.head(path).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", path) for path in READS),
        *(("DELETE", path) for path in READS),
        *(("GET", f"/api/{name}") for name in ("chat", "generate", "embed", "embeddings", "show")),
    ],
)
def test_another_method_is_told_which_one_to_use(
    client: httpx.Client, key: str, upstream: FakeUpstream, method: str, path: str
) -> None:
    answer = client.request(method, path, headers=bearer(key))
    assert answer.status_code == 405
    assert answer.headers["allow"]
    assert method not in answer.headers["allow"].split(", ")
    assert error(answer)
    assert reached(upstream) == set()


@pytest.mark.parametrize(
    "path",
    [
        *(f"/api/{name}" for name in ("push", "create", "copy", "delete", "me", "signout")),
        *("/api/blobs/sha256:" + "0" * 64, "/api/user/keys/x", "/api/experimental/web_search"),
        *("/api/experimental/web_fetch", "/api/experimental/model-recommendations"),
        *("/api/status", "/api", "/api/", "/api/nothing", "/API/tags", "/api/Chat"),
        *("/api%2Ftags", "/api/../api/tags", "//api/tags", "/v1/../api/chat", "/api/./chat"),
    ],
)
def test_every_other_route_of_ollama_is_not_there(
    upstream: FakeUpstream, gateway: GatewayProcess, key: str, path: str
) -> None:
    sent = json.dumps({"model": MODEL, "messages": [], "name": MODEL}).encode()
    for method in ("GET", "POST", "DELETE", "HEAD", "PUT"):
        body = b"" if method in {"GET", "HEAD"} else sent
        raw = request(method, path, body, f"Authorization: Bearer {key}")
        answer = parse(exchange(gateway.port, [raw]))
        assert answer.status == 404, (method, answer)
        if method != "HEAD" and path.startswith("/api/"):
            assert list(json.loads(answer.body)) == ["error"]
    assert reached(upstream) == set()


class Foreign(FakeUpstream):
    """A model server that speaks OpenAI's language alone."""

    async def _route(self, exchange: Exchange) -> None:
        if exchange.target.startswith("/api/"):
            await exchange.whole(b"File Not Found", 404)
        else:
            await super()._route(exchange)


def test_where_no_ollama_answers_its_routes_say_so_to_those_who_may_ask(shared_dsn: str) -> None:
    upstream = Foreign()
    upstream.start()
    try:
        with served(upstream.url, shared_dsn) as gateway, connect(gateway.url) as client:
            key = bearer(make_key(gateway.url))
            asked = [client.get(path, headers=key) for path in READS]
            for name in ("chat", "generate", "embed", "embeddings", "show"):
                body = {"model": MODEL, "prompt": "x", "input": "x"}
                messages = [{"role": "user", "content": "x"}]
                body |= {"messages": messages}
                asked.append(client.post(f"/api/{name}", headers=key, json=body))
                assert client.post(f"/api/{name}", json=body).status_code == 401
            for answer in asked:
                assert answer.status_code == 501, answer.text
                assert "This needs Ollama" in error(answer)
            chat = {"model": MODEL, "messages": messages}
            answer = client.post("/v1/chat/completions", headers=key, json=chat)
            assert answer.status_code == 200
            assert [one.target for one in upstream.chats] == ["/v1/chat/completions"]
    finally:
        upstream.close()
