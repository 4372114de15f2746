"""What was checked is what is sent: nothing that Ollama could read in another way gets through."""

import json

import msgspec
import pytest

from gateway.core.errors import Refusal
from gateway.dialects.openai.chat import CHAT
from gateway.dialects.openai.chat.request import ChatRequest
from gateway.dialects.protocol import Sanitised
from gateway.dialects.shared import strict_json
from tests.support.requests.full_chat import FULL, MINIMAL


def parse(body: bytes) -> ChatRequest | Refusal:
    return strict_json.parse(body, ChatRequest, lambda tree: CHAT.tidy(tree, []))


def refused(body: bytes) -> Refusal:
    result = parse(body)
    assert isinstance(result, Refusal)
    assert result.kind.status == 400
    assert result.message
    return result


def accepted(body: bytes) -> ChatRequest:
    result = parse(body)
    assert isinstance(result, ChatRequest), result
    return result


def test_every_known_field_arrives_unchanged():
    request = accepted(json.dumps(FULL).encode())
    assert json.loads(msgspec.json.encode(request)) == FULL


@pytest.mark.parametrize(
    "extra", [{"STREAM": True}, {"stream_options": {"Include_Usage": False}}, {"reaſoning": {}}]
)
def test_a_variant_is_refused_even_where_the_known_key_is_missing(extra):
    assert "in case only" in refused(json.dumps({**MINIMAL, **extra}).encode()).message


@pytest.mark.parametrize(
    "extra",
    [
        '"x":{"a":1,"a":1}',
        '"x":[[{"a":1,"\\u0061":2}]]',
        '"tools":[{"type":"f","function":{"name":"f","parameters":{"p":{"a":1,"a":1}}}}]',
    ],
)
def test_duplicates_are_refused_in_parts_that_nobody_knows_too(extra):
    refused(json.dumps(MINIMAL)[:-1].encode() + b"," + extra.encode() + b"}")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "9" * 5000, "01", "+1"]
)
@pytest.mark.parametrize("place", ['"temperature":%s', '"seed":%s', '"max_tokens":[%s]'])
def test_a_number_that_is_none_or_too_large_is_refused(number, place):
    refused(json.dumps(MINIMAL)[:-1].encode() + b"," + (place % number).encode() + b"}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 5000])
def test_such_a_number_is_refused_in_a_part_that_nobody_knows_too(number):
    refused(json.dumps(MINIMAL)[:-1].encode() + f',"x":{{"y":[{number}]}}}}'.encode())


@pytest.mark.parametrize("written", ["5", "5.0", "5e0", "0.5E1", "50e-1"])
def test_a_whole_number_is_one_however_it_is_written(written):
    body = json.dumps(MINIMAL)[:-1] + f',"max_tokens":{written},"temperature":{written}}}'
    request = accepted(body.encode())
    assert (request.max_tokens, request.temperature) == (5, 5.0)


def test_500_lists_and_objects_in_one_another_are_read_and_more_refused_by_every_python():
    def nested(depth: int) -> bytes:
        extra = "[" * (depth - 1) + "]" * (depth - 1)
        return json.dumps(MINIMAL)[:-1].encode() + f',"x":{extra}}}'.encode()

    accepted(nested(500))
    for depth in (501, 900, 2_000, 50_000):
        assert "nested too deeply" in refused(nested(depth)).message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{",
        b"{}",
        b"not json",
        b"{'model':'m'}",
        json.dumps(MINIMAL).encode() + b"{}",
        json.dumps(MINIMAL).encode() + b"x",
        json.dumps(MINIMAL).encode() + b"\0",
        json.dumps(MINIMAL).encode()[:-1] + b",}",
        b"\xef\xbb\xbf" + json.dumps(MINIMAL).encode(),
        json.dumps(MINIMAL).encode("utf-16"),
        json.dumps(MINIMAL).encode().replace(b"hi", b"\xff"),
        json.dumps(MINIMAL).encode().replace(b"hi", b"\xc0\xaf"),
        json.dumps(MINIMAL).encode().replace(b"hi", b"\xed\xa0\x80"),
        json.dumps(MINIMAL).encode().replace(b"hi", b"a\nb"),
        json.dumps(MINIMAL).encode().replace(b"hi", b"a\0b"),
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"," + json.dumps(MINIMAL).encode()[1:],
        b'{"x":' + b"[" * 200_000,
    ],
    ids=lambda body: ascii(body[:24]),
)
def test_what_is_not_one_plain_json_object_is_refused(body):
    refused(body)


