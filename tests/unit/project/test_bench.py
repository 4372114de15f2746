"""The benchmark must not deceive: its model speaks as Ollama does, and losses are seen."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable

import pytest

from bench import figures, plans
from bench.caller import Caller, Reply, problem
from bench.upstream import MODELS, Connection
from bench.workloads import Load, Target, get, repeat
from tests.support.paths import ROOT


def run(work: Callable[[int], Awaitable[Reply]]) -> Reply:
    """The reply of `work(port)`, with a fake model in the same loop."""

    async def main() -> Reply:
        server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
        async with server:
            return await work(server.sockets[0].getsockname()[1])

    return asyncio.run(main())


async def ask(port: int, body: dict[str, object]) -> Reply:
    caller = await Caller.connect(port)
    data = json.dumps(body).encode()
    head = Target(port).head("POST /v1/chat/completions", len(data))
    try:
        return await caller.exchange(head + data, timeout=10, timed=True)
    finally:
        caller.close()


def events(reply: Reply) -> list[dict[str, object]]:
    *parts, done, rest = reply.body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [json.loads(part.removeprefix(b"data: ")) for part in parts]


def test_the_page_has_each_target():
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    rows = set(re.findall(r"^\| (.+) \| ([≤≥] [\d.]+) \|$", page, re.MULTILINE))
    wanted = [(one.title.strip(), one.target) for one in figures.FIGURES if one.target]
    assert len(rows) == len(wanted)
    for title, target in wanted:
        assert [name for name, said in rows if name.endswith(title) and said == target], title


def test_an_answer_is_json_with_its_usage():
    reply = run(lambda port: ask(port, {"model": "answer-1024", "messages": []}))
    answer = json.loads(reply.body)
    assert len(answer["choices"][0]["message"]["content"]) == 1024
    assert answer["usage"] == {"prompt_tokens": 26, "completion_tokens": 256, "total_tokens": 282}


@pytest.mark.parametrize(("model", "chunks"), [("burst-20", 20), ("burst-3:latest", 3)])
def test_a_stream_is_valid_events_and_reports_usage_before_done_when_asked(model: str, chunks: int):
    body = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    *texts, finish, usage = events(run(lambda port: ask(port, body)))
    assert len(texts) == chunks
    assert all(text["choices"][0]["delta"]["content"] for text in texts)
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 26 + chunks


def test_usage_of_a_stream_is_left_out_unless_asked_for():
    reply = run(lambda port: ask(port, {"model": "burst-20", "stream": True}))
    assert len(events(reply)) == 21
    assert b"usage" not in reply.body


def test_each_chunk_of_a_paced_stream_tells_when_it_was_sent():
    reply = run(lambda port: ask(port, {"model": "paced-50x1", "stream": True}))
    assert len(reply.delays) == 50
    assert all(0 <= delay < 60 for delay in reply.delays)


def test_a_chunk_that_arrives_in_pieces_is_measured_once():
    caller, reply = Caller(), Reply(sent=0.0)
    chunk = plans.chunk(plans.parse("paced-20x3")).split(b"\r\n", 1)[1]
    for at in range(len(chunk)):
        caller.measure(reply, chunk[at : at + 1])
    assert len(reply.delays) == 1


def test_the_listed_models_exist_and_others_do_not():
    tags = json.loads(run(lambda port: get(Target(port), "/api/tags")).body)
    assert [model["name"] for model in tags["models"]] == [f"{name}:latest" for name in MODELS]
    assert all(plans.parse(name) for name in MODELS)
    assert run(lambda port: ask(port, {"model": "gemma3:270m"})).status == 404


@pytest.mark.parametrize(
    ("cut", "seen"),
    [
        (lambda whole: whole.replace(plans.DONE, b"data: [NONE]\n\n"), "no [DONE]"),
        (lambda whole: whole[: len(whole) // 2], "connection cut"),
        (lambda whole: whole.replace(b'"content":"t', b'"content":"x', 1), "199 of 200 chunks"),
        (lambda whole: b"", "connection cut"),
    ],
)
def test_a_stream_that_lacks_something_is_seen(cut: Callable[[bytes], bytes], seen: str):
    plan = plans.parse("burst-200")
    broken = cut(b"".join(plans.burst(plan, False)))

    class Broken(Connection):
        def rush(self, pieces: tuple[bytes, ...], sent: int) -> None:
            self.transport.write(broken)
            self.transport.close()

    async def main() -> Load:
        server = await asyncio.get_running_loop().create_server(Broken, "127.0.0.1", 0)
        async with server:
            target = Target(server.sockets[0].getsockname()[1])
            return await repeat(target, "burst-200", 1, callers=1)

    load = asyncio.run(main())
    assert (load.done, dict(load.problems)) == (0, {seen: 1})


def test_a_whole_reply_has_no_problem_and_a_refusal_has():
    plan = plans.parse("answer-1024")
    good = Reply(0.0, 200, [b'"content":"', plans.text(plan), b'"'], whole=True)
    assert problem(good, plan, streamed=False) == ""
    assert problem(Reply(0.0, 429, [b"no"], whole=True), plan, streamed=False) == "status 429: no"


def test_a_missing_or_lost_figure_never_counts_as_met():
    bad = figures.Samples()
    bad.add("lost", 0)
    bad.add("lost", 1)
    bad.add("db_requests", 0.19)
    met = figures.verdicts(figures.compare({"direct": figures.Samples(), "localllm": bad}))
    assert met["db_requests"]
    assert not met["lost"]
    assert not met["warm_s"]
