"""The Procfile runs the whole from a fresh copy of the repository, and ends without a trace."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cloudflared import scenario
from tests.support.cloudflared.account import token
from tests.support.docs_pages import shell
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.fresh_copy import ROOT, environment, fresh_copy
from tests.support.gateway_process import Running, chat, free_port
from tests.support.processes import family, is_alive, naming

(START,) = [b.text.strip() for b in shell(ROOT / "docs" / "home.md") if "honcho" in b.marks]
# `uvx` would fetch honcho from the network.
UVX = f'#!/bin/sh\nexec "{Path(sys.executable).parent}"/"$@"\n'
ID = "6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e"
LINES = ("web", "tunnel", "ollama")
# `ollama serve`, as far as a Procfile sees it: it answers at OLLAMA_HOST until it is told to stop.
OLLAMA = f"""#!{sys.executable}
import os, sys, threading
sys.path.insert(0, {str(ROOT)!r})
from tests.support.fake_upstream import FakeUpstream
assert sys.argv[1:] == ["serve"], sys.argv
print("stand-in for Ollama", flush=True)
server = FakeUpstream(int(os.environ["OLLAMA_HOST"].rpartition(":")[2]))
server.start()
threading.Event().wait()
"""


class Owner:
    """A machine with Python only, a fresh copy of the repository, and honcho."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = place / "repository"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = environment(place / "home", self.port)
        del self.environ["PORT"]  # honcho gives each line one of its own
        tools = place / "tools"
        tools.mkdir(exist_ok=True)
        program(tools / "uvx", UVX)
        if (ours := ROOT / ".uv" / "bin" / "uv").exists() and not (tools / "uv").exists():
            (tools / "uv").symlink_to(ours)  # that uv is got too is for test_readme.py to show
        self.environ["PATH"] = f"{tools}:{_without('ollama', self.environ['PATH'])}"
        self.settings: dict[str, object] = {
            "PORT": self.port,
            "OLLAMA_BASE_URL": self.environ.pop("OLLAMA_BASE_URL"),
            "OLLAMA_DEFAULT_MODEL": MODEL,
            "DATA_DIR": place / "data",
        }

    @contextmanager
    def starts(self) -> Iterator[Running]:
        text = "".join(f"{name}={value}\n" for name, value in self.settings.items())
        (self.repository / ".env").write_text(text)
        running = Running(["sh", "-c", f"exec {START}"], self.environ, self.repository)
        try:
            yield running
        finally:
            running.kill()
            for process in naming(str(self.place)):
                process.kill()


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with fresh_copy() as place:
        yield place


@pytest.fixture
def owner(place: Path) -> Owner:
    return Owner(place)


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _without(program: str, path: str) -> str:
    """A PATH on which this machine's own is not found."""
    return os.pathsep.join(
        folder for folder in path.split(os.pathsep) if not Path(folder, program).exists()
    )


def ends_without_a_trace(running: Running, place: Path, number: signal.Signals) -> None:
    """All three lines were told, ended by themselves, and nothing that they started is left."""
    processes = family(running.process.pid)
    assert running.stop(number) in {130, 143}, running.output  # a signal's, as honcho gives it
    for name in LINES:
        assert re.search(rf"{name}\.1 stopped \(rc=0\)", running.output), running.output
    assert "SIGKILL" not in running.output
    assert not any(map(is_alive, processes))
    assert naming(str(place)) == []


@pytest.mark.demo
def test_without_ollama_and_tunnel_the_demo_model_answers_and_each_line_says_what_it_lacks(
    owner: Owner,
) -> None:
    with owner.starts() as running:
        running.wait_for("ollama.1 .*Ollama is not installed: https://ollama.com/download")
        running.wait_for("tunnel.1 .*No tunnel is set up.*localllm tunnel setup")
        running.wait_for("The gateway goes on without a tunnel")
        running.wait_for("web.1 .*Data: ")
        assert f"localllm is running at {owner.url} " in running.output
        key = running.wait_for(r"  (llm_\w+)\n")[1]
        assert chat(owner.url, key, "gemma3:270m")[0] == 200
        ends_without_a_trace(running, owner.place, signal.SIGINT)


def test_ollama_the_gateway_and_the_tunnel_run_together_and_a_chat_comes_through_all_three(
    owner: Owner,
) -> None:
    programs = owner.place / "programs"
    scenario.install(programs, routes=[["llm.example.com", owner.url]])
    program(programs / "ollama", OLLAMA)
    secret = owner.place / "token"
    secret.write_text(token(ID, scenario.Scenario().secret))
    secret.chmod(0o600)
    owner.environ["PATH"] = f"{programs}:{owner.environ['PATH']}"
    owner.settings |= {
        "DATA_DIR": owner.place / "second",
        "TUNNEL_TOKEN_FILE": secret,
        "TUNNEL_HOSTNAME": "llm.example.com",
    }
    with owner.starts() as running:
        running.wait_for("ollama.1 .*stand-in for Ollama")
        running.wait_for("tunnel.1 .*The tunnel is open: https://llm.example.com ")
        running.wait_for("web.1 .*Data: ")
        key = running.wait_for(r"  (llm_\w+)\n")[1]
        edge = f"http://127.0.0.1:{(programs / 'edge_port').read_text()}"
        status, answer = chat(edge, key, MODEL)
        assert status == 200, answer
        assert answer["usage"]["total_tokens"] > 0
        ends_without_a_trace(running, owner.place, signal.SIGTERM)


def test_an_ollama_that_runs_is_used_and_no_second_one_is_started(
    owner: Owner, upstream: FakeUpstream
) -> None:
    programs = owner.place / "another"
    programs.mkdir()
    program(programs / "ollama", OLLAMA)
    owner.environ["PATH"] = f"{programs}:{owner.environ['PATH']}"
    owner.settings |= {"DATA_DIR": owner.place / "third", "OLLAMA_BASE_URL": upstream.url}
    with owner.starts() as running:
        running.wait_for("ollama.1 .*Ollama runs already at " + re.escape(upstream.url))
        running.wait_for("web.1 .*Data: ")
        key = running.wait_for(r"  (llm_\w+)\n")[1]
        assert chat(owner.url, key, MODEL)[0] == 200
        assert "stand-in for Ollama" not in running.output
        ends_without_a_trace(running, owner.place, signal.SIGTERM)
