"""Units of systemd: what every one of them says, and what cannot get into one."""

import pytest

from gateway.service.job import Job, ServiceError
from gateway.service.systemd import Systemd
from gateway.service.systemd_unit import unit
from tests.support.service.tools import Tools

KINDS = [("daemon", True), (None, True), (None, False)]


@pytest.mark.parametrize(("account", "separated"), KINDS)
def test_every_unit_gains_no_rights_and_none_of_the_system_runs_as_root(
    job: Job, account: str | None, separated: bool
):
    lines = unit(job, account=account, separated=separated).splitlines()
    assert "NoNewPrivileges=yes" in lines
    assert ("User=daemon" in lines) == (account is not None)
    assert ("ProtectSystem=strict" in lines) == ("PrivateTmp=yes" in lines) == separated


def test_no_value_can_begin_a_line_of_its_own(job: Job):
    for odd in ("x\nExecStartPre=/bin/evil", "x\r", "x\x00"):
        with pytest.raises(ValueError, match="cannot stand in a unit"):
            unit(job._replace(environment={"A": odd}), account=None, separated=False)


def test_what_systemd_would_expand_is_escaped(job: Job):
    text = unit(job, account=None, separated=False)
    assert "Description=localllm: 100 %%" in text
    assert 'ExecStart="/bin/sh" "-c" "echo \\"$$HOME\\" 50%%"' in text
    assert 'Environment="ODD=a\\"b\\\\c"' in text


@pytest.mark.parametrize("account", ["root", "nobody-here"])
def test_a_service_of_the_system_needs_a_user_that_is_not_root(
    tools: Tools, job: Job, account: str
):
    with pytest.raises(ServiceError):
        Systemd(account).install([job])
    assert tools.calls == []


def test_logs_are_asked_of_the_journal(tools: Tools):
    assert Systemd(None).logs(True, 5)[-3:] == ["--output", "short-iso", "--follow"]
    assert "--user-unit" in Systemd(None).logs(False, 5)
