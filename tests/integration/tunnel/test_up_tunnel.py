"""`localllm up --tunnel`: a public address in one command, and an end in the right order."""

import asyncio
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.cloudflared import scenario
from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import MODEL, Exchange, FakeUpstream, Gate
from tests.support.gateway_process import PATIENCE, ask, chat
from tests.support.processes import is_alive
from tests.support.tunnel.up import Up, up
from tunnel import status_file

PUBLIC = "https://calm-river-stand-in.trycloudflare.com"


def held(upstream: FakeUpstream) -> Gate:
    """From now on the model says one word, and the rest when the gate is open."""
    gate = upstream.gate()

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(("one",))
        await gate.passed()
        await exchange.words(("two",))
        await exchange.usage()

    upstream.behave = behave
    return gate


@contextmanager
def stream(up: Up) -> Iterator[Iterator[bytes]]:
    """An open stream through the tunnel, of which the first word has arrived."""
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    headers = {"Authorization": f"Bearer {up.key}"}
    url = f"{up.edge}/v1/chat/completions"
    with (
        httpx.Client(trust_env=False, timeout=PATIENCE) as client,
        client.stream("POST", url, json=body, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        chunks = answer.iter_bytes()
        assert b'"one"' in next(chunks)
        yield chunks


def test_it_prints_the_public_address_and_a_line_that_goes_through_it(
    upstream: FakeUpstream, dsn: str, stand_in: Path
):
    with up(upstream, dsn, stand_in) as it:
        output = it.running.output
        assert f"Public address: {PUBLIC}" in output
        assert "The admin routes are not available there." in output
        assert "This address is for trials: it changes at each start" in output
        [line] = [line for line in output.splitlines() if "curl" in line]
        assert shlex.split(line)[2] == f"{PUBLIC}/v1/chat/completions"
        assert f"localllm is running at {it.gateway.url} " in output
        status, answer = chat(it.edge, it.key, MODEL)
        assert status == 200, answer
        assert ask(f"{it.edge}/health")[1]["tunnel"] == {"state": "connected"}
        assert it.admin_status(it.edge) == 403
        assert it.admin_status(it.gateway.url) == 200
        assert asyncio.run(it.gateway.stop()) == 0
        assert status_file.last_written(it.folder) is None


def test_the_tunnel_ends_first_and_open_answers_arrive_whole(
    upstream: FakeUpstream, dsn: str, stand_in: Path
):
    gate = held(upstream)
    with up(upstream, dsn, stand_in, TUNNEL_GRACE_SECONDS=180) as it, stream(it) as chunks:
        it.running.process.send_signal(signal.SIGTERM)
        it.running.wait_for("Stopping the tunnel: open answers may end within 180 s")
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            while client.get(f"{it.edge}/health").status_code != 530:
                pass
            assert client.get(f"{it.gateway.url}/health").status_code == 200  # it still serves
        gate.open()
        text = b"".join(chunks).decode()
        assert '"two"' in text
        assert text.endswith("data: [DONE]\n\n")
        assert it.running.process.wait(PATIENCE) == 0  # far less than the grace


def test_a_second_ctrl_c_cuts(upstream: FakeUpstream, dsn: str, stand_in: Path):
    held(upstream)
    with up(upstream, dsn, stand_in, TUNNEL_GRACE_SECONDS=180) as it, stream(it) as chunks:
        it.running.process.send_signal(signal.SIGINT)
        it.running.wait_for("Stopping the tunnel")
        it.running.process.send_signal(signal.SIGINT)
        assert it.running.process.wait(PATIENCE) == 0
        with pytest.raises(httpx.HTTPError):
            b"".join(chunks)


def test_a_killed_gateway_leaves_no_tunnel(upstream: FakeUpstream, dsn: str, stand_in: Path):
    with up(upstream, dsn, stand_in) as it:
        running = status_file.current(it.folder)
        assert running is not None
        assert running.supervisor_pid == it.running.process.pid
        it.running.process.kill()
        it.running.process.wait()
        while is_alive(running.cloudflared_pid):
            pass
        assert status_file.current(it.folder) is None


def test_without_a_tunnel_the_gateway_goes_on_for_this_machine(
    upstream: FakeUpstream, dsn: str, stand_in: Path
):
    scenario.write(stand_in, ends="start", end_code=255, last_words="flag provided but not defined")
    with up(upstream, dsn, stand_in) as it:
        it.running.wait_for("There is no tunnel: flag provided but not defined")
        assert "Public address" not in it.running.output
        assert chat(it.gateway.url, it.key, MODEL)[0] == 200
        assert ask(f"{it.gateway.url}/health")[1]["tunnel"] == {"state": "failed"}
        assert asyncio.run(it.gateway.stop()) == 0


def test_a_known_cause_is_told_by_up_and_by_health(
    upstream: FakeUpstream, dsn: str, stand_in: Path
):
    scenario.write(stand_in, blocked=["udp", "tcp"])
    with up(upstream, dsn, stand_in) as it:
        it.running.wait_for("The tunnel is not open yet. .*port 7844")
        told = ask(f"{it.gateway.url}/health")[1]["tunnel"]
        assert told["state"] == "starting"
        assert "7844 does not get out of this network" in told["problem"]
        assert asyncio.run(it.gateway.stop()) == 0


def test_what_the_tunnel_lacks_is_named_before_anything_starts(tmp_path: Path):
    gateway = GatewayProcess(tmp_path, "http://127.0.0.1:9", CLOUDFLARED_PATH="/nonexistent")
    with pytest.raises(AssertionError, match="does not run as cloudflared does"):
        asyncio.run(gateway.start("up", "--no-demo", "--tunnel"))
    assert gateway.running is not None
    assert gateway.running.process.wait(PATIENCE) == 1
    assert "Creating the database" not in gateway.running.output


def test_a_tunnel_that_runs_apart_is_vouched_for_by_its_name(
    upstream: FakeUpstream, dsn: str, tmp_path: Path
):
    gateway = GatewayProcess(tmp_path, upstream.url, dsn, TUNNEL_HOSTNAME="llm.example.com")
    asyncio.run(gateway.start())
    assert gateway.running is not None
    try:
        assert asyncio.run(gateway.health())["tunnel"] == {"state": "external"}
        assert asyncio.run(gateway.stop()) == 0
    finally:
        if gateway.running is not None:
            gateway.running.kill()
