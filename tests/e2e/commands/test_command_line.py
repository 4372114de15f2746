"""The commands as people and programs run them: real processes on a real embedded Postgres."""

import json
import re
import signal
import subprocess
import sys

import psutil
import pytest

from gateway.core import keys
from gateway.embedded import EmbeddedPostgres
from tests.support.command_line import CommandLine
from tests.support.gateway_process import Running, ask, fresh_directory
from tests.support.processes import within


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


def test_a_key_for_an_agent_has_limits_for_a_month_of_work_unless_others_are_named(
    localllm: CommandLine,
) -> None:
    agent = localllm.json("keys", "create", "laptop", "--agent")
    limits = agent["rate_limit_per_min"], agent["monthly_token_limit"]
    assert limits == (120, 500_000_000)
    assert agent["scopes"] == ["chat", "embeddings", "models:read"]
    made = localllm.json("keys", "create", "laptop", "--agent", "--token-limit", "7")
    assert (made["rate_limit_per_min"], made["monthly_token_limit"]) == (120, 7)


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


@pytest.mark.parametrize(
    ("grace", "told"),
    [
        ("24h", "keeps working for 1 day at most"),
        ("90m", "keeps working for 90 minutes at most"),
        ("0", "does not work any more"),
    ],
)
def test_who_rotates_is_told_how_long_the_old_key_works(
    localllm: CommandLine, grace: str, told: str
) -> None:
    made = localllm.json("keys", "create", "turning")
    done = localllm("keys", "rotate", made["id"], "--grace", grace)
    assert done.stdout.endswith(f"\nThe old key {told}.\n")


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


def test_serve_runs_without_a_model_until_it_is_stopped(localllm: CommandLine) -> None:
    environ = localllm.environ | {"ADMIN_SECRET": "s3cret-of-serve"}
    command = [sys.executable, "-m", "gateway", "serve"]
    running = Running(command, environ, localllm.data_dir)
    try:
        url = running.wait_for("localllm is running at (http://[^ ]+)")[1]
        status, health = ask(f"{url}/health")
        assert (status, health["store"]["state"], health["ollama"]["state"]) == (
            503,
            "ok",
            "unavailable",
        )
        assert within(running.process.pid, "gateway.demo") == []
        assert running.stop(signal.SIGTERM) == 0
        assert "s3cret" not in running.output
    finally:
        running.kill()


@pytest.mark.parametrize("command", ["up", "serve"])
def test_help_lists_every_setting(localllm: CommandLine, command: str) -> None:
    from gateway.config import settings

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
