"""`GET /v1/models/{model}`: one model by any of its names, and only to whom may use it."""

from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from tests.support.callers import bearer, connect, make_key, served
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import CLOUD_MODEL, MODEL, FakeUpstream, fake_upstream

LAB = "lab/gemma:1"


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    """Beside the usual models there is one whose name holds a slash."""
    with fake_upstream() as running:
        running.models.append({"name": LAB})
        yield running


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """Two of its models have an alias."""
    aliases = f"gpt-4o-mini={MODEL},gpt-4o={CLOUD_MODEL}"
    with served(shared_upstream.url, shared_dsn, MODEL_ALIASES=aliases) as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess, key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as made:
        yield made


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (MODEL, MODEL),
        ("fake", MODEL),
        ("FAKE:Latest", MODEL),
        ("library/fake", MODEL),
        ("registry.ollama.ai/library/fake:latest", MODEL),
        (LAB, LAB),
        ("Lab/Gemma:1", LAB),
        ("gpt-4o-mini", "gpt-4o-mini"),
    ],
)
def test_a_model_is_found_by_any_of_its_names(client: OpenAI, asked: str, shown: str) -> None:
    found = client.models.retrieve(asked)
    assert (found.id, found.object) == (shown, "model")


def test_a_slash_in_a_name_may_stand_as_it_is(gateway: GatewayProcess, key: str) -> None:
    with connect(gateway.url) as plain:
        for path in (LAB, LAB.replace("/", "%2F"), LAB.replace("/", "%2f")):
            answer = plain.get(f"/v1/models/{path}", headers=bearer(key))
            assert (answer.status_code, answer.json()["id"]) == (200, LAB)


@pytest.mark.parametrize(
    "asked",
    ["nope", "fake:7b", CLOUD_MODEL, "x:cloud", "fake:cloud", "gpt-4o", "a b", "{model}", "é"],
)
def test_what_is_not_there_or_leaves_the_machine_is_a_not_found_error(
    client: OpenAI, asked: str
) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve(asked)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) == {"message", "type", "param", "code"}
    assert asked in caught.value.message


def test_what_a_key_may_not_use_is_as_unknown_as_what_is_not_there(
    gateway: GatewayProcess,
) -> None:
    narrow = make_key(gateway.url, allowed_models=[LAB])
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=narrow, max_retries=0) as client:
        assert client.models.retrieve(LAB).id == LAB
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(MODEL)
    unable = make_key(gateway.url, scopes=["chat"])
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=unable, max_retries=0) as client,
        pytest.raises(openai.PermissionDeniedError),
    ):
        client.models.retrieve(LAB)


@pytest.mark.parametrize("path", [MODEL, LAB, f"{MODEL}/", "", "a/b/c"])
def test_another_method_is_told_which_one_to_use(
    gateway: GatewayProcess, key: str, path: str
) -> None:
    with connect(gateway.url) as plain:
        answer = plain.delete(f"/v1/models/{path}", headers=bearer(key))
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"].split(", ")


def test_an_alias_is_listed_beside_its_model_for_those_who_may_use_it(
    gateway: GatewayProcess, key: str
) -> None:
    narrow = make_key(gateway.url, allowed_models=[LAB])
    with connect(gateway.url) as plain:
        for path, list_, name in (("/v1/models", "data", "id"), ("/api/tags", "models", "name")):
            for asks, expected in ((key, {MODEL, LAB, "gpt-4o-mini"}), (narrow, {LAB})):
                listed = plain.get(path, headers=bearer(asks)).json()[list_]
                assert {one[name] for one in listed} == expected
                assert len(listed) == len(expected)
        tags = plain.get("/api/tags", headers=bearer(key)).json()["models"]
    assert all(one.get("model", one["name"]) == one["name"] for one in tags)


@pytest.mark.parametrize("field", ["model", "name"])
def test_ollama_shows_an_alias_s_model_to_those_who_may_use_it(
    gateway: GatewayProcess, key: str, shared_upstream: FakeUpstream, field: str
) -> None:
    narrow = make_key(gateway.url, allowed_models=[LAB])
    shared_upstream.reset()
    with connect(gateway.url) as plain:

        def show(asks: str, name: str) -> int:
            return plain.post("/api/show", headers=bearer(asks), json={field: name}).status_code

        assert show(key, "GPT-4o-mini") == 200
        assert show(narrow, "gpt-4o-mini") == 403
        assert show(key, "gpt-4o") == 403  # it runs in the cloud
    shows = [one.json for one in shared_upstream.received if one.target == "/api/show"]
    assert {"model": MODEL} in shows
    assert all(list(one) == ["model"] for one in shows)


def test_no_name_of_a_model_becomes_a_path_of_the_model_server(
    gateway: GatewayProcess, key: str, shared_upstream: FakeUpstream
) -> None:
    with connect(gateway.url) as plain:
        for path in ("..%2F..%2Fapi%2Ftags", "%2e%2e/api/ps", "a//b", "a%2F..%2Fb", "a%00"):
            answer = plain.get(f"/v1/models/{path}", headers=bearer(key))
            assert answer.status_code in {400, 404}, path
    assert {one.target for one in shared_upstream.received} <= {
        *("/v1/models", "/api/tags", "/api/show")
    }
