"""The README is true: its commands are run as they stand, on a copy of the sources."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docs_pages import blocks, shell
from tests.support.fresh_copy import ROOT, environment, fresh_copy
from tests.support.gateway_process import PATIENCE, Running, ask, free_port
from tests.support.processes import family, is_alive, naming

README = ROOT / "README.md"
BLOCKS = [block.text for block in shell(README)]
OUTPUT = next(block.text for block in blocks(README) if block.marks == [""])  # of the first one


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with fresh_copy() as place:
        yield place


@pytest.mark.demo
def test_the_first_commands_work_as_written_on_a_machine_with_python_only(place: Path) -> None:
    repository, port = place / "repository", free_port()
    environ = environment(place / "home", port)
    start, *commands = BLOCKS[:4]
    running = Running(["sh", "-c", f"exec {start.strip()}"], environ, repository)
    try:
        running.wait_for("Data: .*\n")
        key = running.wait_for(r"\n  (llm_\w+)\n")[1]
        told = (
            running.output.replace(key, "llm_…")
            .replace(f":{port}", ":8000")
            .replace(environ["OLLAMA_BASE_URL"], "http://localhost:11434")
            .replace(environ["HOME"], "~")
        )
        for line in OUTPUT.splitlines():
            assert line in told
        status, health = ask(f"http://127.0.0.1:{port}/health")
        assert (status, health["status"]) == (200, "ok")
        assert key not in json.dumps(health)

        printed = subprocess.run(
            running.wait_for(r"\n  (curl .*)\n")[1],
            shell=True, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        assert printed.stdout.rstrip().endswith("data: [DONE]")

        script = "set -e\n" + "".join(commands).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        done = subprocess.run(
            ["sh", "-c", script], env=environ, cwd=repository, capture_output=True, text=True,
            timeout=PATIENCE, check=True,
        )  # fmt: skip
        stream, _, rest = done.stdout.partition("data: [DONE]")
        assert '"delta"' in stream
        usage, end = json.JSONDecoder().raw_decode(rest.strip())
        assert usage["key"]["label"] == "my website"
        assert usage["month"]["tokens_used"] > 0
        assert usage["month"]["requests"] == 1
        assert re.search(r"gemma3:270m +1 ", rest.strip()[end:])

        processes = family(running.process.pid)
        assert running.stop() == 0
        assert not any(map(is_alive, processes))
        assert naming(str(place)) == []
    finally:
        running.kill()
        for process in naming(str(place)):
            process.kill()


def test_every_script_of_the_later_parts_is_there() -> None:
    """`scripts/up --tunnel` is run by the tests of docs/home.md."""
    tunnel, development = BLOCKS[4:]
    assert tunnel == "scripts/up --tunnel\n"
    for line in development.splitlines():
        script = ROOT / line.split()[0]
        assert os.access(script, os.X_OK), line
