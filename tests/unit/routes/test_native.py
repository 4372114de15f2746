"""Which server answers behind the gateway decides whether Ollama's own routes are there."""

from typing import Any, cast

import anyio
import pytest
from litestar import Request

from gateway.backends.models import ModelList
from gateway.core.errors import Refusal
from gateway.http.body_budget import BodyBudget, Lease
from gateway.http.caller import Payer
from gateway.routes.native import show_request
from tests.support.told_models import LISTED, TAG, Told, models


async def asked(told: Told) -> ModelList:
    found = models(told)
    await found.find("m:latest")
    return found


@pytest.mark.anyio
async def test_a_server_without_ollamas_list_of_models_is_a_foreign_one():
    assert (await asked(Told(models=LISTED))).foreign
    assert not (await asked(Told(tags={"models": [TAG]}, models=LISTED))).foreign
    assert not (await asked(Told())).foreign  # it may be one that is asked for answers only


@pytest.mark.anyio
@pytest.mark.parametrize("failure", ["upstream_unavailable", "upstream_timeout", "upstream_error"])
async def test_a_server_that_fails_is_not_taken_for_a_foreign_one(failure: str):
    assert not (await asked(Told(tags=Refusal(failure), models=LISTED))).foreign


@pytest.mark.anyio
async def test_an_ollama_that_takes_the_place_of_another_server_is_none_any_more():
    told = Told(models=LISTED)
    found = await asked(told)
    told.answers["tags"] = {"models": [TAG]}
    await found.refresh()
    assert not found.foreign


@pytest.mark.anyio
async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("gateway.http.body.GRACE", 0.01)
    scope: Any = {"type": "http", "method": "POST", "path": "/api/show", "headers": []}
    request = Request[Any, Any, Any](scope, cast(Any, anyio.sleep_forever))
    with anyio.fail_after(5):
        lease = Lease(BodyBudget(1), Payer("a"))
        assert await show_request(request, lease) == Refusal("request_timeout")
