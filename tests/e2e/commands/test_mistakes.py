"""What is asked wrongly, or cannot be done, is one line that names it, and an exit code."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, one_line
from tests.support.gateway_process import free_port, fresh_directory
from tests.support.paths import ROOT

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("keys", "create"), "label"),
        (("keys", "create", "x", "--rate-limit", "many"), "rate-limit"),
        (("keys", "create", "x", "--max-output-tokens", "many"), "max-output-tokens"),
        (("keys", "rotate", UNKNOWN, "--grace", "soon"), "grace"),
        (("keys", "update"), "KEY_ID"),
        (("usage", "--from", "yesterday"), "--from"),
        (("usage", "--by", "week"), "--by"),
        (("usage", "--by", "day,day"), "--by"),
        (("usage", "--by", "visitor,model"), "--by"),
        (("usage", UNKNOWN, "--by", "key"), "--by"),
        (("nonsense",), "nonsense"),
        (("keys", "create", "x", "--nonsense"), "--nonsense"),
        (("completion", "tcsh"), "tcsh"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    localllm: CommandLine, arguments: tuple[str, ...], named: str
) -> None:
    assert named in one_line(localllm(*arguments), 2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("keys", "create", ""), "label"),
        (("keys", "create", "a\nb"), "label"),
        (("keys", "create", "x" * 101), "label"),
        (("keys", "create", "x", "--email", "nobody"), "owner_email"),
        (("keys", "create", "x", "--rate-limit", "0"), "rate_limit_per_min"),
        (("keys", "create", "x", "--token-limit", "-1"), "monthly_token_limit"),
        (("keys", "create", "x", "--max-output-tokens", "0"), "max_output_tokens"),
        (("keys", "create", "x", "--model", "library/*"), "allowed_models"),
        (("keys", "create", "x", "--model", "no such/thing/at/all"), "allowed_models"),
        (("keys", "create", "x", "--origin", "example.com"), "allowed_origins"),
        (("keys", "create", "x", "--origin", "https://a.example/path"), "allowed_origins"),
        (("keys", "create", "x", "--scope", "everything"), "scopes"),
        (("keys", "create", "x", "--expires", "2001-01-01"), "expires_at"),
        (("keys", "create", "x", "--expires", "someday"), "expires_at"),
        (("keys", "update", UNKNOWN), "at least one"),
        (("keys", "update", UNKNOWN, "--label", "x"), "no key"),
        (("keys", "rotate", UNKNOWN), "no key"),
        (("keys", "rotate", UNKNOWN, "--grace", "999d"), "grace"),
        (("keys", "revoke", UNKNOWN), "no key"),
        (("keys", "revoke", "first"), "id"),
        (("usage", UNKNOWN), "no key"),
        (("usage", "--from", "2026-02-01", "--to", "2026-01-01"), "range"),
        (("tunnel", "status"), "No tunnel is running here"),
        (("serve",), "ADMIN_SECRET"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_1(
    localllm: CommandLine, arguments: tuple[str, ...], named: str
) -> None:
    assert named in one_line(localllm(*arguments), 1)


@pytest.mark.parametrize(
    "arguments", [("keys", "list"), ("usage",), ("db", "migrate"), ("up",), ("serve",)]
)
def test_a_wrong_setting_is_named_in_one_line(
    localllm: CommandLine, arguments: tuple[str, ...]
) -> None:
    assert "PORT" in one_line(localllm(*arguments, PORT="eighty"), 1)


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_port_in_use_is_named_before_anything_slow(localllm: CommandLine, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        unused = localllm.data_dir / "unused"
        done = localllm(command, PORT=str(port), DATA_DIR=str(unused), ADMIN_SECRET="x" * 12)
    assert f"PORT {port} is in use" in one_line(done, 1)
    assert not unused.exists()


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_gateway_that_runs_there_already_is_named(localllm: CommandLine, command: str) -> None:
    with health_of_a_gateway() as port:
        done = localllm(command, PORT=str(port), ADMIN_SECRET="x" * 12)
    line = one_line(done, 1)
    assert f"localllm is already running at http://127.0.0.1:{port}." in line
    assert f"PORT={port + 1}" in line


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_gateway_whose_model_server_would_be_itself_does_not_start(
    localllm: CommandLine, command: str
) -> None:
    port = str(free_port())
    url = f"http://localhost:{port}"
    done = localllm(command, PORT=port, OLLAMA_BASE_URL=url, ADMIN_SECRET="x" * 12)
    assert f"{url} is where localllm itself listens" in one_line(done, 1)


def test_a_name_that_is_no_setting_is_told_at_the_start(localllm: CommandLine) -> None:
    place = localllm.data_dir / "place"
    place.mkdir()
    (place / ".env").write_text("PROT=8123\n")
    done = localllm(
        "up",
        cwd=place,
        PYTHONPATH=str(ROOT),
        DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/x",
    )
    first, _, rest = done.stderr.partition("\n")
    assert first == ".env has a name that is no setting: PROT (did you mean PORT?)"
    assert rest.startswith("localllm: DATABASE_URL")


@contextmanager
def health_of_a_gateway() -> Generator[int]:
    """The port of what answers as a gateway does."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok", "ollama": {"state": "ok"}}')

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("command", ["up", "serve", "keys"])
def test_a_data_directory_that_cannot_be_used_is_named(localllm: CommandLine, command: str) -> None:
    arguments = ("keys", "list") if command == "keys" else (command,)
    in_the_way = localllm.data_dir / "a-file"
    in_the_way.touch()
    for place in (in_the_way, in_the_way / "below", Path("/proc/localllm")):
        done = localllm(*arguments, DATA_DIR=str(place), ADMIN_SECRET="x" * 12)
        assert "DATA_DIR" in one_line(done, 1)


@pytest.mark.parametrize("command", ["up", "keys"])
def test_a_damaged_database_is_one_line_that_says_where(command: str) -> None:
    arguments = ("keys", "list") if command == "keys" else (command,)
    with fresh_directory() as data_dir:
        (data_dir / "postgres").mkdir()
        (data_dir / "postgres" / "base").touch()
        line = one_line(CommandLine(data_dir)(*arguments), 1)
        assert str(data_dir / "postgres") in line


def test_a_secret_that_others_can_read_is_refused(localllm: CommandLine) -> None:
    secret = localllm.data_dir / "admin-secret"
    secret.touch(mode=0o644)
    secret.chmod(0o644)
    try:
        assert f"chmod 600 {secret}" in one_line(localllm("up"), 1)
    finally:
        secret.unlink()


def test_a_database_that_does_not_answer_is_named_without_its_password(
    localllm: CommandLine,
) -> None:
    url = f"postgresql://someone:hunter2@127.0.0.1:{free_port()}/nothing"
    line = one_line(localllm("keys", "list", DATABASE_URL=url), 1)
    assert "DATABASE_URL" in line
    assert "hunter2" not in line


def test_debug_shows_where_a_command_failed(localllm: CommandLine) -> None:
    done = localllm("up", DATA_DIR="/proc/localllm", DEBUG="true")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
