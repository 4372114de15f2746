"""Options, switches and the model: numbers as people write them, within bounds; what is not known
is left out; who names no model gets the default one."""

import json
from typing import Any

import pytest

from gateway.core.errors import Refusal
from gateway.dialects.ollama.options import MOST_REPEATED, TABLE
from gateway.dialects.protocol import Sanitised
from gateway.proxy.sanitise import ignored_header, sanitise
from tests.support.requests.ollama import ALL_OPTIONS
from tests.unit.dialects.tidied import (
    CHAT,
    COMPLETIONS,
    MINIMAL,
    NATIVE,
    RESPONSES,
    ask,
    dialect,
    refused,
    sent,
    taken,
)

NATIVES = [NATIVE, "/api/generate", "/api/embed", "/api/embeddings"]
each_native = pytest.mark.parametrize("path", NATIVES)
WHOLE = [name for name, option in TABLE.items() if option.whole]


def test_every_option_is_tried_here():
    assert set(TABLE) == set(ALL_OPTIONS)


@each_native
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [1.0, 1.75, 2**70, -(2**70), 1e300, -1e300, 2**31, True, "1"])
def test_a_whole_number_is_cut_to_what_the_server_may_be_told(path: str, name: str, value: Any):
    if isinstance(value, bool | str):
        assert refused(path, options={name: value}).param == f"options.{name}"
        return
    option = TABLE[name]
    found = getattr(taken(path, options={name: value}).parsed.options, name)
    assert isinstance(found, int)
    assert found == min(max(int(value), option.least), option.most)


@each_native
def test_an_option_that_is_not_known_is_left_out_and_named(path: str):
    given = {"temperature": 0.5, "n_probs": 9, "samplers": ["x"], "": 1}
    found = taken(path, options=given)
    assert found.ignored == ["options.n_probs", "options.samplers", "options."]
    assert sent(path, options=given)["options"].keys() <= {"temperature", "num_predict"}


@pytest.mark.parametrize("path", NATIVES[:2])
@pytest.mark.parametrize("name", ["repeat_last_n", "num_keep"])
@pytest.mark.parametrize(
    ("context", "num_ctx", "told"), [(0, None, MOST_REPEATED), (4096, None, 4096), (64, 512, 512)]
)
def test_no_more_is_looked_back_at_than_the_context_holds(
    path: str, name: str, context: int, num_ctx: int | None, told: int
):
    found = taken(path, options={name: 2**31 - 1, "num_ctx": num_ctx})
    found.model_context = context
    body = dialect(path).serialise(found, 7)
    assert isinstance(body, bytes)
    assert json.loads(body)["options"][name] == told
    for kept in (-1, 0, 64):
        assert sent(path, options={name: kept})["options"][name] == kept


@each_native
def test_more_texts_to_stop_at_than_anybody_needs_are_refused(path: str):
    assert sent(path, options={"stop": ["x"] * 256})["options"]["stop"]
    assert refused(path, options={"stop": ["x"] * 257}).param == "options.stop"


@each_native
def test_without_the_privilege_what_loads_the_model_is_left_out_and_the_rest_stays(path: str):
    loads = {"num_ctx": 8192.0, "num_gpu": 0, "use_mmap": False}
    found = taken(path, keep_alive=-1, options={**loads, "temperature": 0.5})
    assert found.privilege is not None
    assert not found.privilege.needed
    dialect(path).narrow(found)
    assert set(found.ignored) == {"keep_alive", *(f"options.{name}" for name in loads)}
    assert (found.privilege, found.context, found.answered_here) == (None, 0, False)
    body = dialect(path).serialise(found, 7)
    assert isinstance(body, bytes)
    tree = json.loads(body)
    assert "keep_alive" not in tree
    assert tree["options"].keys() <= {"temperature", "num_predict"}


@pytest.mark.parametrize(
    "field", [{"raw": True}, {"template": "x"}, {"context": [1]}, {"_debug_render_only": True}]
)
def test_beside_what_changes_the_answer_nothing_can_be_left_out(field: dict[str, Any]):
    found = taken("/api/generate", keep_alive=0, options={"num_ctx": 9}, **field)
    assert found.privilege is not None
    assert found.privilege.needed
    assert found.privilege.field == next(iter(field))


