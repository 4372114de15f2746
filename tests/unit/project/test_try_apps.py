"""`scripts/try-apps` must not deceive: what it tells of a program is what happened."""

import json
import re
from pathlib import Path

import pytest

from tests.support.docs_pages import blocks as blocks_of
from tryapps import recipes, replies, report
from tryapps.app import App
from tryapps.apps import APPS
from tryapps.install import Nothing
from tryapps.model import Reached
from tryapps.replies import Counts
from tryapps.script import MOST_CALLS, TASK, Script, ToolCall, new_word, offered_tools, spoken
from tryapps.tap import Passed
from tryapps.trial import Result

READ = ToolCall("read_file", {"path": "word.txt"})
# What stands before each piece of a text in a stream.
ROUTES = {
    "/v1/chat/completions": '"content": "',
    "/v1/responses": '"delta": "',
    "/v1/messages": '"text_delta", "text": "',
    "/api/chat": '"content": "',
}
PAGE = recipes.PAGE.read_text("utf-8")


def app(name: str = "sample", **fields: str) -> App:
    return App(name, name.title(), Nothing(), "true", (READ,), **fields)


def test_the_model_calls_a_tool_that_is_offered_and_then_says_what_it_gave():
    script, word = Script((ToolCall("other", {}), READ)), new_word()
    assert script.reply(TASK, ["read_file"]) == READ
    assert script.reply(f"{TASK} The word is {word}.", ["read_file"]) == (
        f"The word is {spoken(word)}."
    )


def test_the_answer_is_not_the_word_as_the_file_has_it():
    """A program that only showed what its tool gave would pass otherwise."""
    word = new_word()
    assert word not in str(Script((READ,)).reply(f"{TASK} {word}", ["read_file"]))


@pytest.mark.parametrize(("body", "offered"), [(TASK, []), (TASK, ["write"]), ("A title?", ["x"])])
def test_the_model_calls_nothing_that_is_not_offered_or_asked_for(body: str, offered: list[str]):
    assert Script((READ,)).reply(body, offered) == "Hello."


def test_a_program_that_never_gives_a_result_is_told_so_in_the_end():
    script = Script((READ,))
    said = [script.reply(TASK, ["read_file"]) for _ in range(MOST_CALLS + 1)]
    assert said == [READ] * MOST_CALLS + ["The tool gave no word."]


