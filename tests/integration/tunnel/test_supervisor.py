"""A tunnel that is kept running: started, named, started again, left alone, refused."""

import errno
import json
import logging
import os
import stat
from pathlib import Path

import aiohttp
import pytest

import tunnel.supervisor
from tests.support.cloudflared import scenario
from tests.support.cloudflared.account import token
from tests.support.processes import is_alive
from tests.support.tunnel.origin import origin
from tests.support.tunnel.supervised import supervised
from tunnel import status_file
from tunnel.errors import TunnelError
from tunnel.plan import Plan
from tunnel.problems import is_known
from tunnel.supervisor import CRASH_LOOP

pytestmark = pytest.mark.anyio
ID = "6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e"
RIGHT = scenario.Scenario().secret


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> list[int]:
    """What ended starts again at once; how often it had ended is kept."""
    asked: list[int] = []

    def pause(failures: int, _: str) -> float:
        asked.append(failures)
        return 0.001

    monkeypatch.setattr(tunnel.supervisor, "delay", pause)
    caplog.set_level(logging.INFO, "localllm.tunnel")
    return asked


async def test_it_starts_and_its_name_is_learned_from_cloudflared(
    stand_in: Path, caplog: pytest.LogCaptureFixture
):
    scenario.write(stand_in, hostname="calm-river.trycloudflare.com")
    async with origin() as behind, supervised(stand_in, behind.url) as running:
        assert await running.connected() == "https://calm-river.trycloudflare.com"
        told = status_file.current(running.folder)
        assert told == running.tunnel.status
        assert told is not None
        assert (told.state, told.kind, told.connections) == ("connected", "quick", 1)
        assert told.supervisor_pid == os.getpid()
        assert is_alive(told.cloudflared_pid)
        file = running.folder / "running.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        await running.tunnel.stop()
        await running.ended()
        assert not file.exists()
        assert status_file.current(running.folder) is None
    assert "Tunnel: Connected to Frankfurt over http2." in caplog.messages


async def test_cloudflared_is_told_no_secret(stand_in: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADMIN_SECRET", "for-tests-only")
    monkeypatch.setenv("TUNNEL_URL", "http://127.0.0.1:1")
    secret = token(ID, RIGHT)
    async with supervised(stand_in, token=secret) as running:
        await running.until(lambda: running.tunnel.status.state == "connected")
        [start] = scenario.starts(stand_in)
    everything = json.dumps(start)
    assert secret not in everything
    assert "for-tests-only" not in everything
    assert "TUNNEL_URL" not in start["environ"]


async def test_one_that_crashes_is_started_again_and_told(
    stand_in: Path, caplog: pytest.LogCaptureFixture
):
    async with supervised(stand_in) as running:
        await running.connected()
        first = running.tunnel.status.cloudflared_pid
        await running.command("crash")
        await running.until(lambda: running.starts() == 2)
        await running.until(lambda: running.tunnel.status.state == "connected")
        assert running.tunnel.status.cloudflared_pid != first
        assert not is_alive(first)
    [told] = [text for text in caplog.messages if "starts again" in text]
    assert told.startswith("cloudflared ended with exit code 2: ")


async def test_a_trial_that_comes_back_under_another_name_tells_it(
    stand_in: Path, caplog: pytest.LogCaptureFixture
):
    scenario.write(stand_in, hostname="two.trycloudflare.com", lives=[{"hostname": "one.example"}])
    async with supervised(stand_in) as running:
        assert await running.connected() == "https://one.example"
        await running.command("crash")
        await running.until(lambda: running.tunnel.status.hostname == "two.trycloudflare.com")
        assert await running.connected() == "https://two.trycloudflare.com"
    assert "The tunnel has another address now: https://two.trycloudflare.com" in caplog.messages


async def test_a_crash_loop_is_reported_as_one(
    stand_in: Path, caplog: pytest.LogCaptureFixture, soon: list[int]
):
    scenario.write(stand_in, ends="start", end_code=1, last_words="it broke")
    async with supervised(stand_in) as running:
        await running.until(lambda: running.starts() > CRASH_LOOP + 1)
    assert soon[:5] == [1, 2, 3, 4, 5][: len(soon[:5])]  # each pause is for one end more
    told = [record for record in caplog.records if "exit code 1" in record.getMessage()]
    assert [record.levelname for record in told[: CRASH_LOOP - 1]] == ["WARNING"] * (CRASH_LOOP - 1)
    assert {record.levelname for record in told[CRASH_LOOP - 1 :]} == {"ERROR"}
    assert "ended with exit code 1, 3 times in a row: it broke" in caplog.text


async def test_what_another_start_would_not_mend_is_not_tried_again(stand_in: Path):
    scenario.write(stand_in, ends="start", end_code=255, last_words="flag provided but not defined")
    async with supervised(stand_in) as running:
        with pytest.raises(TunnelError, match="flag provided but not defined"):
            await running.ended()
        assert running.starts() == 1
        assert status_file.current(running.folder) is None
        ended = status_file.failed(running.folder)
        assert ended is not None
        assert "flag provided but not defined" in ended.problem


async def test_one_that_loses_its_connection_is_left_alone(stand_in: Path):
    async with supervised(stand_in) as running:
        await running.connected()
        first = running.tunnel.status.cloudflared_pid
        await running.command("disconnect")
        await running.until(lambda: running.published() == "reconnecting")
        await running.command("connect")
        await running.until(lambda: running.tunnel.status.state == "connected")
        assert running.tunnel.status.cloudflared_pid == first
        assert running.starts() == 1


async def test_a_wrong_token_is_named_while_cloudflared_tries_for_ever(
    stand_in: Path, caplog: pytest.LogCaptureFixture
):
    async with supervised(stand_in, token=token(ID, "d3Jvbmc=")) as running:
        await running.until(lambda: "token is wrong or was replaced" in caplog.text)
        assert running.tunnel.status.state == "starting"
        assert running.starts() == 1
        assert not running.task.done()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"clock_is_wrong": True}, "The clock of this machine is wrong"),
        ({"blocked": ["udp", "tcp"]}, "Allow outgoing TCP and UDP to port 7844"),
        ({"trial": "no"}, "it limits how often"),
        ({"trial": "offline"}, "is this machine online"),
    ],
)
async def test_what_keeps_it_from_connecting_is_named(
    stand_in: Path, caplog: pytest.LogCaptureFixture, values: dict[str, object], words: str
):
    scenario.write(stand_in, **values)
    async with supervised(stand_in) as running:
        await running.until(lambda: words in caplog.text)
        await running.until(lambda: words in running.tunnel.status.problem)
        assert is_known(running.tunnel.status.problem)


