"""The measured servers: nothing at all (direct), nginx as the floor, a bare proxy in Python as the
yardstick, and the gateway."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bench import bare, processes
from bench.workloads import Target, get

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ".venv-bench"
NGINX_MISSING = "nginx is not installed, so there is no floor: apt-get install nginx-light"


class BenchError(Exception):
    """A server that cannot be measured; the text says why."""


class Server:
    """A process between the caller and the fake model."""

    name = ""
    process: subprocess.Popen[bytes] | None = None
    target: Target

    def measured(self) -> list[psutil.Process]:
        """The processes whose CPU and memory count."""
        return processes.tree(self.process.pid) if self.process else []

    def database(self) -> list[psutil.Process]:
        return []

    def stop(self) -> None:
        if self.process:
            processes.stop(self.process)
            self.process = None

    async def ready(self, path: str, limit: float) -> None:
        """Ask until the answer is 200."""
        end = time.monotonic() + limit
        said = "no answer"
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                reply = await get(self.target, path)
                if reply.status == 200:
                    return
                said = f"{path} said {reply.status} {reply.error}"
            if self.process and self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with {self.process.returncode}")
            await asyncio.sleep(0.01)
        raise BenchError(f"{self.name} was not ready within {limit:.0f} s: {said}")


class Direct(Server):
    """The fake model itself: what is measured here is the cost of the measuring."""

    name = "direct"

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-m", "bench.upstream"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise BenchError("the fake model did not start")
        self.target = Target(int(line))


_NGINX = """
daemon off;
worker_processes 1;
{user}
pid {dir}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  keepalive_requests 10000000;
  upstream model {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Nginx(Server):
    """The floor: the least that a proxy takes. It checks nothing and counts nothing."""

    name = "nginx"

    @staticmethod
    def find() -> str | None:
        return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

    def __init__(self, directory: Path, upstream: int) -> None:
        program = self.find()
        if not program:
            raise BenchError(NGINX_MISSING)
        home = directory / "nginx"
        home.mkdir()
        port = processes.free_port()
        user = "user root;" if os.geteuid() == 0 else ""  # its folders are ours alone
        config = home / "nginx.conf"
        config.write_text(_NGINX.format(dir=home, upstream=upstream, port=port, user=user))
        command = [program, "-c", str(config), "-p", str(home), "-e", "stderr"]
        self.process = processes.start(command, directory, os.environ, self.name)
        self.target = Target(port)


class Bare(Server):
    """The yardstick: what any Litestar gateway pays (bare.py)."""

    name = "bare"

    def __init__(self, directory: Path, upstream: int) -> None:
        port = processes.free_port()
        command = [sys.executable, "-m", "bench.bare", str(port), str(upstream)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = processes.start(command, directory, environment, self.name)
        self.target = Target(port, (f"Authorization: Bearer {bare.KEY}",))


def users_program() -> str | None:
    """The gateway's command in an environment as its users have it: Litestar loads pydantic where
    it is installed, as for our tests, which takes 9 MB. None: that could not be made."""
    make = '. scripts/environment.sh; make_environment up "$1"'
    command = ["sh", "-c", f"set -eu; root=$PWD; {make}", "sh", ENVIRONMENT]
    if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode:
        return None
    return str(ROOT / ENVIRONMENT / "bin/localllm")


class Gateway(Server):
    """`localllm serve` on its embedded Postgres, with a key, quota and metering."""

    def __init__(
        self, directory: Path, upstream: int, name: str = "localllm", program: str | None = None
    ) -> None:
        """`program`: the command of another tree than this one."""
        self.name = name
        self.directory = directory
        self.data = directory / f"data-{name}"
        self.target = Target(processes.free_port())
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self.environment = kept | {
            "HOME": str(directory),
            "PORT": str(self.target.port),
            "DATA_DIR": str(self.data),
            "OLLAMA_BASE_URL": f"http://127.0.0.1:{upstream}",
            "ADMIN_SECRET": "bench-" + os.urandom(16).hex(),
            "UPSTREAM_CONCURRENCY": "1024",
            "QUEUE_LIMIT": "10000",
            "DEFAULT_RATE_LIMIT_PER_MIN": "1000000",
            "DEFAULT_MONTHLY_TOKEN_LIMIT": "999999999999",
        }
        self.program = program or str(Path(sys.executable).with_name("localllm"))

    async def start(self, limit: float = 60.0) -> float:
        """Seconds from the start of the process to the first good `/health`."""
        begun = time.monotonic()
        self.process = processes.start(
            [self.program, "serve"], self.directory, self.environment, self.name
        )
        await self.ready("/health", limit)
        return time.monotonic() - begun

    def make_key(self) -> None:
        """With the command that people use; the load generator sends it from now on."""
        command = [self.program, "keys", "create", "--label", "bench", "--json"]
        try:
            made = subprocess.run(
                command, cwd=self.directory, env=self.environment, capture_output=True, timeout=60
            )
            key = json.loads(made.stdout)["key"]
        except (subprocess.TimeoutExpired, ValueError, KeyError) as wrong:
            raise BenchError(f"localllm keys create --json gave no key: {wrong!r}") from None
        self.target = Target(self.target.port, (f"Authorization: Bearer {key}",))

    def measured(self) -> list[psutil.Process]:
        mine = {one.pid for one in self.database()}
        return [one for one in super().measured() if one.pid not in mine]

    def database(self) -> list[psutil.Process]:
        """The embedded Postgres, found by its pid file: it may not be our descendant."""
        for file in self.data.rglob("postmaster.pid") if self.data.exists() else ():
            with contextlib.suppress(OSError, ValueError, IndexError):
                return processes.tree(int(file.read_text().split()[0]))
        return []

    def stop(self) -> None:
        family = self.database()
        super().stop()
        processes.end(family)

    async def counted(self) -> tuple[int, int]:
        """(requests, tokens) that the key's usage report shows."""
        reply = await get(self.target, "/v1/usage")
        try:
            month = json.loads(reply.body)["month"]
            return month["requests"], month["tokens_used"]
        except (ValueError, KeyError, TypeError):
            raise BenchError(f"/v1/usage answered {reply.status}") from None
