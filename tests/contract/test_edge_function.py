"""The Supabase function `admin`: its own checks, its settings, and a project in trouble."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.admin.calls import Owner, error
from tests.support.admin.servers import SECRET, function_environment
from tests.support.deno import (
    ADMIN,
    FUNCTIONS,
    Function,
    deno_environment,
    needs_deno,
    running_function,
)
from tests.support.failing_parts import fresh_database
from tests.support.paths import ROOT
from tests.support.postgres import Server, execute
from tests.support.postgrest.stand_in import Fault, StandIn, stand_in

pytestmark = needs_deno


@pytest.fixture(scope="module")
def project(postgres: Server) -> Iterator[StandIn]:
    with fresh_database(postgres) as dsn, stand_in(dsn) as running:
        yield running


@pytest.fixture(scope="module")
def function(project: StandIn) -> Iterator[Function]:
    with running_function(function_environment(project)) as running:
        yield running


@pytest.mark.parametrize("step", ["fmt", "lint", "check", "test"])
def test_the_functions_pass_their_own(step: str):
    command = [ROOT / "scripts/check-function", step]
    done = subprocess.run(command, env=deno_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["admin", "visitor-token"])
def test_packages_are_pinned_in_a_form_that_supabase_reads(name: str):
    folder = FUNCTIONS / name
    lock = json.loads((folder / "deno.lock").read_text("utf-8"))
    # Deno writes 5 by now, at which supabase/edge-runtime gave up until March 2026 (its issue 615).
    assert lock["version"] == "4"
    imports = json.loads((folder / "deno.json").read_text("utf-8"))["imports"]
    assert all(exact in lock["specifiers"] for exact in imports.values())
    for name in lock["npm"]:
        assert lock["npm"][name]["integrity"].startswith("sha512-")


def test_its_bounds_of_fields_are_the_gateways():
    # Only what lies below supabase/functions is sure to be deployed with it.
    copy, source = ADMIN / "key_fields.json", ROOT / "gateway/core/key_fields.json"
    assert copy.read_bytes() == source.read_bytes(), f"cp {source} {copy}"


def test_an_old_service_key_works_as_well_as_a_new_one(project: StandIn):
    keys = {"SUPABASE_SECRET_KEYS": "", "SUPABASE_SERVICE_ROLE_KEY": project.service_jwt}
    environment = function_environment(project, **keys)
    with running_function(environment) as running, Owner(running.url) as owner:
        made = owner.create()
        assert made["id"] in {row["id"] for row in owner.listed("?limit=1000")["data"]}


def test_a_function_without_a_secret_lets_nobody_in(project: StandIn):
    with running_function(function_environment(project, ADMIN_SECRET="")) as running:
        for secret in ("", "x", SECRET):
            with Owner(running.url, secret) as owner:
                assert owner.ask("GET", "/admin/usage").status_code == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [("DEFAULT_RATE_LIMIT_PER_MIN", "many"), ("API_KEY_PREFIX", "a_b"), ("SUPABASE_URL", "")],
)
def test_a_wrong_setting_is_named_in_the_log_and_a_500_for_callers(
    project: StandIn, name: str, value: str
):
    with running_function(function_environment(project, **{name: value})) as running:
        with Owner(running.url) as owner:
            answer = owner.ask("GET", "/admin/usage")
            assert (answer.status_code, error(answer)["code"]) == (500, "internal_error")
        running.wait_for(re.escape(f"The function cannot work: {name} ('{value}') should be"))
        assert SECRET not in running.output


def test_its_settings_hold_for_new_keys_and_for_pages(project: StandIn):
    settings = {
        "API_KEY_PREFIX": "my-app",
        "DEFAULT_RATE_LIMIT_PER_MIN": "7",
        "DEFAULT_MONTHLY_TOKEN_LIMIT": "0",
        "ADMIN_CORS_ORIGINS": "https://console.example",
    }
    environment = function_environment(project, **settings)
    with running_function(environment) as running, Owner(running.url) as owner:
        made = owner.create()
        assert made["key"].startswith("my-app_")
        assert (made["rate_limit_per_min"], made["monthly_token_limit"]) == (7, 0)
        page = owner.ask("GET", "/admin/usage", Origin="https://console.example")
        assert page.headers["access-control-allow-origin"] == "https://console.example"
        other = owner.ask("GET", "/admin/usage", Origin="https://other.example")
        assert (other.status_code, error(other)["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.ERROR_500, "status 500, 40P01"),
        (Fault.BUSY_503, "status 503, PGRST000"),
        (Fault.PAUSED_540, "The Supabase project is paused"),
        (Fault.WRONG_KEY_401, "Supabase refuses the service key (401)"),
        (Fault.HTML_502, "status 502"),
        (Fault.HTML_200, "status 200"),
        (Fault.REFUSE, "no connection"),
        (Fault.LOSE_ANSWER, "no connection"),
        (Fault.CUT_BODY, "no connection"),
    ],
)
def test_a_project_in_trouble_is_a_503_and_the_log_says_which(
    project: StandIn, function: Function, fault: Fault, words: str
):
    printed = len(function.output)
    project.fault = lambda call: fault if call.function == "list_api_keys" else None
    try:
        with Owner(function.url) as owner:
            answer = owner.ask("GET", "/admin/api-keys")
    finally:
        project.fault = None
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert error(answer)["code"] == "server_is_overloaded"
    function.wait_for(re.escape(words), printed)
    for secret in (SECRET, project.secret_key, project.service_jwt):
        assert secret not in function.output


def test_an_old_schema_is_a_503_and_the_log_names_the_remedy(postgres: Server):
    with fresh_database(postgres) as dsn:
        asyncio.run(execute(dsn, "drop function public.admin_login(text, boolean)"))
        with stand_in(dsn) as old, running_function(function_environment(old)) as running:
            with Owner(running.url) as owner:
                answer = owner.ask("GET", "/admin/usage")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            running.wait_for("no function admin_login .* run `npx supabase@3 db push --remote`")


@pytest.mark.parametrize("host", ["nas:http", "nas:99999", "[::1", "%"])
def test_a_host_that_can_be_none_is_refused_and_not_logged(function: Function, host: str):
    printed = len(function.output)
    with Owner(function.url) as owner:
        answer = owner.ask("GET", "/admin/api-keys", Host=host)
        assert (answer.status_code, error(answer)["code"]) == (404, "not_found")
        assert owner.ask("GET", "/admin/api-keys").status_code == 200
    assert function.output[printed:] == ""
