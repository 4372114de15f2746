"""Tasks for Windows are XML that says all that the job says."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.service.job import Job, ServiceError
from gateway.service.windows import Windows

SPACE = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


@pytest.fixture
def plain(job: Job) -> Job:
    return job._replace(
        command=("C:/Program Files/py/python.exe", "-m", "gateway", "serve"),
        environment={"DATA_DIR": "C:/Users/Ada & Co".replace(" & ", " ")},
    )


def task(job: Job, *, system: bool = False) -> ElementTree.Element:
    text = Windows(system, Path("C:/data")).task(job)
    return ElementTree.fromstring(text.replace('encoding="UTF-16"', ""))


def test_a_task_runs_the_job_where_its_settings_are_and_again_when_it_ends(plain: Job):
    found = task(plain)
    arguments = found.findtext("t:Actions/t:Exec/t:Arguments", namespaces=SPACE)
    assert arguments is not None
    assert '"C:/Program Files/py/python.exe" -m gateway serve' in arguments
    assert 'set "DATA_DIR=C:/Users/Ada Co"' in arguments
    directory = found.findtext("t:Actions/t:Exec/t:WorkingDirectory", namespaces=SPACE)
    assert directory == str(plain.directory)
    assert found.find("t:Settings/t:RestartOnFailure", SPACE) is not None
    assert found.findtext("t:Settings/t:ExecutionTimeLimit", namespaces=SPACE) == "PT0S"


def test_a_task_of_the_system_starts_with_the_machine_and_others_with_the_log_in(plain: Job):
    assert task(plain, system=True).find("t:Triggers/t:BootTrigger", SPACE) is not None
    assert task(plain).find("t:Triggers/t:LogonTrigger", SPACE) is not None


@pytest.mark.parametrize("odd", ['a"b', "a&b", "a|b", "%PATH%", "a>b", "a^b", "a\nb"])
def test_nothing_that_the_shell_would_read_gets_into_a_task(plain: Job, odd: str):
    with pytest.raises(ServiceError):
        Windows(False, Path("C:/data")).task(plain._replace(environment={"DATA_DIR": odd}))