def test_white_space_around_the_object_is_no_matter():
    assert accepted(b" \r\n\t" + json.dumps(MINIMAL).encode() + b"\n") == accepted(
        json.dumps(MINIMAL).encode()
    )


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": 1}, "model"),
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": {"text": "x"}}]}, "messages[0].content"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 5.5}, "max_tokens"),
        ({"max_tokens": 1e300}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 2**63}, "max_tokens"),
        ({"temperature": "1"}, "temperature"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"stop": [1]}, "stop[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tool_choice": 5, "tools": [{"function": {"name": "f"}}]}, "tool_choice"),
        ({"chat_template_kwargs": "x"}, "chat_template_kwargs"),
        ({"top_k": 2**31}, "top_k"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_type_is_refused_and_named(changes, param):
    refusal = refused(json.dumps({**MINIMAL, **changes}).encode())
    assert refusal.param == param
    assert param in refusal.message


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\ude00 cut", "\ufffd cut"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\uD83D\uDE00\uDE00", "😀\ufffd"),
        (r"\ud83dx\ude00", "\ufffdx\ufffd"),
        (r"\\ud83d", r"\ud83d"),  # an escaped backslash, and letters
        (r"\\\ud83d", "\\\ufffd"),
        (r"\n\ud83d\n", "\n\ufffd\n"),
        (r"\u0041\ud83d", "A\ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_read_as_go_reads_it(written: str, read: str):
    body = json.dumps(MINIMAL).replace("hi", written).encode()
    asked = CHAT.sanitise(body)
    assert isinstance(asked, Sanitised), asked
    sent = CHAT.serialise(asked, 1)
    assert isinstance(sent, bytes)
    assert json.loads(sent)["messages"][0]["content"] == read
    assert asked.prompt_bytes == len(read.encode())


def test_such_halves_in_keys_are_the_same_key():
    tool = {"function": {"name": "f", "parameters": {"\ud800": 1}}}
    asked = CHAT.sanitise(json.dumps({**MINIMAL, "tools": [tool]}).encode())
    assert isinstance(asked, Sanitised)
    tool["function"]["parameters"] |= {"\ud801": 1}
    refusal = CHAT.sanitise(json.dumps({**MINIMAL, "tools": [tool]}).encode())
    assert isinstance(refusal, Refusal)
    assert "twice" in refusal.message


def test_a_body_that_is_not_for_the_model_may_not_hold_half_a_pair():
    parsed = strict_json.parse(b'{"model":"\\ud800","messages":[{"role":"u"}]}', ChatRequest)
    assert not isinstance(parsed, Refusal)
    assert isinstance(strict_json.encode(parsed), Refusal)


def test_many_backslashes_take_no_longer_than_their_number():
    text = "\\\\" * 1_000_000
    asked = CHAT.sanitise(json.dumps(MINIMAL).replace("hi", text + r"\ud83d").encode())
    assert isinstance(asked, Sanitised)


def test_a_whole_surrogate_pair_is_the_character_it_stands_for():
    body = json.dumps(MINIMAL).encode().replace(b"hi", b"\\ud83d\\ude00")
    assert accepted(body).messages[0].content == "😀"


def test_an_integer_that_fits_no_machine_word_is_no_failure_inside_a_schema():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"maximum": 2**70}}}
    result = CHAT.sanitise(json.dumps({**MINIMAL, "tools": [tool]}).encode())
    assert not isinstance(result, Refusal)
    sent = CHAT.serialise(result, 1)
    assert isinstance(sent, bytes)
    assert json.loads(sent)["tools"] == [tool]


@pytest.mark.parametrize("value", [b"[],", b"{},", b"0,"])
def test_a_body_of_countless_values_is_refused_before_it_is_read(value: bytes):
    body = b'{"model":"m","x":[' + value * (strict_json.MOST_VALUES + 1) + b"0]}"
    refusal = strict_json.parse(body, ChatRequest)
    assert isinstance(refusal, Refusal)
    assert "too many values" in refusal.message


@pytest.mark.parametrize("text", ['[{",', '\\"[\\",', "\\\\,", '\\\\",{'])
def test_a_text_may_hold_any_number_of_commas_and_brackets(text: str):
    content = text * (strict_json.MOST_VALUES + 1)
    body = json.dumps({**MINIMAL, "messages": [{"role": "user", "content": content}]})
    assert accepted(body.encode()).messages[0].content == content


def test_a_body_of_more_texts_than_values_is_refused_before_it_is_taken_apart():
    refusal = strict_json.parse(b'"",' * 10_000_000, ChatRequest)
    assert isinstance(refusal, Refusal)
    assert "too many values" in refusal.message
