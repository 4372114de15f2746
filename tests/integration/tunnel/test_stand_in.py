"""The stand-in's edge does to requests and answers what Cloudflare's and cloudflared's do."""

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.support.cloudflared import scenario
from tests.support.cloudflared.flags import seconds
from tests.support.tunnel.origin import Origin, origin
from tests.support.tunnel.supervised import supervised

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def through(
    stand_in: Path, **values: Any
) -> AsyncGenerator[tuple[str, Origin, aiohttp.ClientSession]]:
    """The edge's address, what is behind it, and a client."""
    scenario.write(stand_in, **values)
    async with (
        origin() as behind,
        supervised(stand_in, behind.url) as running,
        aiohttp.ClientSession() as session,
    ):
        await running.connected()
        yield running.edge, behind, session


async def test_the_edge_says_who_calls_and_nobody_else_can(stand_in: Path):
    forged = {
        "CF-Connecting-IP": "192.0.2.9", "CF-Ray": "mine", "X-Forwarded-For": "192.0.2.9",
        "X-Forwarded-Proto": "http", "X-Real-IP": "192.0.2.9", "Accept-Encoding": "zstd",
        "X-Stand-In-Client": "2001:db8::1",
    }  # fmt: skip
    async with through(stand_in) as (edge, behind, session):
        async with session.get(edge, headers=forged) as answer:
            assert answer.status == 200
        [(_, headers)] = behind.asked
    assert headers["CF-Connecting-IP"] == "2001:db8::1"
    assert headers["CF-Ray"].endswith("-FRA")
    assert headers["X-Forwarded-For"] == "192.0.2.9, 2001:db8::1"
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["X-Real-IP"] == "192.0.2.9"  # as measured, it passes
    assert headers["Accept-Encoding"] == "br, gzip"
    assert headers["Host"] == scenario.Scenario().hostname
    assert "X-Stand-In-Client" not in headers


async def test_paths_reach_the_origin_as_they_were_sent(stand_in: Path):
    async with through(stand_in) as (edge, behind, session):
        for path in ("/v1/../api/delete", "/v1%2F..%2Fapi", "//x", "/a?b=%2F&c"):
            async with session.get(URL(edge + path, encoded=True)) as answer:
                assert answer.status == 200
        assert [path for path, _ in behind.asked] == [
            "/v1/../api/delete", "/v1%2F..%2Fapi", "//x", "/a?b=%2F&c",
        ]  # fmt: skip


async def test_bodies_arrive_both_ways(stand_in: Path):
    async with through(stand_in) as (edge, _, session):
        body = b"x" * 300_000
        async with session.post(f"{edge}/echo", data=body) as answer:
            assert (answer.status, await answer.read()) == (201, body)


@pytest.mark.parametrize(
    ("protocol", "path", "held"),
    [
        ("http2", "/stream", False),
        ("http2", "/stream-with-length", True),
        ("quic", "/stream-with-length", False),
    ],
)
async def test_json_with_a_length_is_held_by_http2_alone(
    stand_in: Path, protocol: str, path: str, held: bool
):
    async with (
        through(stand_in, protocol=protocol) as (edge, behind, session),
        session.get(edge + path) as answer,
    ):
        first = asyncio.create_task(answer.content.read(4))
        if held:
            async with session.get(edge) as other:  # while other requests pass
                assert other.status == 200
            assert not first.done()
        else:
            assert await first == b"one "
        behind.go_on.set()
        assert await first + await answer.content.read() == b"one two\n"


async def test_silence_is_a_524_or_a_body_that_breaks_off(stand_in: Path):
    async with through(stand_in, silence=2.0) as (edge, behind, session):  # a busy machine is none
        async with session.get(f"{edge}/stream") as answer:
            assert await answer.content.read(4) == b"one "
            with pytest.raises(aiohttp.ClientError):
                await answer.content.read()
        async with asyncio.timeout(30):
            await behind.gone.wait()


async def test_an_origin_that_is_down_is_a_502_at_once(stand_in: Path):
    async with supervised(stand_in) as running, aiohttp.ClientSession() as session:
        await running.connected()
        async with session.get(running.edge) as answer:
            assert answer.status == 502
        await running.until(lambda: running.tunnel.status.state == "connected")


async def test_a_client_that_leaves_frees_the_origin(stand_in: Path):
    async with through(stand_in) as (edge, behind, session):
        async with session.get(f"{edge}/stream") as answer:
            assert await answer.content.read(4) == b"one "
            answer.close()
        async with asyncio.timeout(30):
            await behind.gone.wait()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('ingress:\n  - hostname: a.example.com\n    service: http://127.0.0.1:8000\n'
         '  - service: http_status:404\n', 0, "OK"),
        ("ingress:\n  - hostname: a.example.com\n    service: http://127.0.0.1:8000\n", 1,
         "must match all URLs"),
        ("ingress:\n  - service: http://127.0.0.1:8000/path\n", 1, "different path"),
        ("tunnel: x\n", 1, "any ingress rules"),
    ],
)  # fmt: skip
def test_ingress_rules_are_validated(stand_in: Path, text: str, code: int, words: str):
    (stand_in / "config.yml").write_text(text)
    command = [stand_in / "cloudflared", "tunnel", "--config", stand_in / "config.yml"]
    done = subprocess.run([*command, "ingress", "validate"], capture_output=True, check=False)
    assert done.returncode == code
    assert words in (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "--token-file", "/nonexistent"], 255, "Failed to read token file"),
        (["run", "--token-file", __file__], 255, "Provided Tunnel token is not valid."),
        (["--frobnicate"], 255, "flag provided but not defined"),
        (["run"], 255, "requires the ID or name"),
    ],
)
def test_wrong_usage_ends_with_255(stand_in: Path, words: list[str], code: int, said: str):
    command = [stand_in / "cloudflared", "tunnel", "--config", "/dev/null", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stderr) == (code, True)


def test_its_log_is_json_or_lines_for_people(stand_in: Path):
    scenario.write(stand_in, ends="start", last_words="it broke")
    command = [stand_in / "cloudflared", "tunnel", "--config", "/dev/null", "--url", "http://x"]
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    told = subprocess.run(
        [*command, "--output", "json"], capture_output=True, text=True, check=False
    )
    assert " INF Requesting new quick Tunnel" in plain.stderr
    *rows, last = told.stderr.splitlines()
    assert {"level", "message", "time"} <= json.loads(rows[0]).keys()
    assert last == "it broke"
    assert told.returncode == 1


def test_durations_are_go_s():
    assert [seconds(text) for text in ("30s", "1m30s", "500ms", "2m", "0.5s")] == [
        30, 90, 0.5, 120, 0.5,
    ]  # fmt: skip
