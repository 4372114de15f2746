"""The page about Supabase is true: what can be run without its servers is run as it stands."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.config.secret_files import SIGNING_KEY_FILE
from tests.support.asking import Asking
from tests.support.failing_parts import fresh_database
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.gateway_process import PATIENCE, Running, ask, chat, free_port, fresh_directory
from tests.support.paths import ROOT
from tests.support.postgres import Server
from tests.support.postgrest.stand_in import StandIn, stand_in

PAGE = (ROOT / "docs" / "supabase.md").read_text("utf-8")
NOT_RUN = "# not run here\n"


class Block(NamedTuple):
    marks: list[str]  # what stands behind the language
    text: str


BLOCKS = [
    Block(marks.split() or [""], text)
    for marks, text in re.findall(r"^```([^\n]*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
]
SHELL = [block for block in BLOCKS if block.marks[0] == "sh"]
(SETTINGS,) = [block.text for block in BLOCKS if block.marks[0] == "ini"]


def test_every_command_is_run_or_says_that_it_is_not() -> None:
    assert {block.marks[0] for block in BLOCKS} == {"sh", "ini", "text"}
    assert len(re.findall("^```", PAGE, re.MULTILINE)) == 2 * len(BLOCKS)
    for block in SHELL:
        assert ("run" in block.marks) != block.text.startswith(NOT_RUN), block.text


def test_only_what_needs_the_servers_of_supabase_is_not_run() -> None:
    for block in SHELL:
        if block.text.startswith(NOT_RUN):
            assert "npx supabase@3" in block.text or ".supabase.co/" in block.text, block.text


def test_the_database_that_is_changed_is_never_a_local_one() -> None:
    """Version 3 of the command line takes a database on this machine unless told otherwise."""
    for command in re.findall(r"npx supabase@3 db .*", PAGE):
        assert "--remote" in command


def test_no_secret_is_typed_into_a_shell() -> None:
    for block in SHELL:
        assert not re.search(r"sb_secret_|ADMIN_SECRET=[\w…]", block.text)


class Place:
    """A directory with what of the repository the page's commands use, and settings of its own."""

    def __init__(self, path: Path, project: StandIn, upstream: FakeUpstream) -> None:
        self.path = path
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._project = project
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "DATA_DIR": str(path / "data"),
            "PORT": str(self.port),
            "OLLAMA_BASE_URL": upstream.url,
            "OLLAMA_DEFAULT_MODEL": MODEL,
        }
        (path / ".venv").symlink_to(ROOT / ".venv")
        (path / "scripts").mkdir()
        up = path / "scripts" / "up"  # that it makes an environment is for test_readme.py to show
        up.write_text('#!/bin/sh\nexec .venv/bin/localllm up "$@"\n')
        up.chmod(0o755)
        (path / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
        (path / "supabase" / "functions").mkdir(parents=True)

    def with_ours(self, text: str) -> str:
        """The page's placeholders replaced by what is here."""
        for theirs, ours in {
            "https://abcdefghijklmnopqrst.supabase.co": self._project.url,
            "sb_secret_…": self._project.secret_key,
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
            "gemma3:270m": MODEL,
        }.items():
            text = text.replace(theirs, ours)
        return text

    def run(self, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["sh", "-ec", self.with_ours(text)],
            cwd=self.path,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        return done


@pytest.fixture
def project(postgres: Server) -> Iterator[StandIn]:
    with fresh_database(postgres) as dsn, stand_in(dsn) as running:
        yield running


@pytest.fixture
def place(project: StandIn, upstream: FakeUpstream) -> Iterator[Place]:
    with fresh_directory() as path:
        yield Place(path, project, upstream)


def test_the_page_can_be_followed_from_top_to_bottom(place: Place, project: StandIn) -> None:
    """All runnable blocks in their order; before it an embedded database has a key and usage."""
    old_key = place.run('.venv/bin/localllm keys create "from before" --key-only').stdout.strip()
    running: Running | None = None
    outputs: list[str] = []
    edited = False
    try:
        for block in SHELL:
            if "run" not in block.marks:
                continue
            if "up" in block.marks:
                running = Running(["sh", "-c", f"exec {block.text}"], place.environ, place.path)
                running.wait_for(f"localllm is running at {place.url}")
                key = running.wait_for(r"\n  (llm_\w+)\n")[1]
                continue
            if "role" in block.marks:
                _makes_a_token(place, project, block.text)
                continue
            if " db " in block.text and running is not None:  # the page says: stop it
                assert running.stop() == 0
                running = None
            outputs.append(place.run(block.text).stdout)
            if not edited:
                with (place.path / ".env").open("a") as dotenv:
                    dotenv.write(place.with_ours(SETTINGS))
                edited = True
    finally:
        if running is not None:
            running.kill()
    said = "\n".join(outputs)
    assert "data: [DONE]" in said
    assert '"label":"my website"' in said
    assert re.search(r"ok +store", said)
    assert re.search(r"keys +1 +0", said), "the key of the embedded database came"
    assert re.search(r"keys +0 +4", said), "and restoring found all four"
    assert project.calls
    assert (place.path / "moved.ndjson").stat().st_mode & 0o777 == 0o600
    for secret in (".env", "supabase/functions/.env"):
        assert stat.S_IMODE((place.path / secret).stat().st_mode) == 0o600
    assert project.secret_key not in said
    _is_served(place, [key, old_key])


def _makes_a_token(place: Place, project: StandIn, command: str) -> None:
    """The owner does in the dashboard what it says. The page goes on with the secret key."""
    asking = Asking(["sh", "-ec", f"exec {command}"], place.environ, place.path)
    asking.until("Publishable key: ")
    signing_key = place.path / "data" / SIGNING_KEY_FILE
    project.import_signing_key(json.loads(signing_key.read_text()))
    asking.answers(project.publishable_key)
    asking.until("Press Enter when that is done")
    asking.answers("")
    assert asking.ends() == 0, asking.said
    assert "The project accepts the token." in asking.said
    assert not signing_key.exists()


def _is_served(place: Place, keys: list[str]) -> None:
    """Keys from before and after the move are good at a gateway that is started again."""
    command = [sys.executable, "-m", "gateway", "up"]
    running = Running(command, place.environ, place.path)
    try:
        running.wait_for("Data: ")
        for key in keys:
            assert chat(place.url, key, MODEL)[0] == 200
        assert ask(f"{place.url}/health")[1]["store"] == {"kind": "supabase", "state": "ok"}
        assert running.stop() == 0
    finally:
        running.kill()
