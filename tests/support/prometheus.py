"""A real Prometheus, and promtool. Where they are not installed, Debian's package is fetched and
unpacked below .cache; nothing is installed."""

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import fasteners
import httpx

from tests.support.gateway_process import PATIENCE, free_port
from tests.support.lacking import lacking
from tests.support.paths import ROOT

_FOLDER = ROOT / ".cache" / "prometheus"
_SECONDS = 120


@cache
def program(name: str) -> str:
    """Where `prometheus` or `promtool` is."""
    found = shutil.which(name)
    if found is not None:
        return found
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        lacking(f"there is no {name} here, and no apt to fetch it (Debian: apt install prometheus)")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    own = _FOLDER / "usr" / "bin" / name
    with fasteners.InterProcessLock(_FOLDER / "lock"):
        if not own.exists():
            _fetch()
    return str(own)


def _fetch() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if not _runs(["apt-get", "download", "prometheus"], folder):
            _runs(["apt-get", "update"], folder)  # as root alone
            if not _runs(["apt-get", "download", "prometheus"], folder):
                lacking("apt could not fetch prometheus (Debian: apt install prometheus)")
        [package] = Path(folder).glob("prometheus_*.deb")
        assert _runs(["dpkg-deb", "--extract", str(package), str(_FOLDER)], folder)


def _runs(command: list[str], folder: str) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS)
        return done.returncode == 0
    return False


def promtool(*words: str, read: str = "") -> None:
    """Run it on files, or on what it is to read; it has to be content."""
    done = subprocess.run(
        [program("promtool"), *words],
        input=read,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A running one."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE)

    def ask(self, expression: str) -> list[Any]:
        """The series of an instant query; it has to be a valid one."""
        answer = self._client.get("/api/v1/query", params={"query": expression})
        told = answer.json()
        assert told["status"] == "success", f"{expression}: {told.get('error')}"
        return told["data"]["result"]

    def number(self, expression: str) -> float:
        """What a query for one number says; 0 where there is no such series."""
        found = self.ask(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def rules(self) -> list[Any]:
        groups = self._client.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def wait_for(self, expression: str, value: float) -> None:
        """Until a query says so."""
        end = time.monotonic() + PATIENCE
        while self.number(expression) != value:
            assert time.monotonic() < end, f"{expression} is {self.number(expression)}"
            time.sleep(0.05)  # a look at what another process does, no timing

    def close(self) -> None:
        self._client.close()


@contextmanager
def prometheus(target: str, rules: Path) -> Iterator[Prometheus]:
    """One that scrapes `target`, HOST:PORT, several times a second."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "localllm", "static_configs": [{"targets": [target]}]}],
        }
        file = Path(folder) / "prometheus.yml"
        file.write_text(json.dumps(config))  # JSON is YAML, too
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={file}",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=output,
                stderr=output,
            )
        running = Prometheus(f"http://127.0.0.1:{port}")
        try:
            _wait_until_ready(running, process, log)
            yield running
        finally:
            running.close()
            process.terminate()
            process.wait(PATIENCE)


def _wait_until_ready(one: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(httpx.TransportError, KeyError, ValueError):
            if one.ask("vector(1)"):
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