async def test_when_it_was_connected_is_known_after_another_start(stand_in: Path):
    scenario.write(stand_in, blocked=["udp", "tcp"], lives=[{"blocked": []}])
    async with supervised(stand_in) as running:
        await running.connected()
        await running.command("crash")
        await running.until(lambda: running.starts() == 2)
        await running.until(
            lambda: "connected until" in running.tunnel.status.problem,
        )


async def test_a_name_that_leads_elsewhere_stands_in_the_status(stand_in: Path):
    scenario.write(stand_in, routes=[["llm.example.com", "http://localhost:1"]])
    async with supervised(stand_in, token=token(ID, RIGHT)) as running:
        await running.until(lambda: "leads llm.example.com" in running.tunnel.status.problem)
        assert running.published() == "connected"
        assert not is_known(running.tunnel.status.problem)  # it names what strangers need not know


async def test_a_port_that_was_taken_meanwhile_is_changed_at_once(
    stand_in: Path, caplog: pytest.LogCaptureFixture, soon: list[int]
):
    scenario.write(stand_in, lives=[{"takes_port": True}])
    async with supervised(stand_in) as running:
        await running.connected()
        ports = {start["argv"][5] for start in scenario.starts(stand_in)}
        assert len(ports) == 2
    assert soon == []  # no pause
    assert "Another program took the port" in caplog.text


async def test_the_name_of_a_dashboards_tunnel_is_learned_when_it_runs(stand_in: Path):
    scenario.write(
        stand_in, routes=[["llm.example.com", "http://localhost:9"], ["", "http_status:404"]]
    )
    async with supervised(stand_in, token=token(ID, RIGHT)) as running:
        assert await running.connected() == "https://llm.example.com"
        assert running.tunnel.status.kind == "named"


async def test_a_full_disk_does_not_end_a_tunnel(stand_in: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(status_file, "write", full)
    async with supervised(stand_in) as running:
        await running.connected()


@pytest.mark.parametrize("named_config", [True, False])
async def test_a_configuration_at_home_changes_nothing(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch, named_config: bool
):
    """Without a configuration of its own it would: that is tried as well, so this can fail."""
    home = stand_in.parent / "home"
    (home / ".cloudflared").mkdir(parents=True)
    (home / ".cloudflared" / "config.yml").write_text("ingress:\n  - service: http_status:418\n")
    monkeypatch.setenv("HOME", str(home))
    if not named_config:
        whole = Plan.arguments
        config = {"--config", os.devnull}
        monkeypatch.setattr(
            Plan, "arguments", lambda *at: [word for word in whole(*at) if word not in config]
        )
    async with origin() as behind, supervised(stand_in, behind.url) as running:
        await running.connected()
        async with aiohttp.ClientSession() as session, session.get(running.edge) as answer:
            assert answer.status == (200 if named_config else 418)
