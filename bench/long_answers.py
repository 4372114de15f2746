"""`python -m bench.long_answers [--minutes M]`: answers that take long, through a tunnel.

Streams of slow tokens and, beside them, an answer in one piece that takes less than a third of the
time go through `localllm up --tunnel`, the stand-in for cloudflared, and an edge that cuts after
100 s without a byte, with default settings. Fewer than 10 minutes: everything is as much quicker.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from gateway.config.settings import Settings
from tests.support.callers import bearer, counted, make_key
from tests.support.cloudflared import scenario
from tests.support.failing_parts import fresh_database
from tests.support.fake_exchange import PROMPT_TOKENS, Exchange
from tests.support.fake_ollama import STREAMS, end, line, send
from tests.support.fake_upstream import MODEL, FakeUpstream, fake_upstream
from tests.support.postgres import running_postgres
from tests.support.tunnel.up import up

MINUTES = 10.0
CUT = 100.0  # seconds without a byte after which Cloudflare's edge gives up
RARE = 110.0  # seconds between tokens: more than the edge waits, less than the gateway does
OFTEN = 5.0
WHOLE = 180.0  # seconds


@dataclass
class Case:
    """One answer, and what its client saw of it. `tokens`: 1 for an answer in one piece."""

    name: str
    path: str
    tokens: int
    gap: float  # seconds before each token, and before the end
    stream: bool
    took: float = 0.0
    silence: float = 0.0  # the longest without a byte
    beats: int = 0
    received: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    key: str = ""

    @property
    def is_whole(self) -> bool:
        ends = b"data: [DONE]\n\n" if self.path.startswith("/v1") else b'"done":true'
        said = sum(f"word{number} ".encode() in self.received for number in range(self.tokens))
        ended = not self.stream or ends in self.received
        return not self.problem and said == self.tokens and ended


def cases(minutes: float, pace: float) -> list[Case]:
    """As many as the model serves at once. `pace`: seconds that stand for one."""

    def stream(name: str, path: str, gap: float) -> Case:
        gap *= pace
        return Case(f"{name}, a token every {gap:g} s", path, round(minutes * 60 / gap), gap, True)

    chat, native = "/v1/chat/completions", "/api/chat"
    return [
        stream("SSE", chat, OFTEN),
        stream("SSE", chat, RARE),
        stream("NDJSON", native, RARE),
        Case("JSON in one piece", chat, 1, WHOLE * pace, False),
    ]


def model(asked: list[Case]) -> Any:
    """What answers slowly: the request's text is the number of the case."""

    async def behave(exchange: Exchange) -> None:
        case = asked[int(exchange.text)]
        native = exchange.target == "/api/chat"
        if case.stream:
            await exchange.head(STREAMS if native else "text/event-stream")
        for number in range(case.tokens):
            await asyncio.sleep(case.gap)
            word = f"word{number} "
            if not case.stream:
                await exchange.whole(exchange.completion(word, PROMPT_TOKENS, 1))
            elif native:
                await send(exchange, line(exchange, word))
            else:
                await exchange.words((word,))
        if case.stream:
            await asyncio.sleep(case.gap)
            if native:
                await send(exchange, line(exchange, "", **end(PROMPT_TOKENS, case.tokens)))
                await exchange.end()
            else:
                await exchange.usage(PROMPT_TOKENS, case.tokens)

    return behave


async def ask(session: aiohttp.ClientSession, edge: str, number: int, case: Case) -> None:
    messages = [{"role": "user", "content": str(number)}]
    body = {"model": MODEL, "stream": case.stream, "messages": messages}
    began = last = time.monotonic()
    try:
        async with session.post(edge + case.path, json=body, headers=bearer(case.key)) as answer:
            case.headers = {name.lower(): value for name, value in answer.headers.items()}
            if answer.status != 200:
                case.problem = f"status {answer.status}"
            elif case.stream and "content-length" in case.headers:
                case.problem = "a stream with a length"
            async for part in answer.content.iter_any():
                now = time.monotonic()
                case.silence = max(case.silence, now - last)
                last = now
                case.beats += part == b" " or part.startswith(b": ")
                case.received += part
    except aiohttp.ClientError as problem:
        case.problem = repr(problem)
    now = time.monotonic()
    case.silence = max(case.silence, now - last)
    case.took = now - began


async def run(edge: str, asked: list[Case]) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await asyncio.gather(*(ask(session, edge, *one) for one in enumerate(asked)))


def table(asked: list[Case], gateway: str) -> str:
    lines = [f"{'answer':32}{'arrived':>9}{'took':>9}{'silence':>9}{'signs':>7}{'counted':>9}"]
    for case in asked:
        _, _, tokens = counted(gateway, case.key)
        if tokens != case.tokens:
            case.problem = case.problem or f"{tokens} of {case.tokens} tokens counted"
        arrived = "whole" if case.is_whole else "BROKEN"
        lines.append(
            f"{case.name:32}{arrived:>9}{case.took:>7.1f} s{case.silence:>7.1f} s"
            f"{case.beats:>7}{tokens:>9} {case.problem or case.headers.get('content-type', '')}"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.long_answers", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long the streams take")
    minutes = parser.parse_args().minutes
    pace = min(1.0, minutes / MINUTES)
    asked, cut, default = cases(minutes, pace), CUT * pace, Settings()
    quicker = {
        "HEARTBEAT_SECONDS": default.heartbeat_seconds * pace,
        "OLLAMA_TIMEOUT": default.ollama_timeout * pace,
    }
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="localllm-long-")))
        upstream: FakeUpstream = stack.enter_context(fake_upstream())
        upstream.behave = model(asked)
        dsn = stack.enter_context(fresh_database(postgres))
        scenario.install(folder / "stand-in", silence=cut)
        it = stack.enter_context(
            up(upstream, dsn, folder / "stand-in", **(quicker if pace < 1 else {}))
        )
        for case in asked:
            case.key = make_key(it.gateway.url)
        beat = quicker["HEARTBEAT_SECONDS"]
        say = (
            f"{minutes:g} minutes, a sign of life after {beat:g} s, the edge cuts after {cut:g} s."
        )
        print(say, file=sys.stderr, flush=True)
        asyncio.run(run(it.edge, asked))
        print(table(asked, it.gateway.url))
    return 0 if all(case.is_whole for case in asked) else 1


if __name__ == "__main__":
    sys.exit(main())
