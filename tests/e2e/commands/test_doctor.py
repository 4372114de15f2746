"""`localllm doctor` names what is wrong and what to do, to people and to programs."""

import json
import socket

from tests.support.command_line import CommandLine, one_line


def test_doctor_names_what_is_missing_and_what_to_do(localllm: CommandLine) -> None:
    localllm.json("db", "migrate")
    report = localllm.json("doctor")
    assert report["ok"] is True
    states = {check["check"]: check["state"] for check in report["checks"]}
    assert states["store"] == states["data"] == states["port"] == states["python"] == "ok"
    assert states["ollama"] == "warn"
    assert all(check["text"] for check in report["checks"])


def test_doctor_warns_of_secrets_in_a_dotenv_that_others_can_read(localllm: CommandLine) -> None:
    place = localllm.data_dir / "project"
    place.mkdir()
    dotenv = place / ".env"
    dotenv.write_text("ADMIN_SECRET=hunter2-and-more\n")
    states = {}
    for mode in (0o644, 0o600):
        dotenv.chmod(mode)
        done = localllm("doctor", "--json", cwd=place)
        assert "hunter2" not in done.stdout
        [check] = [c for c in json.loads(done.stdout)["checks"] if c["check"] == "secrets"]
        states[mode] = (check["state"], "chmod 600" in check["text"])
    assert states == {0o644: ("warn", True), 0o600: ("ok", False)}


def test_doctor_fails_with_exit_1_and_still_gives_json(localllm: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = localllm("doctor", "--json", PORT=str(taken.getsockname()[1]))
    one_line(done, 1)
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert {check["check"] for check in report["checks"] if check["state"] == "fail"} == {"port"}


def test_doctor_speaks_about_a_wrong_setting(localllm: CommandLine) -> None:
    done = localllm("doctor", "--json", QUEUE_LIMIT="-1")
    one_line(done, 1)
    failed = [check for check in json.loads(done.stdout)["checks"] if check["state"] == "fail"]
    assert failed[0]["text"].startswith("QUEUE_LIMIT")
