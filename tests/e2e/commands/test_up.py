"""`localllm up` from an empty directory to its end: a real database, model and signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from tests.support.forked.process import OWN_PYTHON
from tests.support.gateway_process import PATIENCE, Running, ask, chat, free_port, fresh_directory
from tests.support.processes import all_text_of_processes, family, is_alive, naming, within
from tests.support.serving import in_a_thread

pytestmark = pytest.mark.demo

DEMO = "gemma3:270m"
OLLAMAS_MODEL = "from-ollama:latest"


class Backend:
    """A home of its own, a port, and a place where an Ollama may appear."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data_dir = home / "data"
        self.port = free_port()
        self.ollama_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        environ = {
            **OWN_PYTHON,
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "OLLAMA_BASE_URL": f"http://127.0.0.1:{self.ollama_port}",
        }
        return [sys.executable, "-m", "gateway", *arguments], environ

    @contextmanager
    def up(self, *options: str) -> Generator[Running]:
        running = Running(*self.command("up", *options), cwd=self.home)
        try:
            running.wait_for("Data: .*\n")
            yield running
            assert naming(str(self.data_dir)) == []  # stopped within the test
        finally:
            running.kill()
            for process in naming(str(self.data_dir)):
                process.kill()

    def json(self, *arguments: str) -> object:
        command, environ = self.command(*arguments, "--json")
        done = subprocess.run(command, env=environ, capture_output=True, timeout=60, check=True)
        return json.loads(done.stdout)


@contextmanager
def ollama(port: int) -> Generator[None]:
    """Something that answers as Ollama does, with one model."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {
                "/api/version": {"version": "0.33.0"},
                "/api/tags": {"models": [{"name": OLLAMAS_MODEL}]},
                "/v1/models": {"object": "list", "data": [{"id": OLLAMAS_MODEL}]},
            }
            self.reply(answers.get(self.path, {}))

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            message = {"role": "assistant", "content": "from Ollama"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
            self.reply(
                {"id": "x", "object": "chat.completion", "created": 1, "model": asked.get("model"),
                 "choices": [choice], "usage": usage}
            )  # fmt: skip

        def reply(self, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with in_a_thread(ThreadingHTTPServer(("127.0.0.1", port), Handler)):
        yield


@pytest.fixture(scope="module")
def machine() -> Iterator[Backend]:
    with fresh_directory() as home:
        yield Backend(home)


@pytest.fixture(scope="module")
def first_key(machine: Backend) -> str:
    """The first `up` on an empty machine: the key that it showed."""
    with machine.up() as running:
        key = running.wait_for(r"\n  (llm_\w+)\n")[1]
        line = running.wait_for(r"\n  (curl .*)\n")[1]
        done = subprocess.run(
            line, shell=True, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        events = [text for text in done.stdout.split("\n\n") if text]
        assert len(events) > 3
        assert events[-1] == "data: [DONE]"
        texts = [json.loads(text.removeprefix("data: ")) for text in events[:-1]]
        assert "".join(t["choices"][0]["delta"].get("content") or "" for t in texts if t["choices"])

        _, before = ask(f"{machine.url}/v1/usage", key)
        status, answer = chat(machine.url, key, DEMO)
        assert (status, answer["model"]) == (200, DEMO)
        _, after = ask(f"{machine.url}/v1/usage", key)
        used = after["month"]["tokens_used"] - before["month"]["tokens_used"]
        assert used == answer["usage"]["total_tokens"] > 0
        assert before["month"]["tokens_used"] > 0

        secret = (machine.data_dir / "admin-secret").read_text().strip()
        for text in all_text_of_processes():
            assert key not in text
            assert secret not in text
        assert secret not in running.output
        processes = family(running.process.pid)
        assert len(processes) > 1
        assert running.stop(signal.SIGINT) == 0
        assert not any(map(is_alive, processes))
    return key


def test_an_empty_machine_answers_counts_and_stops_without_a_trace(first_key: str) -> None:
    assert first_key


def test_no_file_holds_the_key_and_only_the_owner_reads_the_secret(
    machine: Backend, first_key: str
) -> None:
    assert (machine.data_dir / "admin-secret").stat().st_mode & 0o777 == 0o600
    for path in machine.data_dir.rglob("*"):
        if path.is_file() and path.suffix != ".gguf":
            assert first_key.encode() not in path.read_bytes(), path


def test_a_second_up_keeps_the_data_and_shows_no_key(machine: Backend, first_key: str) -> None:
    with ollama(machine.ollama_port), machine.up() as running:
        assert "llm_" not in running.output
        assert "localllm keys create" in running.output
        assert "Joining" not in running.output
        assert OLLAMAS_MODEL in running.wait_for("Model: .*")[0]
        _, usage = ask(f"{machine.url}/v1/usage", first_key)
        assert usage["month"]["tokens_used"] > 0
        listed = machine.json("keys", "list")
        assert [row["label"] for row in listed["data"]] == ["first key"]  # type: ignore[index]  # JSON
        assert within(running.process.pid, "gateway.demo") == []
        assert running.stop(signal.SIGTERM) == 0


def test_what_is_killed_comes_back_and_ollama_takes_over_when_it_appears(
    machine: Backend, first_key: str
) -> None:
    with machine.up() as running:
        [demo] = within(running.process.pid, "gateway.demo")
        postmaster = psutil.Process(
            int((machine.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
        )
        demo.kill()
        running.wait_for("the demo model had died and was restarted")
        postmaster.kill()
        running.wait_for("the embedded Postgres had died and was restarted")
        assert chat(machine.url, first_key, DEMO)[0] == 200

        with ollama(machine.ollama_port):
            running.wait_for("Ollama answers: switched to ")
            status, answer = chat(machine.url, first_key, OLLAMAS_MODEL)
            assert (status, answer["choices"][0]["message"]["content"]) == (200, "from Ollama")
            assert running.stop() == 0


def test_without_the_demo_it_says_so_and_waits_for_ollama(machine: Backend, first_key: str) -> None:
    with machine.up("--no-demo") as running:
        assert "Ollama does not answer" in running.output
        assert chat(machine.url, first_key, DEMO)[0] == 503
        with ollama(machine.ollama_port):
            running.wait_for("Ollama answers: switched to ")
            assert chat(machine.url, first_key, OLLAMAS_MODEL)[0] == 200
            assert running.stop() == 0
