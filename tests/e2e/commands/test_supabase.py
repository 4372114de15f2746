"""The command line lets Supabase decide where it is told to, and names what is wrong with it."""

import json
import signal
import sys
from collections.abc import Iterator

import pytest

from gateway.core import keys
from tests.support.command_line import CommandLine, one_line
from tests.support.gateway_process import Running, fresh_directory
from tests.support.postgres import Server, execute
from tests.support.postgrest.stand_in import Fault, StandIn, stand_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def project(dsn: str) -> Iterator[StandIn]:
    with stand_in(dsn) as running:
        yield running


@pytest.fixture
def localllm(project: StandIn) -> Iterator[CommandLine]:
    with fresh_directory() as data_dir:
        made = CommandLine(data_dir)
        made.environ |= {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_KEY": project.secret_key}
        yield made


def test_keys_are_made_listed_changed_rotated_and_revoked_there(
    localllm: CommandLine, project: StandIn
):
    made = localllm.json("keys", "create", "website", "--token-limit", "5000")
    assert keys.is_well_formed(made["key"])
    assert made["key"] not in repr(project.calls)
    assert localllm.json("keys", "update", made["id"], "--label", "after")["label"] == "after"
    rotated = localllm.json("keys", "rotate", made["id"], "--grace", "0")
    assert rotated["key"] not in repr(project.calls)
    assert localllm.json("keys", "revoke", made["id"])["is_active"] is False
    assert [row["label"] for row in localllm.json("keys", "list")["data"]] == ["after"]
    assert localllm.json("usage")["data"] == []
    assert localllm.json("usage", made["id"])["limits"]["monthly_token_limit"] == 5000
    assert not (localllm.data_dir / "postgres").exists()


def test_a_mistake_is_one_line(localllm: CommandLine):
    unknown = "00000000-0000-4000-8000-000000000000"
    assert "no key" in one_line(localllm("keys", "revoke", unknown), 1)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.WRONG_KEY_401, "check SUPABASE_SERVICE_KEY"),
        (Fault.PAUSED_540, "is paused"),
        (Fault.HTML_200, "check SUPABASE_URL"),
    ],
)
def test_a_project_that_cannot_be_asked_is_one_line_without_the_key(
    localllm: CommandLine, project: StandIn, fault: Fault, words: str
):
    project.fault = lambda call: fault
    line = one_line(localllm("keys", "list"), 1)
    assert words in line
    assert project.secret_key not in line


@pytest.mark.parametrize("command", ["serve", "up"])
def test_what_only_the_owner_can_mend_keeps_a_gateway_from_starting(
    localllm: CommandLine, project: StandIn, command: str
):
    project.fault = lambda call: Fault.WRONG_KEY_401
    arguments = ("up", "--no-demo") if command == "up" else ("serve",)
    done = localllm(*arguments, ADMIN_SECRET="a secret of the owner")
    assert done.returncode == 1
    assert "check SUPABASE_" in done.stderr


async def test_a_project_without_the_schema_is_told_to_push_it(localllm: CommandLine, dsn: str):
    await execute(dsn, "delete from gateway.migrations where version like '0004%'")
    for arguments in (("keys", "list"), ("serve",), ("db", "migrate")):
        done = localllm(*arguments, ADMIN_SECRET="a secret of the owner")
        assert "lacks 0004_admin_failures: run: npx supabase@3 db push --remote" in one_line(
            done, 1
        )
    report = json.loads(localllm("doctor", "--json").stdout)
    [store] = [check for check in report["checks"] if check["check"] == "store"]
    assert store["state"] == "fail"
    assert "npx supabase@3 db push --remote" in store["text"]


async def test_a_project_with_newer_functions_is_used_and_doctor_says_so(
    localllm: CommandLine, dsn: str
):
    await execute(dsn, "update gateway.migrations set checksum = 'x' where version = 'functions'")
    assert localllm.json("keys", "list")["data"] == []
    [store] = [c for c in localllm.json("doctor")["checks"] if c["check"] == "store"]
    assert store["state"] == "warn"
    assert "npx supabase@3 db push --remote" in store["text"]


def test_a_project_that_is_away_does_not_keep_a_gateway_from_starting(
    localllm: CommandLine, project: StandIn
):
    project.stop()
    environ = localllm.environ | {"ADMIN_SECRET": "a secret of the owner"}
    running = Running([sys.executable, "-m", "gateway", "serve"], environ, localllm.data_dir)
    try:
        running.wait_for(r"localllm is running at http://[^ ]+ \(supabase store")
        running.wait_for("Supabase cannot be reached yet: .* refuses the connection")
        assert project.secret_key not in running.output
        assert running.stop(signal.SIGTERM) == 0
        assert "Traceback" not in running.output
    finally:
        running.kill()
        project.start()


def test_doctor_tells_how_far_the_project_is_and_what_waits(localllm: CommandLine):
    checks = {check["check"]: check for check in localllm.json("doctor")["checks"]}
    assert checks["store"]["state"] == "ok"
    assert " ms away, schema up to date" in checks["store"]["text"]
    assert checks["outbox"]["text"] == "nothing is waiting to be counted"


def test_supabases_client_is_brought_when_it_is_missing(localllm: CommandLine, postgres: Server):
    """As after `scripts/up`, which does not install it: the installer is asked for it, once."""
    installer = localllm.data_dir / "installer"
    installer.write_text(f'#!/bin/sh\necho "$@" >>{localllm.data_dir}/asked\n')
    installer.chmod(0o755)
    lacks = localllm.data_dir / "lacks"
    (lacks / "sitecustomize").mkdir(parents=True)
    (lacks / "sitecustomize" / "__init__.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'supabase' else find(name, *rest)\n"
    )
    done = localllm("keys", "list", LOCALLLM_UV=str(installer), PYTHONPATH=str(lacks))
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert "the installation failed; try it yourself" in line
    asked = (localllm.data_dir / "asked").read_text()
    assert asked.startswith("pip install")
    assert "--require-hashes" in asked
    assert "supabase.txt" in asked
