"""The commands as people and programs run them: real processes on a real embedded Postgres."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway import keys
from gateway.embedded import EmbeddedPostgres
from tests.e2e.gateway_process import Running, ask, family, free_port, fresh_directory

UNKNOWN = "00000000-0000-4000-8000-000000000000"


class CommandLine:
    """Runs `localllm …` with settings of its own and nothing of ours."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir),
            "DATA_DIR": str(data_dir),
            "PORT": str(free_port()),
            "OLLAMA_BASE_URL": f"http://127.0.0.1:{free_port()}",
        }

    def __call__(
        self, *arguments: str, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "gateway", *arguments],
            env=self.environ | environ,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def json(self, *arguments: str, **environ: str) -> Any:
        done = self(*arguments, "--json", **environ)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def localllm() -> Iterator[CommandLine]:
    """One database, kept running: a command then uses it instead of starting its own."""
    with fresh_directory() as data_dir, EmbeddedPostgres(data_dir) as postgres:
        postgres.start(lambda _: None)
        yield CommandLine(data_dir)


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The line of a command that failed as it should."""
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stderr.startswith("localllm: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_db_migrate_brings_any_database_up_to_date_and_can_run_twice() -> None:
    with fresh_directory() as data_dir, EmbeddedPostgres(data_dir) as postgres:
        dsn = postgres.start(lambda _: None)
        localllm = CommandLine(data_dir / "elsewhere")
        first = localllm.json("db", "migrate", DATABASE_URL=dsn)
        assert first["store"] == "postgres"
        assert len(first["applied"]) > 1
        assert localllm.json("db", "migrate", DATABASE_URL=dsn)["applied"] == []
        assert "up to date" in localllm("db", "migrate", DATABASE_URL=dsn).stdout
        assert not (data_dir / "elsewhere").exists()


def test_a_key_is_made_shown_once_and_listed_without_its_secret(localllm: CommandLine) -> None:
    made = localllm.json("keys", "create", "my site", "--rate-limit", "7", "--token-limit", "99")
    assert keys.is_well_formed(made["key"])
    assert made["message"] == "Save this key — it will not be shown again."
    listed = localllm.json("keys", "list")
    row = next(row for row in listed["data"] if row["id"] == made["id"])
    assert (row["label"], row["rate_limit_per_min"], row["monthly_token_limit"]) == (
        "my site",
        7,
        99,
    )
    assert listed["next"] is None
    assert made["key"] not in json.dumps(listed)
    assert keys.hash_key(made["key"]) not in json.dumps(listed)


def test_limits_not_named_are_those_of_the_settings(localllm: CommandLine) -> None:
    made = localllm.json("keys", "create", "defaults", DEFAULT_RATE_LIMIT_PER_MIN="33")
    assert made["rate_limit_per_min"] == 33
    assert made["monthly_token_limit"] == 1_000_000
    assert made["expires_at"] is None
    assert made["max_output_tokens"] is None
    assert made["scopes"] == ["chat", "embeddings", "models:read"]


def test_what_a_key_may_do_is_kept_in_its_canonical_form(localllm: CommandLine) -> None:
    made = localllm.json(
        *("keys", "create", "--label", "narrow", "--owner-email", "me@example.com"),
        *("--model", "Qwen2.5:7B,library/llama3", "--model", "llama3:latest", "--model", "X*"),
        *("--origin", "HTTPS://Example.com:443/", "--scope", "ollama:native,chat"),
        *("--expires", "2999-12-31", "--max-output-tokens", "300"),
    )
    assert made["allowed_models"] == ["qwen2.5:7b", "llama3:latest", "x*"]
    assert made["max_output_tokens"] == 300
    assert made["allowed_origins"] == ["https://example.com"]
    assert made["scopes"] == ["chat", "ollama:native"]
    assert made["expires_at"].startswith("2999-12-31T00:00:00")
    assert made["owner_email"] == "me@example.com"


def test_an_update_changes_what_it_names_and_nothing_else(localllm: CommandLine) -> None:
    made = localllm.json(
        *("keys", "create", "before", "--model", "a", "--expires", "2999-01-01"),
        *("--max-output-tokens", "5"),
    )
    changed = localllm.json(
        *("keys", "update", made["id"], "--label", "after", "--model", "all"),
        *("--expires", "never", "--max-output-tokens", "none"),
    )
    assert changed["label"] == "after"
    assert changed["allowed_models"] is None
    assert changed["expires_at"] is None
    assert changed["max_output_tokens"] is None
    assert changed["rate_limit_per_min"] == made["rate_limit_per_min"]


def test_rotation_gives_a_new_key_for_the_same_id(localllm: CommandLine) -> None:
    made = localllm.json("keys", "create", "turning")
    for grace in ("0", "1h", None):
        options = () if grace is None else ("--grace", grace)
        rotated = localllm.json("keys", "rotate", made["id"], *options)
        assert rotated["id"] == made["id"]
        assert keys.is_well_formed(rotated["key"])
        assert rotated["key"] != made["key"]


def test_a_revoked_key_stays_in_the_list_as_revoked(localllm: CommandLine) -> None:
    made = localllm.json("keys", "create", "leaving")
    assert localllm.json("keys", "revoke", made["id"])["is_active"] is False
    listed = localllm("keys", "list").stdout
    assert re.search(r"leaving .*revoked", listed)


def test_usage_of_all_and_of_one_key(localllm: CommandLine) -> None:
    made = localllm.json("keys", "create", "counting", "--token-limit", "5000")
    assert localllm.json("usage")["data"] == []
    report = localllm.json("usage", made["id"], "--from", "2020-01-01", "--to", "2020-01-31")
    assert report["limits"]["monthly_token_limit"] == 5000
    assert report["month"]["tokens_remaining"] == 5000
    assert report["by_day"] == []
    shown = localllm("usage", made["id"])
    assert "0 of 5,000 tokens this month" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("keys", "create"), "label"),
        (("keys", "create", "x", "--rate-limit", "many"), "rate-limit"),
        (("keys", "create", "x", "--max-output-tokens", "many"), "max-output-tokens"),
        (("keys", "rotate", UNKNOWN, "--grace", "soon"), "grace"),
        (("keys", "update"), "KEY_ID"),
        (("usage", "--from", "yesterday"), "--from"),
        (("usage", "--by", "hour"), "--by"),
        (("usage", "--by", "day,day"), "--by"),
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
        (("tunnel", "status"), "No tunnel runs here"),
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
        done = localllm(command, PORT=str(port), DATA_DIR=str(unused), ADMIN_SECRET="x")
    assert f"PORT {port} is in use" in one_line(done, 1)
    assert not unused.exists()


@pytest.mark.parametrize("command", ["up", "serve", "keys"])
def test_a_data_directory_that_cannot_be_used_is_named(localllm: CommandLine, command: str) -> None:
    arguments = ("keys", "list") if command == "keys" else (command,)
    in_the_way = localllm.data_dir / "a-file"
    in_the_way.touch()
    for place in (in_the_way, in_the_way / "below", Path("/proc/localllm")):
        done = localllm(*arguments, DATA_DIR=str(place), ADMIN_SECRET="x")
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


def test_serve_runs_without_a_model_until_it_is_stopped(localllm: CommandLine) -> None:
    environ = localllm.environ | {"ADMIN_SECRET": "s3cret-of-serve"}
    command = [sys.executable, "-m", "gateway", "serve"]
    running = Running(command, environ, localllm.data_dir)
    try:
        url = running.wait_for("localllm runs at (http://[^ ]+)")[1]
        status, health = ask(f"{url}/health")
        assert (status, health["store"]["state"], health["ollama"]["state"]) == (
            503,
            "ok",
            "unavailable",
        )
        assert not any("gateway.demo" in p.cmdline() for p in family(running.process.pid))
        assert running.stop(signal.SIGTERM) == 0
        assert "s3cret" not in running.output
    finally:
        running.kill()


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


def test_doctor_names_what_is_missing_and_what_to_do(localllm: CommandLine) -> None:
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
    dotenv.write_text("ADMIN_SECRET=hunter2\n")
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


@pytest.mark.parametrize("command", ["up", "serve"])
def test_help_lists_every_setting(localllm: CommandLine, command: str) -> None:
    from gateway import settings

    shown = localllm(command, "--help").stdout
    assert [name for name in settings.names() if name not in shown] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_and_answers_it(localllm: CommandLine, shell: str) -> None:
    assert "_LOCALLLM_COMPLETE" in localllm("completion", shell).stdout
    asked = {"COMP_WORDS": "localllm keys ro", "COMP_CWORD": "2" if shell != "fish" else "ro"}
    done = localllm(_LOCALLLM_COMPLETE=f"{shell}_complete", **asked)
    assert "rotate" in done.stdout


def test_help_does_not_import_what_only_the_work_needs() -> None:
    """What keeps `--help` and completion quick, without a clock."""
    heavy = ["asyncpg", "aiohttp", "httpx", "litestar", "msgspec", "rich", "supabase", "uvicorn"]
    code = f"import sys, gateway.__main__; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_secret_stands_in_a_process_list(localllm: CommandLine) -> None:
    """The server that all commands share: neither it nor its children carry a password."""
    password = (localllm.data_dir / "postgres-password").read_text().strip()
    for process in psutil.process_iter():
        try:
            shown = [*process.cmdline(), *process.environ().values()]
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        assert not any(password in text for text in shown), process
