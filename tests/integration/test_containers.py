"""What the container files promise: linted, parsed, held to the code. No engine runs them here."""

import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import server
from gateway.config import settings
from tests.support.paths import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_dockerfile_passes_hadolint():
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_a_user_that_is_not_root_and_is_a_number():
    last = DOCKERFILE.split("\nFROM ")[-1]
    user = re.search(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert user
    assert "0" not in user.groups()
    assert last.index("USER ") < last.index("ENTRYPOINT")


def test_all_that_is_copied_into_the_image_is_there_and_let_through():
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_no_secret_and_no_history_can_get_into_the_image():
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    assert not {"!.env", "!secrets", "!.git", "!.data"} & set(rules)


def test_the_port_is_published_on_this_machine_only_and_ollama_not_at_all():
    published = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert all("ports" not in SERVICES[name] for name in ("ollama", "ollama-gpu", "postgres"))


def test_the_tunnel_reaches_the_gateway_by_loopback_and_its_token_is_a_file():
    tunnel = SERVICES["cloudflared"]
    assert tunnel["network_mode"] == "service:gateway"
    assert "--token-file" in tunnel["command"]
    assert "--token" not in tunnel["command"]
    assert "environment" not in tunnel


def test_the_own_parts_cannot_write_outside_their_volumes_nor_gain_rights():
    for name in ("gateway", "cloudflared"):
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_part_has_a_capability_or_takes_the_whole_machine(name: str):
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 2048
    assert re.fullmatch(r"[0-9]+[mg]", service["mem_limit"])


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "gateway"])
def test_every_image_of_others_has_a_version(name: str):
    assert re.search(r"_VERSION:-[0-9]+\.[0-9]+[0-9.]*(-\w+)?\}$", SERVICES[name]["image"])


def test_every_variable_of_the_gateway_is_a_setting():
    known = set(settings.variables())
    assert set(SERVICES["gateway"]["environment"]) <= known
    shell = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert {name for name in shell if not name.endswith("_VERSION")} <= known


def test_secrets_come_as_files_never_as_values():
    for service in SERVICES.values():
        for name in service.get("environment", {}):
            secret = any(part in name for part in ("SECRET", "KEY", "PASSWORD", "DATABASE_URL"))
            if name != "SUPABASE_PUBLISHABLE_KEY":  # which is no secret
                assert not secret or name.endswith("_FILE"), name


def test_running_answers_can_end_before_the_container_is_killed():
    given = int(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert given > server.GRACE + 2 * server.FLUSH


@pytest.fixture
def made(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "make-secrets"
    script.write_bytes((ROOT / "scripts" / "make-secrets").read_bytes())
    subprocess.run(["sh", script], check=True, capture_output=True)
    return tmp_path


def test_one_command_makes_every_secret_that_compose_mounts(made: Path):
    wanted = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert {path.name for path in (made / "secrets").iterdir()} == wanted
    password = (made / "secrets" / "postgres_password").read_text()
    assert len(password) == 64
    assert password in (made / "secrets" / "database_url").read_text()
    assert (made / "secrets" / "admin_secret").read_text() != password
    given = {"DATABASE_URL_FILE": str(made / "secrets" / "database_url")}
    assert settings.load(given, Path("/nonexistent")).store == "postgres"


def test_the_folder_of_the_secrets_keeps_others_out(made: Path):
    assert stat.S_IMODE((made / "secrets").stat().st_mode) == 0o700
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_secrets_that_are_there_are_never_made_anew(made: Path):
    (made / "secrets" / "tunnel_token").write_text("mine")
    before = {path.name: path.read_text() for path in (made / "secrets").iterdir()}
    subprocess.run(["sh", made / "scripts" / "make-secrets"], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (made / "secrets").iterdir()} == before
