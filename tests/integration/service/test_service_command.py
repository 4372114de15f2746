"""`localllm service`: what it says and does, with stand-ins for the system's tools."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from gateway.__main__ import run
from gateway.config import settings
from gateway.config.extras import Extra
from tests.support.service.tools import Tools

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are systemd's commands")


@pytest.fixture
def place(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the owner stands: a folder with a .env, no setting in the shell, not root."""
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    folder = tmp_path / "place"
    folder.mkdir()
    (folder / ".env").write_text("PORT=8123\n")
    monkeypatch.chdir(folder)
    return folder


def test_a_dry_run_shows_the_units_and_touches_nothing(
    place: Path, tools: Tools, capsys: pytest.CaptureFixture[str]
):
    assert run(["service", "install", "--dry-run", "--tunnel"]) == 0
    shown = capsys.readouterr().out
    assert f"WorkingDirectory={place}" in shown
    assert '"tunnel" "run"' in shown
    assert "ADMIN_SECRET_FILE" in shown
    assert not (Path.home() / ".config").exists()
    assert all(call.startswith("systemd-run") for call in tools.calls)


def test_a_token_in_the_settings_is_a_tunnel_and_has_the_grace_that_they_give(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["service", "install", "--dry-run"]) == 0
    assert "localllm-tunnel" not in capsys.readouterr().out
    with (place / ".env").open("a") as dotenv:
        dotenv.write(f"TUNNEL_TOKEN_FILE={tmp_path / 'token'}\nTUNNEL_GRACE_SECONDS=120\n")
    assert run(["service", "install", "--dry-run"]) == 0
    shown = capsys.readouterr().out.partition("localllm-tunnel.service\n")[2]
    assert f'BindReadOnlyPaths="-{tmp_path / "token"}"' in shown
    found = re.search(r"^TimeoutStopSec=(\d+)$", shown, re.MULTILINE)
    assert found
    assert int(found[1]) > 120


def test_a_setting_that_a_service_would_not_see_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:1")
    assert run(["service", "install"]) == 1
    assert "OLLAMA_BASE_URL" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_a_service_of_the_system_is_not_given_data_that_its_user_cannot_reach(
    place: Path, tools: Tools, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, there: bool
):
    data = tmp_path / "data"
    if there:
        data.mkdir()
    assert run(["service", "install", "--system", "--run-as", "daemon"]) == 1
    told = capsys.readouterr().err
    assert f"{data} does not belong to daemon" in told
    assert "sudo DATA_DIR=" in told
    assert tools.calls == []
    assert data.exists() == there


@pytest.mark.parametrize(
    "lines",
    [
        f"ACCESS_TEAM=ours.cloudflareaccess.com\nACCESS_AUDIENCE={'a' * 64}\n",
        "SUPABASE_URL=https://abcdefghijklmnopqrst.supabase.co\n"
        "SUPABASE_SERVICE_KEY=sb_secret_0123456789abcdef0123456789\n",
    ],
)
def test_what_a_confined_service_could_not_install_is_installed_before(
    place: Path,
    tools: Tools,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    lines: str,
):
    monkeypatch.setattr(Extra, "is_installed", lambda _: False)
    monkeypatch.setenv("LOCALLLM_UV", "false")
    with (place / ".env").open("a") as dotenv:
        dotenv.write(lines)
    assert run(["service", "install"]) == 1
    assert "the installation failed" in capfd.readouterr().err
    assert not any("restart" in call for call in tools.calls)


def test_run_as_without_system_is_wrong_usage(place: Path):
    assert run(["service", "install", "--run-as", "ada"]) == 2


def test_a_machine_without_systemd_is_told_what_to_do_instead(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(["service", "status"]) == 1
    assert "Procfile" in capsys.readouterr().err


def test_status_names_what_is_not_installed_and_what_does_not_run(
    place: Path, tools: Tools, capsys: pytest.CaptureFixture[str]
):
    assert run(["service", "status"]) == 1
    assert "localllm service install" in capsys.readouterr().err
    unit = Path.home() / ".config/systemd/user/localllm.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    tools.answer({"systemctl --user is-active": (3, "")})
    assert run(["service", "status"]) == 1
    assert "localllm service logs" in capsys.readouterr().err
    tools.answer({"systemctl --user is-active": (0, "active")})
    assert run(["service", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["services"]
    assert [one["running"] for one in told] == [True, False]


def test_uninstalling_says_that_the_data_stays(
    place: Path, tools: Tools, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["service", "uninstall"]) == 1
    unit = Path.home() / ".config/systemd/user/localllm.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    capsys.readouterr()
    assert run(["service", "uninstall"]) == 0
    assert f"{tmp_path / 'data'} was kept" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["install", "status", "logs", "uninstall"])
def test_root_is_told_that_each_command_needs_system(
    place: Path,
    tools: Tools,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (place / ".env").unlink()  # not everywhere is the folder of a test root's
    assert run(["service", command]) == 1
    assert "As root, add --system" in capsys.readouterr().err
