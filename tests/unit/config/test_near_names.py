"""A name in `.env` that was meant for a setting does not go unnoticed."""

from pathlib import Path

import pytest

from gateway.checks import machine
from gateway.config import near_names, settings
from gateway.config.dotenv_file import read_dotenv


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PROT", "PORT"),
        ("port", "PORT"),
        ("ADMIN_SECRT", "ADMIN_SECRET"),
        ("OLLAMA_URL", "OLLAMA_BASE_URL"),
        ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_KEY"),
        ("ALERT_URLS_FILES", "ALERT_URLS_FILE"),
    ],
)
def test_a_name_that_is_nearly_a_setting_is_told_with_the_setting(
    dotenv: Path, written: str, meant: str
):
    dotenv.write_text(f"HOST=127.0.0.1\n{written}=s3cret-of-owner\n")
    told = near_names.advice(read_dotenv(dotenv))
    assert told.endswith(f": {written} (did you mean {meant}?)")
    found = machine.settings_read(settings.load())
    assert found.state == "warn"
    assert told in found.text
    assert "s3cret" not in found.text


@pytest.mark.parametrize(
    "name",
    [*settings.variables(), "OLLAMA_HOST", "TUNNEL_TOKEN", "COMPOSE_PROFILES", "LOCALLLM_KEY"],
)
def test_settings_and_names_of_other_programs_are_not_told(dotenv: Path, name: str):
    dotenv.write_text(f"{name}=x\n")
    assert near_names.advice(read_dotenv(dotenv)) == ""


def test_doctor_names_the_settings_of_dotenv_too(dotenv: Path, monkeypatch: pytest.MonkeyPatch):
    dotenv.write_text("PORT=8123\nDEBUG=\n")
    monkeypatch.setenv("HOST", "127.0.0.1")
    found = machine.settings_read(settings.load())
    assert found.state == "ok"
    assert found.text.endswith("from .env and environment: HOST, PORT")
