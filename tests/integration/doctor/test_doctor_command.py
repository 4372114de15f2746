"""`localllm doctor` as its owner runs it: a whole gateway with its tunnel, and a bare machine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.overview.doctor import Doctor
from tests.support.cloudflared import scenario
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.forked.process import in_text, run
from tests.support.paths import ROOT
from tests.support.tunnel.up import Up, up

CHECKS = [
    *("python", "settings", "data", "files", "secrets", "store", "outbox", "ollama", "parallel"),
    *("cloud", "port", "host", "exposed", "cloudflared", "tunnel", "services", "alerts"),
]
OUTSIDE = ["https", "public", "cors", "stream", "closed"]


def environ(it: Up, **changes: str) -> dict[str, str]:
    return it.gateway._environ | changes


def doctor(it: Up, *words: str, code: int = 0) -> dict[str, dict[str, str]]:
    """The findings by name, in their order."""
    command = [sys.executable, "-m", "gateway", "doctor", "--json", *words]
    done = in_text(run(command, environ(it), it.gateway.data_dir))
    assert done.returncode == code, done.stderr + done.stdout
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["ok"] is (code == 0)
    assert "for-tests-only" not in done.stdout
    return {one["check"]: one for one in report["checks"]}


def screen(it: Up, *words: str, **changes: str) -> str:
    """What is in a terminal of 80 columns."""
    order = {"command": [sys.executable, "-m", "gateway", "doctor", *words], "answers": []}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.terminal", json.dumps(order)],
        env=environ(it, COLUMNS="80", PYTHONPATH=str(ROOT), **changes), cwd=ROOT,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout.replace("\r", "")


@pytest.fixture
def it(upstream: FakeUpstream, dsn: str, stand_in: Path):
    with up(upstream, dsn, stand_in, OLLAMA_DEFAULT_MODEL=MODEL) as it:
        yield it


def keys_and_usage(it: Up) -> object:
    headers = {"X-Admin-Secret": "for-tests-only"}
    with httpx.Client(base_url=it.gateway.url, headers=headers, trust_env=False) as client:
        return client.get("/admin/api-keys").json(), client.get("/admin/usage").json()


def test_a_whole_gateway_with_its_tunnel_is_well_and_nothing_is_changed(it: Up):
    before = keys_and_usage(it)
    found = doctor(it, "--url", it.edge)
    assert list(found) == CHECKS + OUTSIDE
    odd = {name: one["text"] for name, one in found.items() if one["state"] != "ok"}
    assert "remote-alias:latest" in odd.pop("cloud")
    assert set(odd) <= {"https", "data", "exposed"}, odd  # plain HTTP; what the machine has
    assert found["public"]["text"] == f"{it.edge} leads to this gateway"
    assert "1 connection to Cloudflare" in found["tunnel"]["text"]
    assert keys_and_usage(it) == before


def test_without_an_address_of_its_own_the_tunnels_name_is_looked_at(it: Up):
    found = doctor(it, code=1)  # the stand-in's name is in no DNS
    assert list(found) == [*CHECKS, "https"]
    assert "calm-river-stand-in.trycloudflare.com" in found["https"]["text"]


def test_a_tunnel_that_lost_its_connection_is_named_on_both_sides(it: Up):
    scenario.write(it.stand_in, connects=False)
    port = json.loads((it.folder / "running.json").read_text())["metrics_port"]
    with httpx.Client(trust_env=False) as client:
        client.post(f"http://127.0.0.1:{port}/stand-in/disconnect")
        while json.loads((it.folder / "running.json").read_text())["state"] == "connected":
            pass
    found = doctor(it, "--url", it.edge, code=1)
    assert found["tunnel"]["state"] == "warn"
    assert "1033" in found["public"]["text"]


def test_a_terminal_shows_it_within_its_width_and_in_colours_unless_they_are_not_wanted(it: Up):
    shown = screen(it, "--url", it.edge)
    assert "\x1b[32m✓ ok" in shown
    plain = re.sub(r"\x1b\[\d*m", "", shown)
    lines = plain.splitlines()
    assert all(len(line) <= 80 for line in lines if " /" not in line and "http" not in line)
    assert any(
        line.startswith("✓ ok   closed      the gateway cannot be bypassed") for line in lines
    )
    assert "\x1b[3" not in screen(it, "--url", it.edge, NO_COLOR="1")


def test_an_address_that_is_none_is_wrong_usage(tmp_path: Path):
    command = [sys.executable, "-m", "gateway", "doctor", "--url", "ftp://x"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "https://llm.example.com" in done.stderr


@pytest.mark.anyio
async def test_doctor_from_the_console_takes_no_module_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trap = tmp_path / "msgspec.py"
    trap.write_text("open('taken', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    examined = Doctor()
    told = await examined.examine()
    await examined.close()
    assert isinstance(told, dict)
    assert told["findings"]
    assert not (tmp_path / "taken").exists()
