"""launchd's files parse, and say all that the job says. (launchd itself is not here.)"""

from pathlib import Path

from gateway.service.job import TUNNEL, Job
from gateway.service.launchd import Launchd
from tests.support.service.tools import Tools


def test_installing_loads_each_agent_and_writes_a_rule_for_its_log(
    tools: Tools, job: Job, tmp_path: Path
):
    launchd = Launchd(None, tmp_path / "data")
    (note,) = launchd.install([job, job._replace(name=TUNNEL)])
    loaded = [call for call in tools.calls if " bootstrap " in call]
    assert len(loaded) == 2
    assert all(call.startswith("launchctl bootstrap gui/") for call in loaded)
    rule = (tmp_path / "data/logs/newsyslog.conf").read_text()
    assert rule.count(".log ") == 2
    assert "newsyslog.d" in note


def test_uninstalling_unloads_the_tunnel_first_and_removes_both(
    tools: Tools, job: Job, tmp_path: Path
):
    launchd = Launchd(None, tmp_path / "data")
    launchd.install([job, job._replace(name=TUNNEL)])
    before = len(tools.calls)
    assert launchd.uninstall() == ["localllm", TUNNEL]
    assert [call.rsplit("/", 1)[1] for call in tools.calls[before:]] == [TUNNEL, "localllm"]
    assert list((Path.home() / "Library/LaunchAgents").iterdir()) == []


def test_states_are_read_from_what_launchctl_prints(tools: Tools, job: Job, tmp_path: Path):
    launchd = Launchd(None, tmp_path / "data")
    launchd.install([job])
    tools.answer(
        {"launchctl print": (0, "gui/501/localllm = {\n\tactive count = 1\n\tstate = running\n}")}
    )
    gateway, tunnel = launchd.states()
    assert (gateway.state, gateway.running) == ("running", True)
    assert tunnel.state is None
    tools.answer({"launchctl print": (113, "Could not find service")})
    assert launchd.states()[0].running is False
