"""A secret can stand in a file, and nothing of it is shown when that file cannot be used."""

from pathlib import Path

import pytest

from gateway.config import settings
from gateway.config.settings import SettingsError

NOWHERE = Path("/nonexistent/.env")


def test_a_secret_is_read_from_the_file_that_its_name_points_to(tmp_path: Path):
    (tmp_path / "admin").write_text("s3cret\n")
    given = {"ADMIN_SECRET_FILE": str(tmp_path / "admin")}
    assert settings.load(given, NOWHERE).admin_secret == "s3cret"


def test_a_secret_in_a_file_is_checked_as_one_in_the_environment_is(tmp_path: Path):
    (tmp_path / "key").write_text("sb_publishable_x")
    given = {
        "SUPABASE_URL": "https://abc.supabase.co",
        "SUPABASE_SERVICE_KEY_FILE": str(tmp_path / "key"),
    }
    with pytest.raises(SettingsError, match="SUPABASE_SERVICE_KEY") as told:
        settings.load(given, NOWHERE)
    assert "sb_publishable_x" not in str(told.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"x" * 20_000])
def test_a_file_that_holds_no_secret_names_itself_in_one_line(
    tmp_path: Path, content: bytes | None
):
    path = tmp_path / "database"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="DATABASE_URL_FILE") as told:
        settings.load({"DATABASE_URL_FILE": str(path)}, NOWHERE)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_folder_in_the_place_of_a_secret_names_itself(tmp_path: Path):
    with pytest.raises(SettingsError, match="ADMIN_SECRET_FILE"):
        settings.load({"ADMIN_SECRET_FILE": str(tmp_path)}, NOWHERE)


def test_a_secret_that_is_given_twice_is_refused_rather_than_guessed(tmp_path: Path):
    (tmp_path / "admin").write_text("one")
    given = {"ADMIN_SECRET": "two", "ADMIN_SECRET_FILE": str(tmp_path / "admin")}
    with pytest.raises(SettingsError, match="both set"):
        settings.load(given, NOWHERE)


def test_only_secrets_have_a_file(tmp_path: Path):
    (tmp_path / "port").write_text("1")
    given = {"PORT_FILE": str(tmp_path / "port")}
    assert settings.load(given, NOWHERE).port == 8000
