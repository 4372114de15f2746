"""`localllm supabase role` leads to a gateway without the secret key, and leaves no signing key."""

import asyncio
import json
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.secret_files import GATEWAY_TOKEN_FILE, SIGNING_KEY_FILE
from gateway.config.supabase_project import jwt_claims
from tests.support.asking import Asking
from tests.support.books import Books
from tests.support.command_line import CommandLine, one_line
from tests.support.gateway_process import Running, fresh_directory
from tests.support.paths import ROOT
from tests.support.postgrest.stand_in import StandIn, stand_in
from tests.support.supabase_project import by_token

DAY = 86_400


@pytest.fixture
def project(dsn: str) -> Iterator[StandIn]:
    with stand_in(dsn) as running:
        yield running


@pytest.fixture
def localllm() -> Iterator[CommandLine]:
    with fresh_directory() as data_dir:
        yield CommandLine(data_dir)


def role_command(localllm: CommandLine, project: StandIn, *arguments: str) -> Asking:
    secrets = {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_KEY": project.secret_key}
    command = [sys.executable, "-W", "error", "-m", "gateway", "supabase", "role", *arguments]
    return Asking(command, localllm.environ | secrets, ROOT)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_leads_to_a_token_that_the_project_accepts(localllm: CommandLine, project: StandIn):
    key_file = localllm.data_dir / SIGNING_KEY_FILE
    token_file = localllm.data_dir / GATEWAY_TOKEN_FILE
    command = role_command(localllm, project, "--days", "30")
    command.until("Publishable key: ")
    assert str(key_file) in command.said
    key = json.loads(key_file.read_text())
    assert (mode(key_file), key["kty"], key["crv"], key["alg"]) == (0o600, "EC", "P-256", "ES256")

    command.answers(project.secret_key)
    command.until("is a secret key; the publishable one is needed (sb_publishable_…).")
    command.until("Publishable key: ")
    command.answers(project.publishable_key)
    command.until("Press Enter when that is done")
    command.answers("")
    command.until("Not yet: ")
    command.until("does not accept the token")
    command.until("Press Enter when that is done")
    assert not token_file.exists()
    project.import_signing_key(key)
    command.answers("")
    assert command.ends() == 0, command.said

    assert not key_file.exists()
    token = token_file.read_text().strip()
    assert mode(token_file) == 0o600
    assert token not in command.said and key["d"] not in command.said
    claims = jwt_claims(token)
    assert claims.keys() == {"iss", "role", "exp"}
    assert (claims["iss"], claims["role"]) == (f"{project.url}/auth/v1", "localllm_gateway")
    assert abs(claims["exp"] - time.time() - 30 * DAY) < 600

    lines = dict(
        line.split("=", 1) for line in command.said.splitlines() if line.startswith("SUPABASE_")
    )
    localllm.environ |= {"SUPABASE_URL": project.url, **lines}
    checks = {check["check"]: check for check in localllm.json("doctor")["checks"]}
    assert checks["store"]["state"] == "ok"
    assert "only serves calls" in checks["secrets"]["text"]


def test_broken_off_it_leaves_nothing(localllm: CommandLine, project: StandIn):
    command = role_command(localllm, project)
    command.until("Publishable key: ")
    assert command.ends() == 130  # its input ends, as with Ctrl-D
    assert list(localllm.data_dir.glob("supabase-*")) == []


def test_without_a_project_it_says_where_to_begin(localllm: CommandLine):
    assert "SUPABASE_URL is not set" in one_line(localllm("supabase", "role"), 1)


COMMANDS = [
    ("keys", "list"),
    ("keys", "create", "website"),
    ("keys", "revoke", "00000000-0000-4000-8000-000000000000"),
    ("usage",),
    ("db", "export"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_what_the_token_may_not_do_is_one_line_that_names_the_function(
    localllm: CommandLine, project: StandIn, arguments: tuple[str, ...]
):
    line = one_line(localllm(*arguments, **by_token(project)), 1)
    host = project.url.removeprefix("http://")
    assert (
        "needs the secret key, and SUPABASE_GATEWAY_TOKEN only serves calls: use the function"
        in line
    )
    assert f"{host}/functions/v1/admin" in line


def test_the_usage_of_one_key_can_be_shown(localllm: CommandLine, project: StandIn, dsn: str):
    books = Books(dsn)
    asyncio.run(books.make_key(monthly_token_limit=5000))
    usage = localllm.json("usage", str(books.key_id), **by_token(project))
    assert usage["limits"]["monthly_token_limit"] == 5000


def test_up_runs_without_a_first_key_and_makes_no_admin_secret(
    localllm: CommandLine, project: StandIn
):
    command = [sys.executable, "-m", "gateway", "up", "--no-demo"]
    running = Running(command, localllm.environ | by_token(project), localllm.data_dir)
    try:
        running.wait_for("Data: ")
        assert "No key was looked for or created: this needs the secret key" in running.output
        assert "keys create" not in running.output and "admin-secret" not in running.output
        assert not (localllm.data_dir / "admin-secret").exists()
        assert running.stop() == 0
    finally:
        running.kill()


@pytest.mark.parametrize(("days", "state"), [(13, "warn"), (15, "ok")])
def test_doctor_warns_two_weeks_before_the_token_expires(
    localllm: CommandLine, project: StandIn, days: int, state: str
):
    token = project.gateway_token(exp=int(time.time()) + days * DAY)
    given = by_token(project) | {"SUPABASE_GATEWAY_TOKEN": token}
    [store] = [c for c in localllm.json("doctor", **given)["checks"] if c["check"] == "store"]
    assert store["state"] == state, store
    assert ("localllm supabase role" in store["text"]) == (state == "warn")


def test_a_token_that_has_expired_keeps_a_gateway_from_starting(
    localllm: CommandLine, project: StandIn
):
    given = by_token(project) | {"SUPABASE_GATEWAY_TOKEN": project.gateway_token(exp=1)}
    for command in ("serve", "up"):
        line = localllm(command, **given).stderr.splitlines()[-1]
        assert "SUPABASE_GATEWAY_TOKEN has expired: make a new one" in line


def test_doctor_finds_a_signing_key_that_was_left(localllm: CommandLine, project: StandIn):
    (localllm.data_dir / SIGNING_KEY_FILE).write_text("{}")
    checks = {c["check"]: c for c in localllm.json("doctor", **by_token(project))["checks"]}
    assert checks["secrets"]["state"] == "warn"
    assert "delete it" in checks["secrets"]["text"]
