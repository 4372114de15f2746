"""The list of models in Anthropic's form, for clients that say they are Anthropic's."""

import httpx
import pytest
from anthropic import Anthropic, NotFoundError

from gateway.core import keys
from tests.support.callers import bearer, make_key
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL

VERSION = {"anthropic-version": "2023-06-01"}


def test_anthropic_s_package_lists_and_reads_the_models_of_a_key(
    gateway: GatewayProcess, client: httpx.Client, key: str
) -> None:
    ids = {model["id"] for model in client.get("/v1/models", headers=bearer(key)).json()["data"]}
    with Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as anthropic:
        models = list(anthropic.models.list(limit=1))
        assert {model.id for model in models} == ids
        one = anthropic.models.retrieve(MODEL)
        assert (one.type, one.id, one.display_name) == ("model", MODEL, MODEL)
        assert one.created_at.tzinfo is not None
        with pytest.raises(NotFoundError) as problem:
            anthropic.models.retrieve("nothing")
    assert problem.value.body == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "model 'nothing' not found"},
        "request_id": problem.value.response.headers["x-request-id"],
    }


def test_the_list_is_one_page_with_its_ends(client: httpx.Client, key: str) -> None:
    page = client.get("/v1/models", headers=bearer(key) | VERSION).json()
    assert set(page) == {"data", "has_more", "first_id", "last_id"}
    assert page["has_more"] is False
    assert [page["first_id"], page["last_id"]] == [page["data"][0]["id"], page["data"][-1]["id"]]
    for model in page["data"]:
        assert set(model) == {"type", "id", "display_name", "created_at"}
        assert model["created_at"].endswith("Z")


def test_a_key_that_may_use_none_gets_an_empty_page(
    client: httpx.Client, gateway: GatewayProcess
) -> None:
    key = make_key(gateway.url, allowed_models=["nothing"])
    page = client.get("/v1/models", headers=bearer(key) | VERSION).json()
    assert page == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize("path", ["/v1/models", f"/v1/models/{MODEL}"])
def test_a_refusal_is_in_anthropic_s_form_for_its_clients_alone(
    client: httpx.Client, path: str
) -> None:
    stale = bearer(keys.make_key("llm"))
    told = client.get(path, headers=stale | VERSION).json()
    assert told["error"]["type"] == "authentication_error"
    assert client.get(path, headers=stale).json()["error"]["code"] == "invalid_api_key"


def test_a_path_that_is_not_here_is_refused_in_the_form_of_the_client_that_asks(
    gateway: GatewayProcess, client: httpx.Client, key: str
) -> None:
    package = Anthropic(base_url=gateway.url, api_key=key, max_retries=0)
    with package, pytest.raises(NotFoundError) as problem:
        package.beta.files.list()
    assert problem.value.body == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "There is nothing at /v1/files."},
        "request_id": problem.value.response.headers["x-request-id"],
    }
    assert client.get("/v1/files").json()["error"]["code"] == "not_found"
    assert client.get("/api/nothing", headers=VERSION).json() == {
        "error": "There is nothing at /api/nothing."
    }