LOADS: list[tuple[str, dict[str, Any]]] = [
    *((path, {"prompt": ""}) for path in (COMPLETIONS, "/api/generate", "/api/embeddings")),
    (COMPLETIONS, {"prompt": [""]}),
    (COMPLETIONS, {"prompt": None}),
    *((RESPONSES, {"input": nothing}) for nothing in ("", [], None)),
    *((NATIVE, {"messages": nothing}) for nothing in ([], None)),
    *(("/api/embed", {"input": nothing}) for nothing in ("", [])),
]


@pytest.mark.parametrize(("path", "nothing"), LOADS)
@pytest.mark.parametrize("stream", [True, False])
def test_what_holds_nothing_to_read_is_answered_here_without_the_privilege(
    path: str, nothing: dict[str, Any], stream: bool
):
    found = taken(path, **nothing, **({} if "embed" in path else {"stream": stream}))
    assert found.loads
    assert found.privilege is not None
    dialect(path).narrow(found)
    assert found.answered_here
    answer = dialect(path).load_answer
    assert answer is not None
    told = answer(found)
    assert b"load" in told or "embed" in path or path == RESPONSES
    if found.stream:
        assert told.endswith(b"\n\n")
        assert told.startswith((b"data: ", b"event: "))
    else:
        assert json.loads(told)


def test_a_response_with_instructions_alone_is_no_load():
    assert not taken(RESPONSES, input="", instructions="Say hello.").loads


@pytest.mark.parametrize("path", MINIMAL)
@pytest.mark.parametrize("named", [{}, {"model": None}, {"model": ""}, {"model": " \t"}])
def test_where_no_model_is_named_the_default_one_is_asked(path: str, named: dict[str, Any]):
    body = json.dumps({**MINIMAL[path], **named}).encode()
    found = sanitise(dialect(path), body, {"small:latest": "big:7b"}, "small")
    assert isinstance(found, Sanitised), found
    assert (found.model, found.alias) == ("big:7b", "small")
    tree = dialect(path).serialise(found, 7)
    assert isinstance(tree, bytes)
    assert json.loads(tree)["model"] == "big:7b"


def test_the_header_names_what_was_left_out_and_nothing_a_header_cannot_hold():
    found = taken(CHAT)
    assert ignored_header(found) is None
    found.ignored = ["keep_alive", "options.num_ctx", "keep_alive", "tools.a\r\nX: y"]
    found.ignored.append("t." + "é" * 99)
    name, value = ignored_header(found) or (b"", b"")
    assert name == b"x-localllm-ignored"
    assert value.startswith(b"keep_alive, options.num_ctx, tools.a??X??y, t.???")
    assert len(value) < 200
    found.ignored = [f"options.o{number}" for number in range(50)]
    _, value = ignored_header(found) or (b"", b"")
    assert value.count(b",") == 20
    assert value.endswith(b"and 30 more")


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_switch_of_the_template_is_passed_on_and_what_could_be_more_is_not(path: str):
    kept = {"enable_thinking": False, "thinking_budget": 5, "reasoning_effort": "low"}
    other: dict[str, Any] = {
        "chat_template": "x",
        "Chat_Template": True,
        "tokenize": True,
        "messages": "x",
        "max_length": 2**40,
        "a b": True,
        "greeting": "{{ x }}",
        "text": "x" * 65,
        "documents": [],
        "nested": {"a": 1},
        "nothing": None,
    }
    found = taken(path, chat_template_kwargs={**kept, **other})
    assert found.parsed.chat_template_kwargs == kept
    assert found.ignored == [f"chat_template_kwargs.{name}" for name in other]
    many = {f"s{number}": True for number in range(100)}
    assert len(sent(path, chat_template_kwargs=many)["chat_template_kwargs"]) == 32


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, RESPONSES])
def test_top_k_and_min_p_are_passed_on_as_whole_as_they_are_meant(path: str):
    request = sent(path, top_k=40.0, min_p=1)
    assert (request["top_k"], request["min_p"]) == (40, 1)
    for wrong in (40.5, 2**31, -2, "40"):
        assert refused(path, top_k=wrong).param == "top_k"


def test_arguments_may_be_null():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": None}}
    assert isinstance(
        ask(CHAT, messages=[{"role": "assistant", "content": "", "tool_calls": [call]}]), Sanitised
    )


def test_this_project_s_own_route_still_says_which_field_it_does_not_know():
    found = ask("/v1/generate", keep_alive=1)
    assert isinstance(found, Refusal)
