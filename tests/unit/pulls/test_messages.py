"""What may be pulled is a name in Ollama's registry, and nothing else goes to Ollama."""

import json

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.pulls.messages import PullRequest, Wanted, read, state
from gateway.pulls.progress import Progress
from tests.support.hostile_names import HOSTILE

ALIASES = {"gpt-4o-mini:latest": "qwen2.5:7b", "far:latest": "hf.co/x/y", "cased:latest": "MF/X"}


def ask(model: object, **more: object) -> Wanted | Refusal:
    return read(json.dumps({"model": model, **more}).encode(), ALIASES)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_name_in_the_registry_is_refused_by_name(name: str) -> None:
    refusal = ask(name)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.param) == ("invalid_request", "model")


@pytest.mark.parametrize(
    ("asked", "name", "sent"),
    [
        ("qwen2.5:7b", "qwen2.5:7b", "qwen2.5:7b"),
        ("gemma3", "gemma3:latest", "gemma3"),
        ("Gemma3:270M", "gemma3:270m", "Gemma3:270M"),
        ("library/gemma3", "gemma3:latest", "gemma3:latest"),
        ("MFDoom/Deep-R1:8b", "mfdoom/deep-r1:8b", "MFDoom/Deep-R1:8b"),
        ("gemma3:local", "gemma3:latest", "gemma3:latest"),
        ("gpt-4o-mini", "qwen2.5:7b", "qwen2.5:7b"),
        ("GPT-4o-Mini:latest", "qwen2.5:7b", "qwen2.5:7b"),
        ("cased", "mf/x:latest", "MF/X"),
    ],
)
def test_a_name_is_known_by_one_spelling_and_asked_for_by_its_own(
    asked: str, name: str, sent: str
) -> None:
    assert ask(asked) == Wanted(name, sent, asked, False)


def test_an_alias_does_not_lead_to_another_host() -> None:
    refusal = ask("far")
    assert isinstance(refusal, Refusal)
    assert "hf.co/x/y" in refusal.message


@pytest.mark.parametrize("name", ["gpt-oss:cloud", "gpt-oss:120b-cloud", "GPT-OSS:20B-CLOUD"])
def test_a_name_of_the_cloud_can_be_told(name: str) -> None:
    wanted = ask(name)
    assert isinstance(wanted, Wanted)
    assert model_names.is_cloud(wanted.sent)


@given(st.text(max_size=60) | st.from_regex(r"[a-z.:/ -]{1,40}", fullmatch=True))
def test_nothing_is_asked_for_that_ollama_reads_as_another_model_or_host(name: str) -> None:
    wanted = ask(name)
    if isinstance(wanted, Wanted):
        assert wanted.sent.count("/") <= 1
        assert wanted.sent.isascii()
        assert wanted.sent.isprintable()
        assert " " not in wanted.sent
        assert "://" not in wanted.sent
        assert model_names.canonical_name(wanted.sent) == wanted.name


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"x","insecure":true}',
        b'{"model":"x","name":"evil.example/x/y"}',
        b'{"model":"x","username":"a","password":"b"}',
        b'{"model":"x","Model":"evil.example/x/y"}',
        b'{"model":"x","model":"y"}',
        b'{"Model":"x"}',
        b'{"model":"x","\xc5\xbftream":true}',
        b'{"model":"x","stream":"yes"}',
        b'{"model":"x","stream":1}',
        b'{"model":["x"]}',
        b'{"model":null}',
        b'{"model":7}',
        b"{}",
        b"[]",
        b"",
        b'{"model":"x"} {"model":"y"}',
        b'{"model":"\\ud800"}',
        b'{"model":"x"',
        b"\xff",
    ],
)
def test_a_body_that_says_anything_else_is_refused(body: bytes) -> None:
    refusal = read(body, ALIASES)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "invalid_request"


def test_one_answer_is_given_unless_a_stream_is_asked_for() -> None:
    for given_, streams in ((True, True), (False, False), (None, False)):
        wanted = ask("x", stream=given_)
        assert isinstance(wanted, Wanted)
        assert wanted.stream is streams


def test_a_state_says_how_much_is_here_under_the_name_that_was_asked_for() -> None:
    progress = Progress()
    first = state(progress, "GPT-4o", done=False)
    assert (first.model, first.percent, first.completed, first.total) == ("GPT-4o", None, 0, 0)
    progress.feed(b'{"status":"pulling ab","digest":"ab","total":3000,"completed":2999}\n')
    second = msgspec.to_builtins(state(progress, "x", done=False))
    assert second == {
        "object": "model.pull",
        "model": "x",
        "status": "pulling ab",
        "completed": 2999,
        "total": 3000,
        "percent": 99.9,  # not 100 before all is here
        "done": False,
    }


def test_the_pattern_that_is_documented_is_the_one_that_is_checked() -> None:
    [schema] = msgspec.json.schema_components([PullRequest])[1].values()
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert validator.is_valid({"model": "mf_x/qwen2.5:7b-Q4_K_M"})
    longer_than_the_pattern_says = [name for name in HOSTILE if len(name) > 80]
    for name in HOSTILE:
        if name not in longer_than_the_pattern_says and not name.endswith("\n"):
            assert not validator.is_valid({"model": name}), name
