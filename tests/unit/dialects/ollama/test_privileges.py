"""What changes Ollama for everybody needs a scope of its own, and is metered all the same."""

import json
from typing import Any

import pytest

from gateway.dialects import all_dialects
from gateway.dialects.ollama import privileges
from gateway.dialects.ollama.chat import OLLAMA_CHAT
from gateway.dialects.ollama.embed import OLLAMA_EMBED, OLLAMA_EMBEDDINGS
from gateway.dialects.ollama.generate import OLLAMA_GENERATE
from gateway.dialects.ollama.options import LOADING as LOADING_OPTIONS
from gateway.dialects.protocol import Dialect, Privilege, Sanitised, Usage
from gateway.proxy.meter import BodyMeter
from tests.support.requests.ollama import HARMLESS, KEPT_BACK, LOADING, NATIVE_FIELDS
from tests.support.requests.privileges import FIELD, ONLY_THERE

USUAL: dict[Dialect, dict[str, Any]] = {
    OLLAMA_CHAT: {"messages": [{"role": "user", "content": "hi"}]},
    OLLAMA_GENERATE: {"prompt": "hi"},
    OLLAMA_EMBED: {"input": "hi"},
    OLLAMA_EMBEDDINGS: {"prompt": "hi"},
}
each = pytest.mark.parametrize("dialect", USUAL, ids=lambda one: one.path)
GENERATE, CHAT = (
    next(one for one in USUAL if one.path == path) for path in ("/api/generate", "/api/chat")
)


def asked(dialect: Dialect, **fields: Any) -> Sanitised:
    found = dialect.sanitise(json.dumps({"model": "m", **USUAL[dialect], **fields}).encode())
    assert isinstance(found, Sanitised), found
    return found


def sent(dialect: Dialect, granted: int, **fields: Any) -> dict[str, Any]:
    body = dialect.serialise(asked(dialect, **fields), granted)
    assert isinstance(body, bytes)
    return json.loads(body)


def named(found: Sanitised) -> str:
    assert isinstance(found.privilege, Privilege)
    assert found.privilege.scope == "ollama:native"
    assert found.privilege.why
    return found.privilege.field


def test_every_native_dialect_and_every_field_that_is_kept_back_is_tried_here():
    assert {one.path for one in USUAL} == {one.path for one in all_dialects() if one.native}
    tried = {name for name, _ in NATIVE_FIELDS}
    options = {f"options.{name}" for name in LOADING_OPTIONS}
    assert tried == {*privileges.KEPT_BACK, *options}
    assert {f"options.{name}" for name in LOADING} == options


@each
@pytest.mark.parametrize(("name", "field"), KEPT_BACK)
def test_a_field_that_changes_the_machine_needs_the_scope_and_goes_on_as_it_is(
    dialect: Dialect, name: str, field: dict[str, Any]
):
    body = sent(dialect, 9, **field)
    if dialect.path not in ONLY_THERE.get(name, {dialect.path}):
        assert asked(dialect, **field).privilege is None  # dropped like any foreign field
        assert not set(field) & set(body)
        return
    assert named(asked(dialect, **field)) == name
    if name.startswith("options."):
        assert body["options"].items() >= field["options"].items()
    else:
        assert body.items() >= field.items()


@each
@pytest.mark.parametrize("field", HARMLESS)
def test_what_says_nothing_needs_no_scope_and_does_not_go_on(
    dialect: Dialect, field: dict[str, Any]
):
    assert asked(dialect, **field).privilege is None
    assert sent(dialect, 9, **field).get("options", {}).keys() <= {"num_predict"}
    assert not set(sent(dialect, 9, **field)) & {*privileges.KEPT_BACK}


