"""systemd accepts the units, they confine what they run, and come and go as a person expects."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.service import systemd_unit
from gateway.service.job import TUNNEL, Job, ServiceError
from gateway.service.systemd import Systemd
from gateway.service.systemd_unit import unit
from tests.support.service.tools import Tools

analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
KINDS = [("daemon", True), (None, True), (None, False)]


def written(folder: Path, job: Job, account: str | None, separated: bool) -> Path:
    path = folder / f"{job.name}.service"
    path.write_text(unit(job, account=account, separated=separated))
    return path


@analyze
@pytest.mark.parametrize(("account", "separated"), KINDS)
def test_systemd_finds_no_fault_in_a_unit(
    tmp_path: Path, job: Job, account: str | None, separated: bool
):
    path = written(tmp_path, job, account, separated)
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@analyze
@pytest.mark.parametrize(("account", "separated"), KINDS[:2])
def test_a_unit_is_exposed_less_than_4_of_10(
    tmp_path: Path, job: Job, account: str | None, separated: bool
):
    path = written(tmp_path, job, account, separated)
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", path],
        capture_output=True,
        text=True,
    )
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", found.stdout)
    assert exposure, found.stderr
    assert float(exposure[1]) < 4


@analyze
def test_a_token_that_the_settings_name_can_be_read_wherever_it_is(tmp_path: Path, job: Job):
    job = job._replace(readable=(Path("/tmp/the token"),))
    path = written(tmp_path, job, "daemon", True)
    assert 'BindReadOnlyPaths="-/tmp/the token"' in path.read_text().splitlines()
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True
    )
    assert (found.returncode, found.stderr) == (0, "")


def test_installing_writes_enables_and_starts_for_the_user(tools: Tools, job: Job):
    tunnel = job._replace(name=TUNNEL, after=("localllm",))
    assert Systemd(None).install([job, tunnel]) == []
    folder = Path.home() / ".config/systemd/user"
    assert {path.name for path in folder.iterdir()} == {
        "localllm.service",
        "localllm-tunnel.service",
    }
    assert "localllm.service" in (folder / "localllm-tunnel.service").read_text()
    assert tools.calls[-4:-1] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable localllm.service localllm-tunnel.service",
        "systemctl --user restart localllm.service localllm-tunnel.service",
    ]
    assert tools.calls[-1].startswith("loginctl enable-linger")


def test_where_a_manager_cannot_separate_the_unit_does_without_rather_than_fail(
    tools: Tools, job: Job
):
    tools.answer({"systemd-run": (1, "no")})
    (text,) = Systemd(None).files([job]).values()
    assert "PrivateUsers" not in text
    assert "NoNewPrivileges=yes" in text


def test_who_cannot_linger_is_told_what_to_do(tools: Tools, job: Job):
    tools.answer({"loginctl": (1, "denied")})
    (note,) = Systemd(None).install([job])
    assert "sudo loginctl enable-linger" in note


def test_the_tunnel_stops_before_the_gateway_and_nothing_is_left(tools: Tools, job: Job):
    Systemd(None).install([job, job._replace(name=TUNNEL)])
    assert Systemd(None).uninstall() == ["localllm", TUNNEL]
    disabled = [call for call in tools.calls if " disable " in call]
    assert disabled == [
        "systemctl --user disable --now localllm-tunnel.service",
        "systemctl --user disable --now localllm.service",
    ]
    assert list((Path.home() / ".config/systemd/user").iterdir()) == []
    assert Systemd(None).uninstall() == []


def test_states_tell_what_runs_what_failed_and_what_is_not_there(tools: Tools, job: Job):
    Systemd(None).install([job])
    tools.answer({"systemctl --user is-active localllm.service": (3, "")})
    gateway, tunnel = Systemd(None).states()
    assert not gateway.running
    assert tunnel.state is None
    tools.answer({"systemctl --user is-active localllm.service": (0, "active")})
    assert Systemd(None).states()[0].running


def test_what_the_tool_says_reaches_the_owner_in_one_line(tools: Tools, job: Job):
    tools.answer({"systemctl --user daemon-reload": (1, "Failed to connect to bus:\nNo medium")})
    with pytest.raises(ServiceError, match=r"Failed to connect to bus: No medium\. .*su or sudo"):
        Systemd(None).install([job])


def test_where_systemd_does_not_run_nothing_is_left_behind(tools: Tools, job: Job):
    tools.answer({"systemctl --user daemon-reload": (1, "Failed to connect to bus:\nNo medium")})
    with pytest.raises(ServiceError):
        Systemd(None).install([job])
    assert list((Path.home() / ".config/systemd/user").iterdir()) == []


def test_services_of_the_system_are_looked_at_by_everybody_and_changed_by_root(
    tools: Tools, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(systemd_unit, "folder", lambda *_: tmp_path / "units")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    Systemd("daemon").install([job])
    seen_by_root = Systemd("root")  # who is root without sudo names no other user
    assert seen_by_root.states()[0].state is not None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert Systemd("daemon").states()[0].state is not None
    for change in (lambda: Systemd("daemon").install([job]), Systemd("daemon").uninstall):
        with pytest.raises(ServiceError, match="sudo"):
            change()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert seen_by_root.uninstall() == ["localllm"]
