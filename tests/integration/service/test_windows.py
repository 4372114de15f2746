"""Tasks for Windows are XML that says all that the job says. (Windows itself is not here.)"""

from pathlib import Path

import pytest

from gateway.service.job import Job
from gateway.service.windows import Windows
from tests.support.service.tools import Tools


@pytest.fixture
def plain(job: Job) -> Job:
    return job._replace(
        command=("C:/Program Files/py/python.exe", "-m", "gateway", "serve"),
        environment={"DATA_DIR": "C:/Users/Ada & Co".replace(" & ", " ")},
    )


def test_installing_makes_and_starts_a_task_and_uninstalling_ends_and_deletes_it(
    tools: Tools, plain: Job, tmp_path: Path
):
    windows = Windows(False, tmp_path)
    windows.install([plain])
    assert tools.calls[0].startswith("schtasks /Create /F /TN localllm /XML ")
    assert tools.calls[1] == "schtasks /Run /TN localllm"
    tools.answer(
        {
            "schtasks /Query /TN localllm /FO": (0, '"\\localllm","N/A","Running"'),
            "schtasks /Query": (1, "not found"),
        }
    )
    assert windows.states()[0].running
    assert windows.uninstall() == ["localllm"]
    assert tools.calls[-2:] == ["schtasks /End /TN localllm", "schtasks /Delete /F /TN localllm"]
