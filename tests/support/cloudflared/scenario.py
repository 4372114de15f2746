"""What the stand-in shall do: a JSON file beside the program, read at each start.

The environment cannot say it: the one who starts cloudflared passes little of it on.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

PROGRAM = """#!{python}
import os, sys
os.environ["SSL_CERT_FILE"] = os.devnull  # all authorities' certificates take a third of a start
sys.path.insert(0, {root!r})
from tests.support.cloudflared.main import main
main({folder!r})
"""


@dataclass
class Scenario:
    """`lives`: for each start in turn, values that differ; later starts have none."""

    version: str = "2026.8.2"
    protocol: str = "http2"  # quic waits for its whole grace period
    location: str = "fra08"
    hostname: str = "calm-river-stand-in.trycloudflare.com"
    secret: str = "cmlnaHQ="  # the one that Cloudflare knows of the named tunnel
    routes: list[list[str]] = field(default_factory=list)  # of the dashboard: hostname, service
    connects: bool = True
    blocked: list[str] = field(default_factory=list)  # udp, tcp, dns
    clock_is_wrong: bool = False
    trial: str = "yes"  # no: the limit was reached; offline
    ends: str = ""  # start | connected: it ends by itself there
    end_code: int = 1
    last_words: str = ""
    takes_port: bool = False  # another program has the metrics port
    silence: float = 100.0  # seconds after which the edge gives up on an origin
    edge_port: int = 0
    extra_lines: list[str] = field(default_factory=list)
    lives: list[dict[str, Any]] = field(default_factory=list)


def load(folder: Path) -> Scenario:
    """The scenario of this start, which is noted: command line, environment, process."""
    text = json.loads((folder / "scenario.json").read_text())
    starts = folder / "starts.jsonl"
    number = len(starts.read_text().splitlines()) if starts.exists() else 0
    scenario = Scenario(**text)
    if _is_run(sys.argv):
        told = {"argv": sys.argv[1:], "environ": dict(os.environ), "pid": os.getpid()}
        with starts.open("a") as file:
            file.write(json.dumps(told) + "\n")
        if number < len(scenario.lives):
            scenario = Scenario(**{**text, **scenario.lives[number]})
    return scenario


def _is_run(argv: list[str]) -> bool:
    return "--url" in argv or argv[-1:] == ["run"] or "--token-file" in argv


def install(folder: Path, name: str = "cloudflared", **values: Any) -> Path:
    """Put the program into a folder, with a scenario."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, **values)
    program = folder / name
    program.write_text(PROGRAM.format(python=sys.executable, root=str(ROOT), folder=str(folder)))
    program.chmod(0o700)
    return program


def write(folder: Path, **values: Any) -> None:
    known = {item.name for item in fields(Scenario)}
    assert values.keys() <= known, values.keys() - known
    text = json.dumps(asdict(Scenario(**values)))
    new = folder / "scenario.new"
    new.write_text(text)
    new.replace(folder / "scenario.json")


def starts(folder: Path) -> list[dict[str, Any]]:
    """What was noted at each start."""
    path = folder / "starts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