def test_tools_are_named_as_each_dialect_names_them():
    assert offered_tools({}) == []
    assert offered_tools(
        {"tools": [{"type": "function", "function": {"name": "a"}}, {"name": "b"}, {"type": "c"}]}
    ) == ["a", "b", "c"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("reply", [READ, "The word is X."], ids=["call", "text"])
def test_a_stream_says_what_a_whole_answer_says(path: str, reply: replies.Reply):
    (whole,) = replies.pieces(path, "m", reply, Counts(31, 7), stream=False)
    streamed = replies.pieces(path, "m", reply, Counts(31, 7), stream=True)
    for text in (whole, "".join(streamed)):
        assert re.search(r'"(prompt_tokens|input_tokens|prompt_eval_count)": 31\b', text)
        assert re.search(r'"(completion_tokens|output_tokens|eval_count)": 7\b', text)
        assert ('"read_file"' in text) == ("word.txt" in text) == isinstance(reply, ToolCall)
    if isinstance(reply, str):
        assert f'"{reply}"' in whole
        said = re.findall(rf'{ROUTES[path]}([^"]*)"', "".join(streamed))
        assert len(said) > 3
        assert "".join(said) == reply


def test_a_route_of_no_model_is_none_of_the_replies():
    with pytest.raises(KeyError):
        replies.pieces("/api/tags", "m", "text", Counts(1, 1), stream=False)


def test_blocks_are_taken_from_the_page_with_a_gateway_of_their_own():
    page = (
        "```toml try=sample file=~/.sample\nurl = 'http://127.0.0.1:8000/v1'\n```\n"
        "```sh\nnobody's\n```\n```sh try=other\nanother's\n```\n"
        "```sh try=sample\nexport URL=http://x:llm_YOUR_KEY@127.0.0.1:8000 MODEL=qwen3:8b\n```\n"
    )
    config, shell = recipes.blocks(page, "sample")
    assert (config.file, shell.file) == ("~/.sample", None)
    filled = ("http://127.0.0.1:31000", "llm_real", "scripted:latest")
    assert config.filled(*filled) == "url = 'http://127.0.0.1:31000/v1'\n"
    assert shell.filled(*filled) == (
        "export URL=http://x:llm_real@127.0.0.1:31000 MODEL=scripted:latest\n"
    )


def test_every_block_of_the_page_is_tried_or_the_page_says_that_it_is_not():
    named = [
        mark[4:] for block in blocks_of(recipes.PAGE) for mark in block.marks if "try=" in mark
    ]
    assert {*named} <= {*APPS}
    untried = [
        block.text
        for block in blocks_of(recipes.PAGE)
        if not any("try=" in mark for mark in block.marks) and "localllm keys" not in block.text
    ]
    for text in untried:
        before = PAGE[: PAGE.index(text)].rpartition("\n#")[2]
        assert "not tried" in before, text


def test_every_program_is_on_the_page_with_its_last_result():
    table = PAGE.partition(report.BEGIN)[2].partition(report.END)[0]
    assert [one.title for one in APPS.values() if f"| {one.title} |" not in table] == []


def test_a_table_keeps_the_rows_of_programs_that_were_not_tried_now():
    empty = f"before\n{report.BEGIN}\n{report.END}\nafter\n"
    once = report.table_written(empty, {"beta": "| beta | 1 |", "Alpha": "| Alpha | 1 |"})
    again = report.table_written(once, {"beta": "| beta | 2 |"})
    assert once.splitlines()[4:6] == ["| Alpha | 1 |", "| beta | 1 |"]
    assert again == once.replace("| beta | 1 |", "| beta | 2 |")
    assert again.startswith("before\n")
    assert again.endswith(f"\n{report.END}\nafter\n")
    with pytest.raises(ValueError, match="the page has no"):
        report.table_written("no table", {})


def test_a_row_and_the_lines_tell_what_reached_the_model():
    result = Result(app(), "sample 1.2.3", counted=1500)
    result.reached = [
        Reached("/v1/messages", ["Bash", "Read"], "Bash", 4000, 1000),
        Reached("/v1/messages", ["Bash", "Read"], None, 5000, 500),
    ]
    result.passed = [
        Passed("POST", "/v1/messages?beta=true", {}, b"", 200, ignored="tools.web_search"),
        Passed("POST", "/v1/messages?beta=true", {}, b"", 200),
    ]
    assert report.row(result, "2026-11-29") == (
        "| Sample | sample 1.2.3 | `/v1/messages` | 2 | 2 | 5,000 bytes | 1,500 tokens "
        "| passed, 2026-11-29 |"
    )
    assert report.lines(result).splitlines() == [
        "passed  Sample, sample 1.2.3",
        "  asked: POST /v1/messages, 2 times",
        "  reached the model: /v1/messages, 4,000 bytes, 2 tools, called Bash",
        "  reached the model: /v1/messages, 5,000 bytes, 2 tools",
        "  tools: Bash, Read",
        "  left out: tools.web_search",
        "  counted: 1,500 tokens",
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": {"message": "No.", "type": "t", "code": "c"}}, "c: No."),
        ({"type": "error", "error": {"message": "No.", "type": "t"}}, "t: No."),
        ({"error": "No."}, "No."),
        ("plain", '"plain"'),
    ],
)
def test_a_failure_tells_what_was_refused_and_the_last_output(answer: object, reason: str):
    result = Result(app(), "sample 1", problem="it ended with exit code 1", output="a\nb\n")
    result.passed = [Passed("POST", "/v1/responses", {}, b"{}", 400, json.dumps(answer).encode())]
    told = report.lines(result)
    assert told.startswith("failed  Sample, sample 1: it ended with exit code 1\n")
    assert f"  refused: POST /v1/responses: 400 {reason}\n" in told
    assert told.endswith("  last output:\n    a\n    b")
    assert "| failed, 2026-11-29 |" in report.row(result, "2026-11-29")


def test_a_saved_request_has_no_key(tmp_path: Path):
    headers = {"Authorization": "Bearer llm_real", "X-Api-Key": "llm_real", "Accept": "a/b"}
    Passed("POST", "/v1/messages", headers, b'{"a": 1}', 400, b"no").save(tmp_path / "one.json")
    saved = (tmp_path / "one.json").read_text("utf-8")
    assert "llm_real" not in saved
    assert json.loads(saved)["request"]["body"] == {"a": 1}
    assert json.loads(saved)["request"]["headers"]["Accept"] == "a/b"
