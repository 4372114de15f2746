"""The files for launchd parse, and say all that the job says."""

import plistlib
from pathlib import Path

from gateway.service.job import Job
from gateway.service.launchd import Launchd
from tests.support.service.tools import Tools


def test_the_plist_parses_and_runs_the_job_with_its_environment(tools: Tools, job: Job):
    content = plistlib.loads(Launchd(None, Path("/data")).plist(job).encode())
    assert content["ProgramArguments"] == list(job.command)
    assert content["EnvironmentVariables"] == dict(job.environment)
    assert content["WorkingDirectory"] == str(job.directory)
    assert content["KeepAlive"] is True
    assert content["RunAtLoad"] is True
    assert content["ExitTimeOut"] == job.stop_seconds
    assert "UserName" not in content


def test_a_daemon_of_the_system_has_a_users_rights(tools: Tools, job: Job):
    content = plistlib.loads(Launchd("ada", Path("/data")).plist(job).encode())
    assert content["UserName"] == "ada"
