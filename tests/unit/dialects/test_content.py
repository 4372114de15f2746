"""Items, blocks and parts: what a model can read of them reaches it, and counts as prompt."""

import base64
from typing import Any

import pytest

from gateway.dialects.openai.responses import kinds as responses
from tests.unit.dialects.tidied import CHAT, MESSAGES, NATIVE, RESPONSES, refused, sent, taken

WORDS = "words that were read somewhere"
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
BLOCKS = [
    {"type": "document", "source": {"type": "text", "data": WORDS}},
    {"type": "document", "source": {"type": "content", "content": WORDS}},
    {"type": "document", "source": {"type": "content", "content": [{"text": WORDS}]}},
    {"type": "search_result", "source": "s", "title": WORDS, "content": []},
    {"type": "search_result", "source": "s", "content": [{"type": "text", "text": WORDS}]},
    {"type": "tool_reference", "tool_name": WORDS},
    {"type": "something_new", "text": WORDS},
    {"type": "something_new", "content": [{"content": [{"text": WORDS}]}]},
    {"text": WORDS},
]


def in_result(block: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": "1", "content": [block]}]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
@pytest.mark.parametrize("result", [False, True])
def test_text_of_anthropic_s_blocks_is_prompt(block: dict[str, Any], result: bool):
    content = in_result(block) if result else [block]
    asked = {"messages": [{"role": "user", "content": content}]}
    [made] = sent(MESSAGES, **asked)["messages"][0]["content"]
    made = made["content"][0] if result else made
    assert made["type"] == "text"
    assert WORDS in made["text"]
    assert taken(MESSAGES, **asked).prompt_bytes >= len(WORDS)
    assert taken(MESSAGES, **asked).ignored == []


def test_text_of_a_system_s_blocks_is_too():
    assert sent(MESSAGES, system=BLOCKS)["system"][0]["type"] == "text"
    assert len(sent(MESSAGES, system=BLOCKS)["system"]) == len(BLOCKS)


KINDS = [
    *("server_tool_use", "mcp_tool_use", "container_upload", "redacted_something", "Text", ""),
    "x" * 999,
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_without_text_is_left_out_and_named(kind: str):
    content = [{"type": "text", "text": "a"}, {"type": kind, "id": "1", "input": {"a": "b"}}]
    asked = {"messages": [{"role": "user", "content": content}]}
    assert sent(MESSAGES, **asked)["messages"][0]["content"] == content[:1]
    assert taken(MESSAGES, **asked).ignored == [f"content.{kind or 'untyped'}"]


@pytest.mark.parametrize("kind", ["url", "file", "", "Base64", None])
@pytest.mark.parametrize("block", ["image", "document"])
@pytest.mark.parametrize("result", [False, True])
def test_what_somebody_would_have_to_fetch_is_refused(block: str, kind: Any, result: bool):
    source = {"type": kind, "url": "http://10.0.0.1", "file_id": "1", "data": "x"}
    content: Any = [{"type": block, "source": source}]
    content = in_result(content[0]) if result else content
    asked = [*[{"role": "user", "content": "x"}] * 2, {"role": "user", "content": content}]
    refusal = refused(MESSAGES, messages=asked)
    inner = ".content[0]" if result else ""
    assert refusal.param == f"messages[2].content[0]{inner}.source.type"
    assert "base64" in refusal.message


def test_a_document_in_base64_goes_on_as_it_is():
    content = [{"type": "document", "source": PIXEL}]
    asked = [{"role": "user", "content": content}]
    assert sent(MESSAGES, messages=asked)["messages"] == asked


def test_the_format_of_an_answer_is_passed_on_and_counts():
    form = {"type": "json_schema", "schema": {"type": "object", "description": WORDS}}
    for fields in ({"output_config": {"format": form}}, {"output_format": form}):
        assert sent(MESSAGES, **fields)["output_config"] == {"format": form}
        assert taken(MESSAGES, **fields).prompt_bytes > len(WORDS)


PARTS: dict[str, list[dict[str, Any]]] = {
    CHAT: [
        {"type": "refusal", "refusal": WORDS},
        {"type": "thinking", "thinking": WORDS},
        {"type": "input_text", "text": WORDS},
        {"text": WORDS},
    ],
    RESPONSES: [
        {"type": "refusal", "refusal": WORDS},
        {"type": "summary_text", "text": WORDS},
        {"type": "text", "text": WORDS},
        {"type": "something_new", "content": [{"text": WORDS}]},
        {"text": WORDS},
    ],
}


def said(path: str, part: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": [part]}
    return {"messages" if path == CHAT else "input": [message]}


@pytest.mark.parametrize(
    ("path", "part"), [(path, part) for path, parts in PARTS.items() for part in parts]
)
def test_text_of_openai_s_parts_is_prompt(path: str, part: dict[str, Any]):
    asked = said(path, part)
    [[message]] = [sent(path, **asked)[name] for name in asked]
    [made] = message["content"]
    assert made["type"] in {"text", "input_text", "output_text"}
    assert made["text"] == WORDS
    assert taken(path, **asked).prompt_bytes >= len(WORDS)


def data_url(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


def file_part(path: str, **fields: Any) -> dict[str, Any]:
    if path == CHAT:
        return {"type": "file", "file": fields}
    return {"type": "input_file", **fields}


@pytest.mark.parametrize("path", PARTS)
def test_a_file_of_text_is_text_and_one_that_is_elsewhere_is_refused(path: str):
    text = said(path, file_part(path, file_data=data_url("text/plain", WORDS), filename="a.txt"))
    assert WORDS in str(sent(path, **text))
    for elsewhere in ({"file_id": "file_1"}, {"file_url": "http://10.0.0.1/x"}):
        refusal = refused(path, **said(path, file_part(path, **elsewhere)))
        assert refusal.param
        assert refusal.param.endswith(f"content[0].{next(iter(elsewhere))}")
    pdf = said(path, file_part(path, file_data=data_url("application/pdf", WORDS)))
    assert len(taken(path, **pdf).ignored) == 1


def test_a_picture_that_is_kept_elsewhere_is_refused():
    assert refused(RESPONSES, **said(RESPONSES, {"type": "input_image", "file_id": "f"})).param


LEFT_OUT = [name for name, kind in responses.ITEMS.known.items() if kind.fate == "left out"]


@pytest.mark.parametrize("kind", [*LEFT_OUT, "", "Message", "something_new"])
def test_an_item_that_a_server_made_is_left_out_and_named(kind: str):
    item = {"type": kind, "id": "1", "action": {"type": "search"}, "output": {"type": "x"}}
    message = {"role": "user", "content": "hi"}
    assert sent(RESPONSES, input=[item, message])["input"] == [message]
    assert taken(RESPONSES, input=[item, message]).ignored == [f"input.{kind or 'untyped'}"]


@pytest.mark.parametrize(
    ("call", "name", "arguments"),
    [
        ({"type": "custom_tool_call", "name": "patch", "input": "x"}, "patch", '{"input":"x"}'),
        (
            {"type": "local_shell_call", "action": {"command": ["ls"]}},
            "local_shell",
            '{"command":["ls"]}',
        ),
        ({"type": "shell_call", "action": {"commands": []}}, "shell", '{"commands":[]}'),
        ({"type": "apply_patch_call", "operation": {"a": 1}}, "apply_patch", '{"a":1}'),
    ],
)
def test_what_the_client_ran_stays_as_a_call_and_its_result(call: Any, name: str, arguments: str):
    result = {"type": f"{call['type']}_output", "call_id": "c", "output": "ok"}
    items = sent(RESPONSES, input=[{**call, "call_id": "c"}, result])["input"]
    assert items == [
        {"type": "function_call", "call_id": "c", "name": name, "arguments": arguments},
        {"type": "function_call_output", "call_id": "c", "output": "ok"},
    ]


def test_a_freeform_call_in_a_chat_stays_too():
    call = {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "x"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    [made] = sent(CHAT, messages=[message])["messages"][0]["tool_calls"]
    assert made["function"] == {"name": "patch", "arguments": '{"input":"x"}'}


def test_a_reference_to_what_is_not_kept_is_refused_and_says_what_to_send():
    refusal = refused(RESPONSES, input=[{"type": "item_reference", "id": "msg_1"}])
    assert refusal.param == "input[0].type"
    assert "store: false" in refusal.message


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt"])
def test_an_empty_id_is_none(field: str):
    objects: list[Any] = [] if field == "previous_response_id" else [{}, {"id": ""}]
    for nothing in ("", None, *objects):
        assert field not in sent(RESPONSES, **{field: nothing})
    assert refused(RESPONSES, **{field: "x"}).param == field


@pytest.mark.parametrize("path", [CHAT, NATIVE, MESSAGES])
def test_an_empty_list_of_content_goes_up_as_an_empty_text(path: str):
    call = {"id": "c1", "function": {"name": "f", "arguments": {} if path == NATIVE else "{}"}}
    message: dict[str, Any] = {"role": "assistant", "content": [], "tool_calls": [call]}
    assert sent(path, messages=[message])["messages"][0]["content"] == ""


def test_in_a_response_too():
    item = {"role": "assistant", "content": []}
    assert sent(RESPONSES, input=[item])["input"][0]["content"] == ""


def test_what_was_thought_goes_up_in_the_words_of_both_kinds_of_server():
    message = {"role": "assistant", "content": "a", "reasoning_content": WORDS}
    [made] = sent(CHAT, messages=[message])["messages"]
    assert (made["reasoning"], made["reasoning_content"]) == (WORDS, WORDS)
    assert taken(CHAT, messages=[message]).prompt_bytes >= 2 * len(WORDS)
