"""A directory in which the commands of a page are run, beside stand-ins for what is not here."""

import os
import subprocess
from pathlib import Path

from tests.support.cloudflared import scenario
from tests.support.docs_pages import ROOT
from tests.support.fake_upstream import MODEL
from tests.support.gateway_process import PATIENCE, Running, free_port


class Place:
    """`up` makes no environment (test_readme.py shows that it does), and settings are in `.env`:
    a model server of the tests and a database."""

    def __init__(self, path: Path, upstream_url: str, dsn: str, settings: str = "") -> None:
        self.path = path
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.stand_in = path / "stand-in"
        scenario.install(self.stand_in, routes=[["llm.example.com", self.url]])
        self.environ = {"PATH": f"{self.stand_in}:{os.environ['PATH']}", "HOME": str(path)}
        (path / ".venv").symlink_to(ROOT / ".venv")
        (path / "scripts").mkdir()
        up = path / "scripts" / "up"
        up.write_text('#!/bin/sh\nexec .venv/bin/localllm up "$@"\n')
        up.chmod(0o755)
        given = {"PORT": self.port, "OLLAMA_BASE_URL": upstream_url, "DATABASE_URL": dsn}
        given["OLLAMA_DEFAULT_MODEL"] = MODEL
        dotenv = path / ".env"
        dotenv.write_text(settings + "".join(f"{name}={text}\n" for name, text in given.items()))
        dotenv.chmod(0o600)

    def run(self, text: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            ["sh", "-ec", text], cwd=self.path, env=self.environ, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode in codes, (text, done.stdout, done.stderr)
        return done.stdout

    def starts(self, text: str) -> Running:
        return Running(["sh", "-c", f"exec {text}"], self.environ, self.path)
