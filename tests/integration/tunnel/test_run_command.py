"""`localllm tunnel run` and `status`, as services and people use them."""

import json
import signal
import socket
import sys
import threading

import httpx
import pytest

from tests.support.cloudflared import scenario
from tests.support.cloudflared.account import token
from tests.support.forked.process import run
from tests.support.gateway_process import PATIENCE
from tests.support.processes import is_alive
from tests.support.tunnel.owner import Owner
from tunnel import status_file

ID = "6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e"
RIGHT = scenario.Scenario().secret


def set_up(owner: Owner, secret: str = RIGHT) -> None:
    owner.does(
        "setup", "--token-file", "-", "--hostname", "llm.example.com", given=token(ID, secret)
    )


def test_it_runs_what_was_set_up_until_it_is_stopped(owner: Owner):
    assert owner.status()["state"] == "off"
    set_up(owner)
    running = owner.runs()
    try:
        running.wait_for("The tunnel is open: https://llm.example.com ")
        state = owner.status()
        assert state["state"] == "connected"
        assert state["url"] == "https://llm.example.com"
        assert state["kind"] == "named"
        assert state["cloudflared"]["version"] == "2026.8.2"
        shown = owner.does("status").stdout
        assert "✓ connected https://llm.example.com since " in shown
        assert "Another localllm runs the tunnel already" in owner.fails("run")
        assert running.stop(signal.SIGTERM) == 0
    finally:
        running.kill()
    assert owner.status()["state"] == "off"
    assert token(ID, RIGHT) not in json.dumps(scenario.starts(owner.stand_in))


def test_a_trial_is_run_when_it_is_asked_for(owner: Owner):
    running = owner.runs("--quick")
    try:
        running.wait_for(r"https://calm-river-stand-in\.trycloudflare\.com \(press Ctrl-C")
        assert "This address is for trials: it changes at each start" in running.output
        assert running.stop() == 0
    finally:
        running.kill()


def test_a_second_signal_cuts_a_stream_that_the_first_lets_go_on(owner: Owner):
    scenario.write(owner.stand_in, protocol="quic")
    owner.environ["TUNNEL_GRACE_SECONDS"] = "180"
    behind = _Silent(owner.port)
    running = owner.runs("--quick")
    try:
        running.wait_for("The tunnel is open: ")
        opened = status_file.current(owner.folder)
        assert opened is not None
        edge = f"http://127.0.0.1:{(owner.stand_in / 'edge_port').read_text()}"
        with httpx.Client(trust_env=False, timeout=60) as client, client.stream("GET", edge) as it:
            chunks = it.iter_raw()
            assert next(chunks) == b"begin"
            running.process.send_signal(signal.SIGINT)
            running.wait_for("Stopping the tunnel")
            assert is_alive(opened.cloudflared_pid)
            running.process.send_signal(signal.SIGINT)
            assert running.process.wait(PATIENCE) == 0  # far less than the grace
            with pytest.raises(httpx.HTTPError):
                next(chunks)
    finally:
        running.kill()
        behind.close()
    assert not is_alive(opened.cloudflared_pid)


@pytest.mark.parametrize(
    ("prepare", "code", "told"),
    [
        (lambda _: None, 2, "No tunnel is set up. For a permanent address: localllm tunnel setup."),
        (lambda owner: (owner.folder / "token").chmod(0o644), 2, "run: chmod 600"),
        (lambda owner: (owner.folder / "token").write_text("x"), 2, "not a tunnel's token"),
        (
            lambda owner: scenario.write(
                owner.stand_in, ends="start", end_code=255, last_words="unknown flag"
            ),
            2, "unknown flag",
        ),
        (lambda owner: (owner.stand_in / "cloudflared").unlink(), 1, "CLOUDFLARED_PATH"),
    ],
    ids=["nothing", "open token", "no token", "usage", "no program"],
)  # fmt: skip
def test_what_keeps_it_from_running_is_named(owner: Owner, prepare, code: int, told: str):  # type: ignore[no-untyped-def]
    if "No tunnel" not in told:
        set_up(owner)
    prepare(owner)
    assert told in owner.fails("run", code=code)
    assert status_file.current(owner.folder) is None


def test_a_refused_token_is_told_by_status(owner: Owner):
    set_up(owner, "d3Jvbmc=")
    running = owner.runs()
    try:
        running.wait_for("token is wrong or was replaced")
        state = owner.status()
        assert state["state"] == "starting"
        assert state["url"] == "https://llm.example.com"
        while not owner.status()["problem"]:
            pass
        assert "token is wrong or was replaced" in owner.does("status", code=1).stdout
        assert running.stop() == 0
    finally:
        running.kill()


def test_why_it_can_never_run_is_told_by_status_and_doctor_until_it_is_set_up_anew(owner: Owner):
    set_up(owner)
    words = "Provided Tunnel token is not valid."
    scenario.write(owner.stand_in, ends="start", end_code=255, last_words=words)
    told = "The tunnel's token cannot be used. Copy it anew from the dashboard"
    assert told in owner.fails("run", code=2)
    state = owner.status()
    assert (state["state"], state["process"]) == ("failed", None)
    assert told in state["problem"]
    doctor = [sys.executable, "-m", "gateway", "doctor", "--json"]
    assert told in run(doctor, owner.environ, owner.home).stdout.decode()
    set_up(owner)
    assert owner.status()["state"] == "off"


def test_the_settings_name_a_token_file_for_containers(owner: Owner):
    file = owner.home / "secret"
    file.write_text(token(ID, RIGHT))
    file.chmod(0o400)
    owner.environ |= {"TUNNEL_TOKEN_FILE": str(file), "TUNNEL_HOSTNAME": "from.example.com"}
    running = owner.runs()
    try:
        running.wait_for("The tunnel is open: https://from.example.com ")
        assert owner.status()["set_up"] is True
        assert running.stop() == 0
    finally:
        running.kill()


class _Silent:
    """A server that begins an answer and never ends it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(taken)
            taken.recv(65536)
            taken.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n")

    def close(self) -> None:
        self._socket.close()
        for each in self._open:
            each.close()
