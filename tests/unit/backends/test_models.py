"""What the catalogue makes of what a model server tells, however odd."""

from typing import Any

import pytest

from gateway.backends.model import Model
from gateway.core.errors import Refusal
from gateway.dialects.shared.prompt import MESSAGE_OVERHEAD
from tests.support.told_models import ALIAS, LISTED, TAG, Told, models


@pytest.mark.anyio
async def test_a_name_nobody_can_ask_for_does_not_hide_the_other_models():
    told = Told(tags={"models": [{"name": "two words"}, ALIAS, TAG]})
    found = models(told)
    assert (await found.find("innocent:latest")) == Model("innocent", remote=True)
    model = await found.find("gemma3:270m")
    assert model is not None
    assert model.context_length == 32768


@pytest.mark.anyio
async def test_the_system_prompt_of_a_model_is_known_by_its_bytes():
    told = Told(tags={"models": [TAG]}, show={"system": "Sei höflich."})
    model = await models(told).find("gemma3:270m")
    assert model is not None
    assert model.system_bytes == len("Sei höflich.".encode())


@pytest.mark.anyio
async def test_the_messages_of_a_modelfile_count_as_prompt_too():
    said = [{"role": "user", "content": "Grüß dich"}, {"role": "assistant", "content": "Hallo"}]
    told = Told(tags={"models": [TAG]}, show={"system": "Sei höflich.", "messages": said})
    model = await models(told).find("gemma3:270m")
    assert model is not None
    text = "".join(["Sei höflich.", "user", "Grüß dich", "assistant", "Hallo"])
    assert model.system_bytes == len(text.encode()) + 2 * MESSAGE_OVERHEAD


@pytest.mark.anyio
async def test_a_server_that_is_not_ollama_is_asked_as_openai():
    told = Told(models={"data": [{"id": "m", "meta": {"n_ctx": 4096}}, {"id": "//"}]})
    found = models(told)
    assert await found.find("m:latest") == Model("m", context_length=4096)
    assert found.known


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"[]", b'{"models": 3}', b"", b'{"models":[{"name":"\xff"}]}', b"[" * 5000],
)
async def test_nonsense_is_no_knowledge_and_does_not_make_the_next_request_wait(answer: bytes):
    told = Told(tags=answer, models=answer)
    found = models(told)
    assert await found.find("m:latest") is None
    assert not found.known
    asked = len(told.asked)
    assert await found.find("m:latest") is None
    assert len(told.asked) == asked


SLOW, BROKEN = Refusal("upstream_timeout"), Refusal("upstream_error", "500")
CUT = Refusal("upstream_unavailable")  # also one whose list is too long, or stops half-way


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [SLOW, BROKEN, CUT])
async def test_an_alias_of_the_cloud_is_not_let_through_while_ollama_does_not_tell(
    failure: Refusal,
):
    told = Told(tags=failure, models=LISTED)
    found = models(told)
    assert isinstance(await found.find("innocent:latest"), Refusal)
    told.answers["tags"] = {"models": [ALIAS]}
    assert await found.find("innocent:latest") == Model("innocent", remote=True)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "odd",
    [
        {"remote_host": None, "remote_model": None},
        {"remote_host": 1},
        {"digest": None},
        {"details": {"context_length": -1.5}},
        {"details": []},
    ],
)
async def test_one_odd_entry_does_not_open_the_way_to_the_cloud(odd: dict[str, Any]):
    told = Told(tags={"models": [{**TAG, **odd}, ALIAS]}, models=LISTED)
    found = models(told)
    assert await found.find("innocent:latest") == Model("innocent", remote=True)
    assert await found.find("gemma3:270m") is not None
    assert not found.foreign


@pytest.mark.anyio
async def test_an_ollama_without_models_may_say_so_with_null():
    found = models(Told(tags={"models": None}, models=LISTED))
    assert await found.find("innocent:latest") is None
    assert found.known
    assert not found.foreign


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [SLOW, BROKEN, CUT])
async def test_what_ollama_told_last_holds_while_it_fails(failure: Refusal):
    told = Told(tags={"models": [ALIAS]}, models=LISTED)
    found = models(told)
    await found.find("innocent:latest")
    told.answers["tags"] = failure
    await found.refresh()
    assert await found.find("innocent:latest") == Model("innocent", remote=True)


@pytest.mark.anyio
async def test_an_ollama_that_was_away_is_asked_before_its_first_request():
    told = Told(tags=CUT)
    found = models(told)
    assert await found.find("innocent:latest") == CUT
    told.answers["tags"] = {"models": [ALIAS]}
    assert await found.find("innocent:latest") == Model("innocent", remote=True)


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [SLOW, BROKEN, CUT])
async def test_what_another_server_listed_holds_while_it_fails(failure: Refusal):
    told = Told(models={"data": [{"id": "Org/Big", "max_model_len": 4096}]})
    found = models(told)
    assert await found.find("org/big:latest") == Model("Org/Big", context_length=4096)
    told.answers["models"] = failure
    await found.refresh()
    assert await found.find("org/big:latest") == Model("Org/Big", context_length=4096)
    assert found.foreign


@pytest.mark.anyio
async def test_an_odd_entry_of_another_server_hides_only_itself():
    told = Told(models={"data": [{"id": 5}, {"id": "Org/Big"}, "nonsense"]})
    assert await models(told).find("org/big:latest") == Model("Org/Big")


@pytest.mark.anyio
@pytest.mark.parametrize("length", [-5, 0, True, 1.5, "4096", 10**18, None, []])
async def test_a_context_that_can_be_none_is_not_known(length: Any):
    tag = {**TAG, "details": {"context_length": length}}
    model = await models(Told(tags={"models": [tag]})).find("gemma3:270m")
    assert isinstance(model, Model) and model.context is None
    listed = {"data": [{"id": "m", "max_model_len": length, "meta": {"n_ctx": length}}]}
    model = await models(Told(models=listed)).find("m:latest")
    assert isinstance(model, Model) and model.context is None