@each
@pytest.mark.parametrize("nothing", ["left out", None, ""])
@pytest.mark.parametrize("keep", [{}, {"keep_alive": 0}, {"options": {"num_ctx": 512}}])
def test_a_call_that_only_loads_or_drops_the_model_needs_the_scope_and_holds_no_token(
    dialect: Dialect, nothing: Any, keep: dict[str, Any]
):
    field = FIELD.get(dialect.path, "prompt")
    given = [] if nothing == "" and dialect.path == "/api/chat" else nothing
    text = {"model": "m", "stream": True, **keep}
    if nothing != "left out":
        text[field] = given
    found = dialect.sanitise(json.dumps(text).encode())
    assert isinstance(found, Sanitised)
    assert named(found) == field
    assert (found.prompt_bound, found.prompt_bytes, found.messages) == (0, 0, 0)
    assert found.max_output == 0
    assert found.stream is False  # Ollama answers it whole, whatever is asked
    body = dialect.serialise(found, 0)
    assert isinstance(body, bytes)
    told = json.loads(body)
    assert not told.get(field)
    assert told.items() >= {key: keep[key] for key in keep if key != "options"}.items()
    if dialect.scope == "chat":  # 0 would be no end, for a server that generates all the same
        assert told["options"]["num_predict"] == 1
        assert told["stream"] is False


def test_an_empty_list_of_texts_loads_and_a_list_with_an_empty_text_does_not():
    embed = next(one for one in USUAL if one.path == "/api/embed")
    assert named(asked(embed, input=[])) == "input"
    assert asked(embed, input=[""]).privilege is None
    assert asked(embed, input=[""]).inputs == 1


@pytest.mark.parametrize("more", [{"images": ["aGk="]}, {"system": "be"}, {"context": [1]}])
def test_a_prompt_that_is_empty_only_loads_whatever_stands_beside_it(more: dict[str, Any]):
    found = asked(GENERATE, prompt="", **more)
    assert (named(found), found.max_output, found.fills_context) == ("prompt", 0, False)


def test_a_context_that_is_asked_for_is_told():
    for dialect in USUAL:
        assert asked(dialect).context == 0
        for size, told in ((512, 512), (0, 0), (-1, 0), (2**62, 2**31 - 1)):
            assert asked(dialect, options={"num_ctx": size}).context == told


def test_a_template_and_earlier_tokens_are_part_of_the_prompt_and_can_fill_the_context():
    plain = asked(GENERATE)
    assert not plain.fills_context
    template = asked(GENERATE, template="{{ .Prompt }}" + "x" * 1000)
    assert template.prompt_bound >= plain.prompt_bound + 1013
    assert template.fills_context  # {{ range 1000000 }}… prints more than it has bytes
    context = asked(GENERATE, context=[5] * 1000)
    assert context.prompt_bound >= plain.prompt_bound + 1000
    assert context.fills_context
    assert asked(GENERATE, raw=True).prompt_bound == plain.prompt_bound
    assert not asked(GENERATE, raw=True).fills_context


@pytest.mark.parametrize("dialect", [GENERATE, CHAT], ids=["generate", "chat"])
def test_a_prompt_that_is_only_shown_comes_whole_but_is_held_as_if_it_were_answered(
    dialect: Dialect,
):
    """An older Ollama does not know the field and answers."""
    found = asked(dialect, _debug_render_only=True, stream=True, options={"num_predict": 5})
    plain = asked(dialect, options={"num_predict": 5})
    assert found.stream is False
    assert (found.max_output, found.prompt_bound) == (plain.max_output, plain.prompt_bound)
    assert sent(dialect, 3, _debug_render_only=True)["options"]["num_predict"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "load"},
        {"response": "", "done": True, "done_reason": "unload"},
        {"response": "", "done": False, "_debug_info": {"rendered_template": "<user>hi"}},
        {"message": {"content": ""}, "done": False, "_debug_info": {"image_count": 0}},
    ],
)
def test_where_nothing_was_read_nothing_is_counted_and_the_answer_is_whole(body: dict[str, Any]):
    meter = BodyMeter(GENERATE, json.dumps({"model": "m", **body}).encode())
    assert (meter.usage, meter.complete, meter.broken) == (Usage(0, 0), True, False)
    assert (meter.text(), meter.estimate()) == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"response": "text", "done": True, "done_reason": "load"},
        {"response": "text", "done": False, "_debug_info": {}},
        {"message": {"content": "text"}, "done": True, "done_reason": "unload"},
        {"response": "text", "done": False, "done_reason": None},
    ],
)
def test_text_that_came_is_counted_whatever_the_answer_calls_itself(body: dict[str, Any]):
    meter = BodyMeter(GENERATE, json.dumps({"model": "m", **body}).encode())
    assert meter.usage is None
    assert meter.estimate() == 1
